/* SPDX-License-Identifier: MIT */
#include "tools/load.h"

#include <stdlib.h>
#include <string.h>

#include "formats/traj.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/chem/tokens.h"
#include "tools/source.h"

static void add_frame(km_loaded *l, const float *coords, int64_t time)
{
    size_t frame = (size_t)l->system->n_atoms * 3;
    if ((l->F & (l->F - 1)) == 0) { /* room doubles at powers of two */
        size_t room = l->F ? 2 * (size_t)l->F : 1;
        l->coords = km_realloc(l->coords, room * frame * sizeof(float));
        l->times = km_realloc(l->times, room * sizeof(int64_t));
    }
    memcpy(l->coords + (size_t)l->F * frame, coords, frame * sizeof(float));
    l->times[l->F++] = time;
}

/* Of frame `at` as it came. */
typedef struct arrival {
    int trajectory;
    int64_t at;
} arrival;

static int by_trajectory(const void *a, const void *b)
{
    const arrival *x = a, *y = b;
    if (x->trajectory != y->trajectory) return x->trajectory < y->trajectory ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

/* Frames of one trajectory side by side. */
static void sort_runs(km_loaded *l, arrival *all)
{
    size_t frame = (size_t)(l->system ? l->system->n_atoms : 0) * 3, F = (size_t)l->F;
    float *coords = KM_NEWN(float, F *frame + 1);
    int64_t *times = KM_NEWN(int64_t, F + 1);
    l->lengths = KM_NEWN(int64_t, F + 1);
    qsort(all, F, sizeof *all, by_trajectory);
    for (size_t i = 0; i < F; i++) {
        memcpy(coords + i * frame, l->coords + (size_t)all[i].at * frame, frame * sizeof *coords);
        times[i] = l->times[all[i].at];
        l->n_runs += i == 0 || all[i].trajectory != all[i - 1].trajectory;
        l->lengths[l->n_runs - 1]++;
    }
    free(l->coords), free(l->times);
    l->coords = coords, l->times = times;
}

static km_status load_stream(const char *path, int trajectory, km_loaded *l, km_err *err)
{
    km_msg m;
    km_source *source;
    km_status got;
    arrival *all = NULL;
    KM_TRY(km_source_open(path, &source, err));
    while ((got = km_source_next(source, &m, err)) == 1) {
        if (m.type == KM_MSG_SYSTEM && l->system) break; /* one system is what is asked for */
        if (m.type == KM_MSG_SYSTEM) l->system = km_source_take_system(source);
        if (m.type != KM_MSG_FRAME || (trajectory >= 0 && m.frame.trajectory != trajectory)) continue;
        if ((l->F & (l->F - 1)) == 0) all = km_realloc(all, (l->F ? 2 * (size_t)l->F : 1) * sizeof *all);
        all[l->F] = (arrival){m.frame.trajectory, l->F};
        add_frame(l, m.frame.coords, m.frame.time_fs);
    }
    km_source_close(source);
    if (got >= 0) sort_runs(l, all);
    free(all);
    return got < 0 ? got : KM_OK;
}

static km_status load_topology(const char *top, km_structure **raw, km_tokenized *t, km_err *err)
{
    const km_token_options options = {NULL, KM_MISSING_DROP};
    KM_TRY(km_structure_read(top, 0, raw, err));
    km_status status = km_chem_tokenize(*raw, &options, t, err);
    if (status < 0) {
        km_structure_free(*raw);
        return km_fail_in(err, top);
    }
    return KM_OK;
}

static void take_models(const km_structure *raw, const km_tokenized *t, km_loaded *l)
{
    float *x = KM_NEWN(float, (size_t)t->system->n_atoms * 3);
    for (int i = 0; i < raw->n_models; i++) {
        km_chem_gather(t, raw->coords + (size_t)i * (size_t)raw->system->n_atoms * 3, x);
        add_frame(l, x, i);
    }
    free(x);
}

static km_status take_trajectory(const char *path, const km_structure *raw, const km_tokenized *t, int threads,
                                 km_loaded *l, km_err *err)
{
    enum { AT_ONCE = 256 };
    km_traj *traj;
    KM_TRY(km_traj_open(path, &traj, err));
    int32_t n = km_traj_atoms(traj);
    km_status status = KM_OK;
    if (n != raw->system->n_atoms)
        status = km_fail(err, KM_INPUT, "%.140s: %d atoms, but the topology has %d", path, n, raw->system->n_atoms);
    float *block = KM_NEWN(float, (size_t)n * 3 * AT_ONCE), *x = KM_NEWN(float, (size_t)t->system->n_atoms * 3);
    int64_t times[AT_ONCE], frames = km_traj_frames(traj);
    for (int64_t f = 0; f < frames && status == KM_OK; f += AT_ONCE) {
        int64_t count = frames - f < AT_ONCE ? frames - f : AT_ONCE;
        status = km_traj_read_many(traj, f, 1, count, threads, block, times, err);
        for (int64_t i = 0; i < count && status == KM_OK; i++) {
            km_chem_gather(t, block + (size_t)i * (size_t)n * 3, x);
            add_frame(l, x, times[i]);
        }
    }
    if (status == KM_OK && km_traj_truncated(traj)) status = km_fail(err, KM_INPUT, "%.180s: truncated", path);
    free(block), free(x);
    km_traj_close(traj);
    return status;
}

km_status km_load(const char *path, const char *opt_top, int trajectory, int threads, km_loaded *ret, km_err *err)
{
    km_structure *raw;
    km_tokenized t;
    *ret = (km_loaded){0};
    km_status status;
    const km_traj_kind kind = strcmp(path, "-") ? km_traj_kind_of_file(path) : 0;
    if (km_ends_with(path, ".km") || !strcmp(path, "-") || (kind == KM_TRAJ_H5 && km_h5md_is(path))) {
        status = load_stream(path, trajectory, ret, err);
    } else {
        bool binary = kind && kind != KM_TRAJ_PDB && kind != KM_TRAJ_CIF; /* a structure is its own topology */
        if (binary && !opt_top) return km_fail(err, KM_USAGE, "%.180s: --top is needed with it", path);
        KM_TRY(load_topology(binary ? opt_top : path, &raw, &t, err));
        ret->system = km_system_copy(t.system);
        if (binary) status = take_trajectory(path, raw, &t, threads, ret, err);
        else take_models(raw, &t, ret), status = KM_OK;
        km_tokenized_clear(&t);
        km_structure_free(raw);
        ret->lengths = KM_NEWN(int64_t, 1);
        ret->lengths[0] = ret->F, ret->n_runs = 1;
    }
    if (status == KM_OK && ret->F == 0) status = km_fail(err, KM_INPUT, "%.180s: no frames", path);
    if (status < 0) km_loaded_clear(ret);
    return status;
}

void km_loaded_clear(km_loaded *l)
{
    km_system_free(l->system);
    free(l->coords), free(l->times), free(l->lengths);
    *l = (km_loaded){0};
}

km_status km_loaded_spacing(const km_loaded *l, int64_t *ret_dt, km_err *err)
{
    const int64_t *t = l->times;
    *ret_dt = 0;
    for (int r = 0; r < l->n_runs; t += l->lengths[r++])
        for (int64_t i = 1; i < l->lengths[r]; i++) {
            if (!*ret_dt) *ret_dt = t[i] - t[i - 1];
            if (t[i] - t[i - 1] != *ret_dt || *ret_dt <= 0)
                return km_fail(err, KM_INPUT, "the frames are not equally spaced: %g ns after %g ns", km_ns_of_fs(t[i]),
                               km_ns_of_fs(t[i - 1]));
        }
    return *ret_dt ? KM_OK : km_fail(err, KM_INPUT, "a single frame is no trajectory");
}

void km_loaded_cut(km_loaded *l, int64_t from, int64_t to, int64_t stride)
{
    size_t frame = (size_t)l->system->n_atoms * 3;
    int64_t n = 0, i = 0;
    for (int r = 0; r < l->n_runs; r++) {
        int64_t end = i + l->lengths[r], first = n, found = 0;
        for (; i < end; i++) {
            if (l->times[i] < from || l->times[i] > to || found++ % stride) continue;
            memmove(l->coords + (size_t)n * frame, l->coords + (size_t)i * frame, frame * sizeof(float));
            l->times[n++] = l->times[i];
        }
        l->lengths[r] = n - first;
    }
    l->F = n;
}
