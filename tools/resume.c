/* SPDX-License-Identifier: MIT */
#include "tools/resume.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"

/* The run's own frames begin at its mark; without provenance at the first frame that is not given. */
static bool begins_here(const km_filter *f, const km_msg *m)
{
    if (f->cli->no_provenance) return m->type == KM_MSG_FRAME && !m->frame.given;
    return m->record > 0 && m->record == f->system->n_provenance;
}

static km_status make_ready(km_filter *f, km_err *err)
{
    if (f->written) return KM_OK;
    f->written = true;
    return f->hooks->ready(f->arg, f, err);
}

static km_status several(const km_filter *f, km_err *err)
{
    return km_fail(err, KM_INPUT, "%s: several systems: only a run of one can be resumed", f->part);
}

/* Everything that is whole, up to where the file is cut or, then *ret_whole, to the stream's end. */
static km_status read_back(km_filter *f, km_reader *r, FILE *file, bool *ret_whole, km_err *err)
{
    km_msg m;
    km_status got;
    *ret_whole = false;
    while ((got = km_reader_next(r, &m, err)) == 1) {
        if (m.type == KM_MSG_SYSTEM && f->system) return several(f, err);
        if (m.type == KM_MSG_SYSTEM) f->system = km_reader_take_system(r);
        if (m.type == KM_MSG_MSA) f->msa = km_reader_take_msa(r);
        if (m.type == KM_MSG_TEMPLATES) f->templates = km_reader_take_templates(r);
        if (m.type == KM_MSG_TRUNK) f->trunk = km_reader_take_trunk(r);
        if (begins_here(f, &m)) f->marked = true;
        if (m.type == KM_MSG_FRAME) {
            KM_TRY(make_ready(f, err));
            KM_TRY(f->hooks->frame(f->arg, f, &m.frame, err));
        }
        *ret_whole = m.type == KM_MSG_END;
    }
    if (got < 0 && (got != KM_INPUT || !feof(file))) return got;
    if (got < 0 && *ret_whole) return several(f, err);
    return f->system ? make_ready(f, err)
                     : km_fail(err, KM_INPUT, "%s: no whole message in it: start the run again", f->part);
}

static km_status go_on(km_filter *f, km_output *out, km_err *err)
{
    bool whole;
    km_reader *r = km_reader_new(out->file, f->part);
    km_status status = read_back(f, r, out->file, &whole, err);
    if (status == KM_OK && !whole) {
        if (!f->marked)
            status = km_fail(err, KM_INPUT, "%s: cut before the first new frame: start the run again", f->part);
        if (status == KM_OK) status = km_output_cut(out, km_reader_get_stats(r).bytes, err);
        f->writer = km_writer_behind(r, out->file, out->what);
        if (status == KM_OK) status = f->hooks->end(f->arg, f, err);
        if (status == KM_OK) status = km_writer_end(f->writer, err);
    }
    km_reader_free(r);
    return status;
}

/* PATH.part has its name. */
static bool finished(const char *part)
{
    size_t n = strlen(part);
    if (access(part, F_OK) == 0 || n <= 5) return false;
    char *path = km_asprintf("%.*s", (int)(n - 5), part);
    bool there = !strcmp(part + n - 5, ".part") && access(path, F_OK) == 0;
    free(path);
    return there;
}

int km_filter_resume(const km_cli *cli, const char *part, const km_filter_hooks *hooks, void *arg)
{
    km_err err = {0};
    km_output out;
    if (finished(part)) {
        km_cli_say(cli, "%s: gone, and what it was for is there: nothing to do", part);
        return km_cli_end(cli, KM_OK, &err);
    }
    if (km_output_reopen(&out, part, &err) < 0) return km_cli_end(cli, err.code, &err);
    km_filter f = km_filter_init(cli, hooks, arg);
    f.part = part;
    km_status status = go_on(&f, &out, &err);
    km_filter_clear(&f);
    if (status == KM_OK) status = km_output_commit(&out, &err);
    else km_output_abandon(&out, true);
    return km_cli_end(cli, status, &err);
}

static bool makes_frames(const char *program)
{
    return !strcmp(program, "km-forecast") || !strcmp(program, "km-interp");
}

km_status km_resume_recall(const km_filter *f, uint64_t *ret_seed, km_err *err)
{
    const km_system *s = f->system;
    const km_cli *cli = f->cli;
    *ret_seed = cli->seed;
    for (int i = 0; i < s->n_provenance && cli->no_provenance; i++)
        if (makes_frames(s->provenance[i].program))
            return km_fail(err, KM_USAGE, "--no-pg: %.120s has a record of %s", f->part, s->provenance[i].program);
    if (cli->no_provenance) return KM_OK;
    const km_provenance *p = s->n_provenance ? &s->provenance[s->n_provenance - 1] : NULL;
    if (!p || strcmp(p->program, cli->program->name))
        return km_fail(
            err, KM_INPUT,
            "%.100s: the last program was %.20s, not %s (a run with --no-pg is resumed with --no-pg and its options)",
            f->part, p ? p->program : "unknown", cli->program->name);
    if (strcmp(p->version, KM_VERSION))
        return km_fail(err, KM_INPUT, "%.120s: made by version %.20s of %s, this is %s", f->part, p->version,
                       p->program, KM_VERSION);
    if (cli->seed_set && cli->seed != p->seed)
        return km_fail(err, KM_USAGE, "--seed differs from the interrupted run's, %llu", (unsigned long long)p->seed);
    *ret_seed = p->seed;
    km_cli_recall(cli, p->arguments, f->part);
    return KM_OK;
}
