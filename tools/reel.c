/* SPDX-License-Identifier: MIT */
#include "tools/reel.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/h5_lock.h"
#include "formats/structure.h"
#include "lib/base/mem.h"
#include "lib/chem/residues.h"
#include "lib/chem/select.h"
#include "lib/chem/tokens.h"

static void copy_name(km_name to, const char *from)
{
    km_name name = {0};
    memcpy(name, from, strnlen(from, sizeof name - 1));
    memcpy(to, name, sizeof name);
}

/* Dictionary names; what is there and no hydrogen, water or ion stays. */
static void take_heavy(km_reel *r, const km_system *raw)
{
    km_system *named = km_system_copy(raw);
    bool *keep = KM_NEWN(bool, (size_t)raw->n_atoms);
    for (int32_t i = 0; i < raw->n_residues; i++) {
        km_residue *res = &named->residues[i];
        bool gone = km_chem_is_water(res->name) || (res->n_atoms == 1 && km_chem_is_ion(res->name));
        copy_name(res->name, km_chem_residue_name(raw->residues[i].name));
        for (int32_t a = res->first_atom; a < res->first_atom + res->n_atoms; a++) {
            km_atom *atom = &named->atoms[a];
            if (!atom->element) atom->element = (uint8_t)km_chem_guess_element(res->name, atom->name);
            copy_name(atom->name, km_chem_atom_name(res->name, raw->atoms[a].name));
            keep[a] = !gone && atom->element != 1 && atom->present;
        }
    }
    r->system = km_chem_cut(named, keep);
    r->source = KM_NEWN(int32_t, (size_t)r->system->n_atoms);
    for (int32_t a = 0, n = 0; a < raw->n_atoms; a++)
        if (keep[a]) r->source[n++] = a;
    r->in_file = raw->n_atoms;
    free(keep);
    km_system_free(named);
}

/* A system as it is. */
static void take_whole(km_reel *r, const km_system *s)
{
    r->system = km_system_copy(s);
    r->source = KM_NEWN(int32_t, (size_t)s->n_atoms);
    for (int32_t a = 0; a < s->n_atoms; a++) r->source[a] = a;
    r->in_file = s->n_atoms;
}

static void take_system(km_reel *r, const km_system *s)
{
    if (r->kind == KM_REEL_COMPLETE) take_whole(r, s);
    else take_heavy(r, s);
}

static void take_model(km_reel *r, const float *coords)
{
    r->model = KM_NEWN(float, (size_t)r->system->n_atoms * 3);
    for (int32_t a = 0; a < r->system->n_atoms; a++)
        memcpy(r->model + 3 * a, coords + 3 * r->source[a], 3 * sizeof(float));
}

static km_status take_structure(km_reel *r, const char *path, const km_structure *top, km_err *err)
{
    if (r->kind == KM_REEL_HEAVY) {
        take_heavy(r, top->system);
        take_model(r, top->coords);
        return KM_OK;
    }
    const km_token_options options = {NULL, KM_MISSING_DROP};
    km_tokenized t;
    if (km_chem_tokenize(top, &options, &t, err) < 0) return km_fail_in(err, path);
    r->system = t.system, r->source = t.source, r->in_file = top->system->n_atoms;
    return KM_OK;
}

/* A run more, whose first and last frames are at these times; spacing 0 where it is not even. */
static km_run *add_run(km_reel *r, int trajectory, int64_t F, int64_t start, int64_t spacing)
{
    r->runs = km_realloc(r->runs, (size_t)(r->n_runs + 1) * sizeof *r->runs);
    km_run *run = &r->runs[r->n_runs++];
    *run = (km_run){.trajectory = trajectory, .F = F, .start = start};
    if (r->n_runs > 1) run->first = run[-1].first + run[-1].F;
    r->dt = spacing > 0 && (r->n_runs == 1 || r->dt == spacing) ? spacing : 0;
    return run;
}

static int64_t spacing_of(const int64_t *times, int64_t F)
{
    int64_t dt = F > 1 ? times[1] - times[0] : 0;
    for (int64_t f = 1; f < F; f++)
        if (times[f] - times[f - 1] != dt) return 0;
    return dt;
}

/* The first two and the last frame tell the spacing of a file on disk. */
static km_status ask_times(km_reel *r, km_err *err)
{
    float *x = KM_NEWN(float, (size_t)r->in_file * 3);
    int64_t F = km_traj_frames(r->traj), at[3] = {0, F > 1 ? 1 : 0, F - 1}, t[3];
    km_status status = KM_OK;
    for (int i = 0; i < 3 && status == KM_OK; i++) status = km_traj_read(r->traj, at[i], x, &t[i], NULL, err);
    free(x);
    KM_TRY(status);
    bool even = km_traj_timed(r->traj) && t[2] - t[0] == (t[1] - t[0]) * (F - 1);
    add_run(r, 0, F, t[0], even ? t[1] - t[0] : 0);
    return KM_OK;
}

/* CA of residues by their letters. */
static km_system *ca_of_letters(const char *letters)
{
    size_t n = strlen(letters);
    km_system *s = km_system_new();
    free(s->name), s->name = km_strdup("sequence");
    s->atoms = KM_NEWN(km_atom, n), s->residues = KM_NEWN(km_residue, n), s->chains = KM_NEW(km_chain);
    s->n_atoms = s->n_residues = s->chains->n_residues = (int32_t)n, s->n_chains = 1;
    copy_name(s->chains->name, "A");
    for (int32_t i = 0; i < s->n_atoms; i++) {
        const km_component *c = km_chem_component_of_letter(letters[i], KM_PROTEIN);
        s->atoms[i] = (km_atom){.name = "CA", .element = 6, .present = 1, .residue = i, .token = -1};
        s->residues[i] = (km_residue){.number = i + 1, .icode = ' ', .index = i, .first_atom = i, .n_atoms = 1};
        copy_name(s->residues[i].name, c ? c->name : "UNK");
    }
    return s;
}

static bool is_ca(const km_atom *a) { return !strcmp(a->name, "CA") && a->element == 6; }

/* Nothing but CA of a structure. */
static void leave_ca(km_structure *top)
{
    bool *keep = KM_NEWN(bool, (size_t)top->system->n_atoms);
    int32_t n = 0;
    for (int32_t a = 0; a < top->system->n_atoms; a++) {
        keep[a] = is_ca(&top->system->atoms[a]);
        if (keep[a]) memmove(top->coords + 3 * n++, top->coords + 3 * a, 3 * sizeof(float));
    }
    km_system *cut = km_chem_cut(top->system, keep);
    km_system_free(top->system);
    top->system = cut;
    free(keep);
}

static int32_t count_ca(const km_system *s)
{
    int32_t n = 0;
    for (int32_t a = 0; a < s->n_atoms; a++) n += is_ca(&s->atoms[a]);
    return n;
}

static km_status take_top(km_reel *r, const char *path, const char *top_path, km_err *err)
{
    km_structure *top;
    KM_TRY(km_structure_read(top_path, 1, &top, err));
    int32_t atoms = km_traj_atoms(r->traj), in_top = top->system->n_atoms;
    bool arrays = km_traj_get_kind(r->traj) == KM_TRAJ_NPZ;
    if (arrays && in_top != atoms && count_ca(top->system) == atoms) leave_ca(top), in_top = atoms;
    km_status status = take_structure(r, top_path, top, err);
    km_structure_free(top);
    KM_TRY(status);
    return in_top == atoms ? KM_OK
                           : km_fail(err, KM_INPUT, "%.140s: %d atoms, but the topology has %d", path, atoms, in_top);
}

static km_status open_traj(km_reel *r, const char *path, const char *opt_top, km_err *err)
{
    KM_TRY(km_traj_open(path, &r->traj, err));
    const char *letters = km_traj_sequence(r->traj);
    if (letters && (int32_t)strlen(letters) == km_traj_atoms(r->traj)) {
        km_system *s = ca_of_letters(letters);
        take_system(r, s);
        km_system_free(s);
    } else if (opt_top) {
        KM_TRY(take_top(r, path, opt_top, err));
    } else {
        return km_fail(err, KM_USAGE, "%.180s: --top is needed with it", path);
    }
    snprintf(r->note, sizeof r->note, "%s", km_traj_note(r->traj));
    if (km_traj_truncated(r->traj)) return km_fail(err, KM_INPUT, "%.180s: truncated", path);
    return ask_times(r, err);
}

static km_status open_h5(km_reel *r, const char *path, int trajectory, km_err *err)
{
    KM_TRY(km_h5md_open(path, &r->h5, err));
    take_system(r, km_h5md_system(r->h5));
    for (int t = 0; t < km_h5md_trajectories(r->h5); t++) {
        int64_t F = km_h5md_frames(r->h5, t);
        const int64_t *times = km_h5md_times(r->h5, t);
        if (F > 0 && (trajectory < 0 || t == trajectory)) add_run(r, t, F, times[0], spacing_of(times, F));
    }
    return KM_OK;
}

/* -- frames that are held */

static km_status hold_fail(const km_reel *r, km_err *err)
{
    return km_fail(err, KM_SYSTEM, "%.150s: no temporary file can be written for its frames: %s", r->path,
                   strerror(errno));
}

static km_status hold(km_reel *r, const float *x, size_t frames, km_err *err)
{
    size_t n = frames * (size_t)r->in_file * 3;
    if (!r->held) r->held = tmpfile();
    if (r->held && fwrite(x, sizeof *x, n, r->held) == n) return KM_OK;
    return hold_fail(r, err);
}

/* All are there: they can be read. */
static km_status end_hold(km_reel *r, km_err *err)
{
    if (!r->held || !fflush(r->held)) return KM_OK;
    return hold_fail(r, err);
}

static km_status read_held(const km_reel *r, int64_t frame, float *out, km_err *err)
{
    size_t n = (size_t)r->in_file * 3 * sizeof *out;
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(fileno(r->held), (char *)out + done, n - done, frame * (off_t)n + (off_t)done);
        if (got <= 0) return km_fail(err, KM_SYSTEM, "%.150s: cannot read the temporary file of its frames", r->path);
        done += (size_t)got;
    }
    return KM_OK;
}

/* The frames of a stream as they came. */
typedef struct arrival {
    int trajectory;
    bool given;
    int64_t time, at; /* where it is held */
} arrival;

static int by_trajectory(const void *a, const void *b)
{
    const arrival *x = a, *y = b;
    if (x->trajectory != y->trajectory) return x->trajectory < y->trajectory ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

/* Frames of one trajectory side by side, as runs. */
static void sort_runs(km_reel *r, arrival *all, int64_t n)
{
    int64_t *times = KM_NEWN(int64_t, (size_t)n + 1);
    r->order = KM_NEWN(int64_t, (size_t)n + 1);
    qsort(all, (size_t)n, sizeof *all, by_trajectory);
    for (int64_t i = 0, end; i < n; i = end) {
        for (end = i; end < n && all[end].trajectory == all[i].trajectory; end++)
            r->order[end] = all[end].at, times[end - i] = all[end].time;
        add_run(r, all[i].trajectory, end - i, times[0], spacing_of(times, end - i));
    }
    free(times);
}

static km_status take_frames(km_reel *r, km_source *source, int trajectory, km_err *err)
{
    km_msg m;
    km_status got;
    arrival *all = NULL;
    int64_t n = 0, generated = 0, kept = 0;
    while ((got = km_source_next(source, &m, err)) == 1) {
        if (m.type == KM_MSG_SYSTEM && r->system) break; /* one system is what is asked for */
        if (m.type == KM_MSG_SYSTEM) {
            km_system *s = km_source_take_system(source);
            take_system(r, s);
            km_system_free(s);
        }
        if (m.type != KM_MSG_FRAME || (trajectory >= 0 && m.frame.trajectory != trajectory)) continue;
        if ((n & (n - 1)) == 0) /* room doubles at powers of two */
            all = km_realloc(all, (n ? 2 * (size_t)n : 1) * sizeof *all);
        if ((got = hold(r, m.frame.coords, 1, err)) < 0) break;
        all[n] = (arrival){m.frame.trajectory, m.frame.given, m.frame.time_fs, n};
        generated += !m.frame.given, n++;
    }
    for (int64_t i = 0; i < n; i++)
        if (!all[i].given || generated == 0 || r->kind == KM_REEL_COMPLETE) all[kept++] = all[i];
    sort_runs(r, all, kept);
    free(all);
    return got < 0 ? got : end_hold(r, err);
}

static km_status open_stream(km_reel *r, const char *path, int trajectory, km_err *err)
{
    km_source *source;
    KM_TRY(km_source_open(path, &source, err));
    km_status status = take_frames(r, source, trajectory, err);
    km_source_close(source);
    return status;
}

static km_status open_models(km_reel *r, const char *path, km_err *err)
{
    km_structure *all;
    KM_TRY(km_structure_read(path, 0, &all, err));
    add_run(r, 0, all->n_models, 0, 0);
    km_status status = take_structure(r, path, all, err);
    if (status == KM_OK) status = hold(r, all->coords, (size_t)all->n_models, err);
    if (status == KM_OK) status = end_hold(r, err);
    km_structure_free(all);
    return status;
}

static bool is_stream(const char *path)
{
    const char *dot = strrchr(path, '.');
    return !strcmp(path, "-") || (dot && !strcmp(dot, ".km"));
}

static km_status open_any(km_reel *r, const char *path, const char *opt_top, int trajectory, km_err *err)
{
    if (is_stream(path)) return open_stream(r, path, trajectory, err);
    const km_traj_kind kind = km_traj_kind_of_file(path);
    if (kind == KM_TRAJ_H5) {
        km_h5_lock();
        bool ours = km_h5md_is(path);
        km_status status = ours ? open_h5(r, path, trajectory, err) : open_traj(r, path, opt_top, err);
        km_h5_unlock();
        return status;
    }
    if (kind && kind != KM_TRAJ_PDB && kind != KM_TRAJ_CIF) return open_traj(r, path, opt_top, err);
    return open_models(r, path, err);
}

km_status km_reel_open(const char *path, const char *opt_top, int trajectory, km_reel_kind kind, km_reel *ret,
                       km_err *err)
{
    *ret = (km_reel){.path = path, .kind = kind};
    km_status status = open_any(ret, path, opt_top, trajectory, err);
    if (status == KM_OK && ret->n_runs == 0)
        status = trajectory > 0 ? km_fail(err, KM_INPUT, "%.180s: no trajectory %d", path, trajectory)
                                : km_fail(err, KM_INPUT, "%.180s: no frames", path);
    if (status == KM_OK && ret->system->n_atoms == 0) status = km_fail(err, KM_INPUT, "%.180s: no heavy atoms", path);
    if (status < 0) km_reel_close(ret);
    return status;
}

void km_reel_close(km_reel *r)
{
    if (r->traj) km_traj_close(r->traj);
    if (r->h5) {
        km_h5_lock();
        km_h5md_close(r->h5);
        km_h5_unlock();
    }
    km_system_free(r->system);
    if (r->held) fclose(r->held);
    free(r->source), free(r->model), free(r->runs), free(r->order);
    *r = (km_reel){0};
}

static km_status read_whole(const km_clip *c, int64_t i, int64_t n, int threads, float *block, km_err *err)
{
    const km_reel *r = c->reel;
    const km_run *run = &r->runs[c->run];
    int64_t first = c->first + i * c->stride;
    if (r->traj) return km_traj_read_many(r->traj, first, c->stride, n, threads, block, NULL, err);
    if (r->h5) {
        km_h5_lock();
        km_status status = km_h5md_read(r->h5, run->trajectory, first, c->stride, n, block, err);
        km_h5_unlock();
        return status;
    }
    size_t frame = (size_t)r->in_file * 3;
    for (int64_t f = 0; f < n; f++) {
        int64_t at = run->first + first + f * c->stride;
        KM_TRY(read_held(r, r->order ? r->order[at] : at, block + (size_t)f * frame, err));
    }
    return KM_OK;
}

km_status km_clip_read(const km_clip *c, int64_t i, int64_t n, int threads, float *out, km_err *err)
{
    enum { AT_ONCE = 128 };
    const km_reel *r = c->reel;
    size_t whole = (size_t)r->in_file * 3;
    float *block = KM_NEWN(float, AT_ONCE *whole);
    km_status status = KM_OK;
    for (int64_t f = 0; f < n && status == KM_OK; f += AT_ONCE) {
        int64_t count = n - f < AT_ONCE ? n - f : AT_ONCE;
        status = read_whole(c, i + f, count, threads, block, err);
        for (int64_t k = 0; k < count && status == KM_OK; k++)
            for (int32_t a = 0; a < c->n_atoms; a++) {
                const float *x = block + (size_t)k * whole + (size_t)r->source[c->atoms[a]] * 3;
                if (!isfinite(x[0] + x[1] + x[2]))
                    status = km_fail(err, KM_INPUT, "%.160s: frame %lld holds a number that is not finite", r->path,
                                     (long long)(c->first + (i + f + k) * c->stride));
                memcpy(out + ((size_t)(f + k) * (size_t)c->n_atoms + (size_t)a) * 3, x, 3 * sizeof *out);
            }
    }
    free(block);
    return status;
}
