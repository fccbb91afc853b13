/* SPDX-License-Identifier: MIT */
#include "tools/filter.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tools/source.h"

void km_filter_drop_tensors(km_filter *f)
{
    km_msa_free(f->msa);
    km_templates_free(f->templates);
    km_trunk_result_free(f->trunk);
    f->msa = NULL, f->templates = NULL, f->trunk = NULL;
}

static void drop_head(km_filter *f)
{
    km_system_free(f->system);
    km_filter_drop_tensors(f);
    for (int i = 0; i < f->n_held; i++) free(f->held[i].bytes);
    free(f->held);
    f->system = NULL, f->held = NULL, f->n_held = 0, f->written = false;
}

static void hold(km_filter *f, const km_msg *m)
{
    f->held = km_realloc(f->held, (size_t)(f->n_held + 1) * sizeof *f->held);
    struct km_filter_raw *h = &f->held[f->n_held++];
    h->bytes = memcpy(km_alloc(m->raw_bytes), m->raw, m->raw_bytes);
    h->n = m->raw_bytes;
}

static km_status write_head(km_filter *f, km_err *err)
{
    if (f->written) return KM_OK;
    if (f->hooks->ready) KM_TRY(f->hooks->ready(f->arg, f, err));
    if (!f->cli->no_provenance) km_system_add_provenance(f->system, &f->record);
    KM_TRY(km_writer_system(f->writer, f->system, err));
    if (f->msa) KM_TRY(km_writer_msa(f->writer, f->msa, err));
    if (f->templates) KM_TRY(km_writer_templates(f->writer, f->templates, err));
    for (int i = 0; i < f->n_held; i++) KM_TRY(km_writer_raw(f->writer, f->held[i].bytes, f->held[i].n, err));
    if (f->trunk) KM_TRY(km_writer_trunk(f->writer, f->trunk, err));
    f->written = true;
    return KM_OK;
}

km_status km_filter_write(km_filter *f, const km_frame *frame, km_err *err)
{
    return km_writer_frame(f->writer, frame, err);
}

km_status km_filter_mark(km_filter *f, km_err *err)
{
    return f->cli->no_provenance ? KM_OK : km_writer_new_frames(f->writer, f->system->n_provenance, err);
}

static km_status one(km_filter *f, const km_msg *m, km_err *err)
{
    switch (m->type) {
    case KM_MSG_SYSTEM:
        drop_head(f);
        f->system = km_source_take_system(f->source);
        return KM_OK;
    case KM_MSG_MSA: f->msa = km_source_take_msa(f->source); return KM_OK;
    case KM_MSG_TEMPLATES: f->templates = km_source_take_templates(f->source); return KM_OK;
    case KM_MSG_TRUNK: f->trunk = km_source_take_trunk(f->source); return KM_OK;
    case KM_MSG_OTHER:
        if (f->written) return km_writer_raw(f->writer, m->raw, m->raw_bytes, err);
        hold(f, m);
        return KM_OK;
    case KM_MSG_FRAME:
        KM_TRY(write_head(f, err));
        return f->hooks->frame ? f->hooks->frame(f->arg, f, &m->frame, err) : km_filter_write(f, &m->frame, err);
    case KM_MSG_END:
        KM_TRY(write_head(f, err));
        if (f->hooks->end) KM_TRY(f->hooks->end(f->arg, f, err));
        return km_writer_end(f->writer, err);
    }
    return KM_OK;
}

static km_status loop(km_filter *f, km_err *err)
{
    km_msg m;
    int64_t count = 0;
    for (;;) {
        km_status got = km_source_next(f->source, &m, err);
        if (got == 0) break;
        if (got < 0) {
            f->cut = true;
            return got;
        }
        count++;
        KM_TRY(one(f, &m, err));
        if (km_interrupted()) return km_fail(err, KM_INTERRUPTED, "interrupted");
    }
    return count ? KM_OK : km_fail(err, KM_INPUT, "the stream is empty");
}

km_filter km_filter_init(const km_cli *cli, const km_filter_hooks *hooks, void *arg)
{
    km_provenance record = {(char *)cli->program->name, KM_VERSION, km_cli_arguments(cli), cli->seed};
    return (km_filter){.cli = cli, .hooks = hooks, .arg = arg, .record = record};
}

void km_filter_clear(km_filter *f)
{
    drop_head(f);
    km_source_close(f->source);
    km_writer_free(f->writer);
    free(f->record.arguments);
}

int km_filter_run(const km_cli *cli, const char *opt_in, const char *opt_out, const km_filter_hooks *hooks, void *arg)
{
    km_err err = {0};
    km_output out;
    km_filter f = km_filter_init(cli, hooks, arg);
    if (km_source_open(opt_in, &f.source, &err) < 0 || km_output_open(&out, opt_out, true, &err) < 0) {
        km_filter_clear(&f);
        return km_cli_end(cli, err.code, &err);
    }
    f.writer = km_writer_new(out.file, out.what);
    km_status status = loop(&f, &err);
    bool wrote = f.written;
    km_filter_clear(&f);
    if (status == KM_OK) status = km_output_commit(&out, &err);
    else km_output_abandon(&out, wrote && (status == KM_INTERRUPTED || f.cut));
    return km_cli_end(cli, status, &err);
}
