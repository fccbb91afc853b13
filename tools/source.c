/* SPDX-License-Identifier: MIT */
#include "tools/source.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/io.h"
#include "lib/base/mem.h"

struct km_source {
    FILE *file;
    km_reader *reader; /* of a stream, or NULL */
    km_h5md *h5;       /* or this */
    char *path;
    km_system *system; /* of h5, until they are taken */
    km_msa *msa;
    km_templates *templates;
    float *coords;
    int head; /* messages before the frames that have come: system, alignment, templates */
    bool ended;
    int trajectory;    /* where we are in h5 */
    int64_t frame, n_frames;
};

/* Only a regular file can be looked at beforehand. */
static bool is_hdf5(FILE *f)
{
    struct stat st;
    char head[8] = {0};
    if (f == stdin || fstat(fileno(f), &st) || !S_ISREG(st.st_mode)) return false;
    size_t n = fread(head, 1, sizeof head, f);
    rewind(f);
    return n == sizeof head && !memcmp(head, "\x89HDF\r\n\x1a\n", sizeof head);
}

km_status km_source_open(const char *opt_path, km_source **ret, km_err *err)
{
    *ret = NULL;
    km_source *s = KM_NEW(km_source);
    km_status status = km_input_open(opt_path, &s->file, err);
    if (status == KM_OK && is_hdf5(s->file)) {
        status = km_h5md_open(opt_path, &s->h5, err);
        s->path = km_strdup(opt_path);
        if (status == KM_OK) s->coords = KM_NEWN(float, 3 * (size_t)km_h5md_system(s->h5)->n_atoms);
    } else if (status == KM_OK) {
        s->reader = km_reader_new(s->file, s->file == stdin ? "standard input" : opt_path);
    }
    if (status < 0) {
        km_source_close(s);
        return status;
    }
    *ret = s;
    return KM_OK;
}

void km_source_close(km_source *s)
{
    if (!s) return;
    km_reader_free(s->reader);
    km_h5md_close(s->h5);
    km_system_free(s->system);
    km_msa_free(s->msa);
    km_templates_free(s->templates);
    km_input_close(s->file);
    free(s->coords);
    free(s->path);
    free(s);
}

static km_status next_of_h5(km_source *s, km_msg *m, km_err *err)
{
    *m = (km_msg){0};
    if (s->head < 3) {
        s->head++;
        if (s->head == 1) m->type = KM_MSG_SYSTEM, m->system = s->system = km_system_copy(km_h5md_system(s->h5));
        if (s->head == 2) m->type = KM_MSG_MSA, m->msa = s->msa = km_msa_copy(km_h5md_msa(s->h5));
        if (s->head == 3)
            m->type = KM_MSG_TEMPLATES, m->templates = s->templates = km_templates_copy(km_h5md_templates(s->h5));
        return m->system || m->msa || m->templates ? 1 : next_of_h5(s, m, err);
    }
    if (km_interrupted()) return km_fail(err, KM_INTERRUPTED, "interrupted");
    while (s->trajectory < km_h5md_trajectories(s->h5) && s->frame == km_h5md_frames(s->h5, s->trajectory))
        s->trajectory++, s->frame = 0;
    if (s->trajectory == km_h5md_trajectories(s->h5)) {
        if (s->ended) return 0;
        s->ended = true;
        m->type = KM_MSG_END;
        m->n_frames = s->n_frames;
        return 1;
    }
    KM_TRY(km_h5md_read(s->h5, s->trajectory, s->frame, 1, 1, s->coords, err));
    m->type = KM_MSG_FRAME;
    m->frame = (km_frame){km_h5md_times(s->h5, s->trajectory)[s->frame++], s->trajectory, true,
                          km_h5md_system(s->h5)->n_atoms, s->coords};
    s->n_frames++;
    return 1;
}

km_status km_source_next(km_source *s, km_msg *ret_msg, km_err *err)
{
    return s->reader ? km_reader_next(s->reader, ret_msg, err) : next_of_h5(s, ret_msg, err);
}

km_system *km_source_take_system(km_source *s)
{
    if (s->reader) return km_reader_take_system(s->reader);
    km_system *taken = s->system;
    s->system = NULL;
    return taken;
}

km_msa *km_source_take_msa(km_source *s)
{
    if (s->reader) return km_reader_take_msa(s->reader);
    km_msa *taken = s->msa;
    s->msa = NULL;
    return taken;
}

km_templates *km_source_take_templates(km_source *s)
{
    if (s->reader) return km_reader_take_templates(s->reader);
    km_templates *taken = s->templates;
    s->templates = NULL;
    return taken;
}

km_trunk_result *km_source_take_trunk(km_source *s) { return s->reader ? km_reader_take_trunk(s->reader) : NULL; }

km_reader_stats km_source_stats(const km_source *s)
{
    return s->reader ? km_reader_get_stats(s->reader) : (km_reader_stats){0};
}

const km_h5md *km_source_h5md(const km_source *s) { return s->h5; }
