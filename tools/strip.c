/* SPDX-License-Identifier: MIT
 * Frames are taken a chunk at a time. Decoding, making whole and the tests of single frames run on all threads; what
 * needs the frame before, in order: following molecules through walls, leaps, the clock. */
#include "tools/strip.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

enum { MOST_CHUNK = 256, CHUNK_BYTES = 1 << 26, SAMPLES = 32 };
/* A molecule's centre does not move so far between frames; without a box nothing brings it back. Angstrom. */
#define MOST_MOVE 20.0

static void choose_backbone(km_strip *s)
{
    static const char *const protein[] = {"N", "CA", "C"}, *const nucleic[] = {"P", "C4'", "C1'"};
    const km_system *y = s->system;
    for (int32_t i = 0; i < y->n_atoms; i++) {
        const int mol_type = y->chains[y->residues[y->atoms[i].residue].chain].mol_type;
        const char *const *names = mol_type == KM_PROTEIN ? protein : nucleic;
        for (int k = 0; k < 3 && mol_type != KM_NONPOLYMER && y->atoms[i].present; k++)
            if (strcmp(y->atoms[i].name, names[k]) == 0) s->backbone[s->n_backbone++] = i;
    }
    if (s->n_backbone >= 3) return;
    for (s->n_backbone = 0; s->n_backbone < y->n_atoms; s->n_backbone++) s->backbone[s->n_backbone] = s->n_backbone;
}

void km_strip_start(km_strip *s)
{
    const size_t n = (size_t)s->system->n_atoms;
    s->backbone = KM_NEWN(int32_t, n);
    s->least_rmsd = INFINITY;
    if (s->raw) return;
    s->clean = km_clean_new(s->system, &km_clean_defaults);
    s->molecules = km_molecules_of(s->system);
    s->stereo = km_stereo_of(s->system);
    choose_backbone(s);
}

void km_strip_clear(km_strip *s)
{
    km_clean_free(s->clean);
    km_molecules_free(s->molecules);
    km_stereo_free(s->stereo);
    km_anchor_free(s->anchor);
    free(s->backbone);
}

/* A frame between its stages. */
typedef struct slot {
    float *x;        /* [A, 3] */
    double *centres; /* [molecules, 3] */
    int64_t index, fs;
    bool boxed;
    km_lattice lattice;
    km_fault fault;
    int32_t atoms[2]; /* at fault */
    int32_t mirrored; /* a centre that has turned over, or -1 */
    double rmsd;      /* from the first frame */
    km_status status;
    km_err err;
} slot;

/* A trajectory in work. */
typedef struct work {
    km_strip *s;
    const km_strip_input *in;
    slot *slots; /* [chunk] */
    int64_t chunk, total, done, dropped;
    float **scratch; /* [threads] of a raw frame each */
    double *before;  /* [molecules, 3] */
    bool followed;   /* before is of the frame before */
    float *last;     /* [A, 3] the frame before, laid on the first */
    /* the piece in work */
    int64_t n_piece, first_fs, last_fs, gap, held_fs;
    int first_output, output; /* numbers of trajectories written */
    bool has_last, held;      /* the first frame of a piece waits for a second */
    float *waiting;           /* [A, 3] */
} work;

static void load(const work *w, slot *p, float *raw)
{
    const km_strip *s = w->s;
    float box[9];
    p->status = km_traj_decode(w->in->traj, p->index, raw, &p->fs, box, &p->err);
    p->fault = KM_FAULT_NONE;
    if (p->status < 0) return;
    if (s->raw) {
        memcpy(p->x, raw, 3 * (size_t)s->system->n_atoms * sizeof *raw);
        return;
    }
    km_chem_gather(s->tokens, raw, p->x);
    p->boxed = km_lattice_of(box, &p->lattice);
    if (p->boxed) km_molecules_make_whole(s->molecules, &p->lattice, p->x);
    km_molecules_centres(s->molecules, p->x, p->centres);
}

/* Some frames of the trajectory, pairs of neighbours, from its beginning to its end; the medians are theirs. */
static km_status learn(work *w, km_err *err)
{
    km_strip *s = w->s;
    const size_t frame = 3 * (size_t)s->system->n_atoms;
    const int64_t pairs = w->total < 2 * SAMPLES ? w->total / 2 : SAMPLES, n = w->total == 1 ? 1 : 2 * pairs;
    float *x = km_alloc((size_t)n * frame * sizeof *x);
    double *centres = KM_NEWN(double, (size_t)n * 3 * (size_t)s->molecules->count);
    slot *at = KM_NEWN(slot, (size_t)n);
    km_status status = KM_OK;
#pragma omp parallel for schedule(dynamic) num_threads(s->cli->threads)
    for (int64_t i = 0; i < n; i++) {
        at[i].x = x + (size_t)i * frame;
        at[i].centres = centres + (size_t)i * 3 * (size_t)s->molecules->count;
        at[i].index = ((i / 2) * (w->total - 2) / (pairs > 1 ? pairs - 1 : 1) + i % 2) * s->stride;
        load(w, &at[i], w->scratch[omp_get_thread_num()]);
    }
    int64_t good = 0;
    for (int64_t i = 0; i < n && status == KM_OK; i++)
        if (at[i].status < 0) status = km_fail(err, at[i].status, "%s", at[i].err.msg);
    for (int64_t i = 0; i + 1 < n && status == KM_OK; i += 2) { /* in the same image, laid on each other */
        float *a = at[i].x, *b = at[i + 1].x;
        bool finite = true;
        for (size_t k = 0; k < frame; k++) finite &= isfinite(a[k]) && isfinite(b[k]);
        if (!finite) continue;
        if (at[i + 1].boxed) {
            km_molecules_follow(s->molecules, &at[i + 1].lattice, at[i].centres, at[i + 1].centres, b);
        }
        km_anchor *anchor = km_anchor_new(a, s->backbone, s->n_backbone);
        km_anchor_lay(anchor, b, s->system->n_atoms);
        km_anchor_free(anchor);
        memmove(x + (size_t)good * frame, a, frame * sizeof *x);
        memmove(x + (size_t)(good + 1) * frame, b, frame * sizeof *x);
        good += 2;
    }
    if (status == KM_OK && n == 1) good = 1;
    if (status == KM_OK && good == 0) status = km_fail(err, KM_NEGATIVE, "hardly a frame has finite coordinates only");
    if (status == KM_OK) status = km_clean_learn(s->clean, x, good, err);
    free(x), free(at), free(centres);
    return status;
}

static km_status put(work *w, const float *x, int64_t fs, km_err *err)
{
    km_strip *s = w->s;
    if (w->n_piece++ == 0) s->counts.pieces++;
    s->counts.frames++;
    km_frame frame = {
        .time_fs = fs, .trajectory = w->output, .given = true, .n_atoms = s->system->n_atoms, .coords = (float *)x};
    if (s->h5) return km_h5md_write(s->h5, w->output, x, fs, err);
    return km_writer_frame(s->writer, &frame, err);
}

/* The next frame begins a trajectory of its own; one of a single frame is left out. */
static void end_piece(work *w)
{
    if (w->held) w->s->counts.alone++;
    if (w->n_piece > 0) w->output++;
    w->n_piece = 0;
    w->held = w->has_last = false;
}

/* Does the frame's time go on as the piece does? Times in a piece are evenly spaced to the femtosecond; what the file
 * says may be off by the steps of a float32 of picoseconds. */
static bool goes_on(const work *w, int64_t fs)
{
    if (w->in->dt) return true;
    const int64_t ulp = 1 + llabs(fs) / 4000000, gap = fs - w->last_fs;
    return gap > 0 && (w->gap == 0 || llabs(gap - w->gap) <= ulp);
}

/* --raw: the file's frames as they are. */
static km_status take_raw(work *w, const slot *p, km_err *err)
{
    const int64_t fs = w->in->dt ? p->index * w->in->dt : p->fs;
    if (w->n_piece > 0 && fs <= w->last_fs)
        return km_fail(err, KM_INPUT, "%.100s: frame %lld: time does not increase (give --dt)", w->in->name,
                       (long long)p->index);
    w->last_fs = fs;
    return put(w, p->x, fs, err);
}

static km_status take(work *w, const slot *p, km_err *err)
{
    km_strip *s = w->s;
    const size_t bytes = 3 * (size_t)s->system->n_atoms * sizeof(float);
    int64_t fs = w->in->dt ? p->index * w->in->dt : p->fs;
    const bool begun = w->held || w->n_piece > 0;
    if (begun && !w->in->dt && fs == w->last_fs) return s->counts.duplicates++, KM_OK;
    if (begun && !goes_on(w, fs)) s->counts.gaps++, end_piece(w);
    if (w->has_last && km_clean_leaps(s->clean, w->last, p->x)) s->counts.leaps++, end_piece(w);
    memcpy(w->last, p->x, bytes);
    w->has_last = true;
    const int64_t said = fs;
    if (w->held) {
        w->gap = fs - w->held_fs;
        KM_TRY(put(w, w->waiting, w->held_fs, err));
        w->held = false;
    } else if (w->n_piece > 0) {
        fs = w->first_fs + w->n_piece * w->gap;
    } else {
        w->first_fs = w->held_fs = w->last_fs = fs;
        w->gap = 0;
        if (w->total > 1) {
            memcpy(w->waiting, p->x, bytes);
            w->held = true;
            return KM_OK;
        }
    }
    w->last_fs = said;
    return put(w, p->x, fs, err);
}

static km_status note_drop(work *w, const slot *p, km_err *err)
{
    km_strip *s = w->s;
    char a[40], b[40];
    s->counts.dropped[p->fault]++;
    w->dropped++;
    end_piece(w);
    km_clean_label(s->system, p->atoms[0], a);
    km_clean_label(s->system, p->atoms[1], b);
    if (s->cli->verbose)
        km_cli_say(s->cli, "%s: frame %lld: %s: %s, %s", w->in->name, (long long)p->index, km_fault_name(p->fault), a,
                   b);
    if ((double)w->dropped <= km_clean_defaults.dropped * (double)w->total) return KM_OK;
    return km_fail(err, KM_NEGATIVE, "%.90s: refused: %lld frames of %lld dropped, the last, %lld, for %s: %s, %s",
                   w->in->name, (long long)w->dropped, (long long)w->total, (long long)p->index,
                   km_fault_name(p->fault), a, b);
}

/* In order of time: whole molecules stay near where they were. */
static km_status follow(work *w, slot *p, km_err *err)
{
    const km_molecules *m = w->s->molecules;
    if (p->boxed && !w->followed) {
        km_molecules_bring_together(m, &p->lattice, p->x);
        km_molecules_centres(m, p->x, p->centres);
    }
    if (p->boxed && w->followed) km_molecules_follow(m, &p->lattice, w->before, p->centres, p->x);
    for (int32_t c = 0; c < m->count && w->followed && !p->boxed; c++) {
        const double *a = w->before + 3 * (size_t)c, *b = p->centres + 3 * (size_t)c;
        const double d =
            sqrt((a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1]) + (a[2] - b[2]) * (a[2] - b[2]));
        if (d <= MOST_MOVE || m->count == 1) continue;
        const km_system *y = w->s->system;
        const km_residue *r = &y->residues[y->atoms[m->order[m->first[c]]].residue];
        return km_fail(err, KM_NEGATIVE,
                       "%.90s: refused: frame %lld: %s %d of chain %s and what is bonded to it moves "
                       "by %.1f angstrom at once: through a periodic wall, and there is no box",
                       w->in->name, (long long)p->index, r->name, r->number, y->chains[r->chain].name, d);
    }
    memcpy(w->before, p->centres, 3 * (size_t)m->count * sizeof *w->before);
    w->followed = true;
    return KM_OK;
}

static km_status note_mirrored(work *w, const slot *p, km_err *err)
{
    km_strip *s = w->s;
    char label[40];
    km_clean_label(s->system, p->mirrored, label);
    if (s->counts.mirrored++ == 0)
        km_cli_say(s->cli, "%s: frame %lld: the stereocentre %s has turned over", w->in->name, (long long)p->index,
                   label);
    return s->strict ? km_fail(err, KM_NEGATIVE, "%.120s: refused: frame %lld: the stereocentre %s has turned over",
                               w->in->name, (long long)p->index, label)
                     : KM_OK;
}

/* n frames that have been loaded and checked. */
static km_status finish_chunk(work *w, int64_t n, km_err *err)
{
    km_strip *s = w->s;
    for (int64_t i = 0; i < n; i++) {
        slot *p = &w->slots[i];
        if (p->status < 0) return km_fail(err, p->status, "%s", p->err.msg);
        if (s->raw || p->fault) continue;
        KM_TRY(follow(w, p, err));
        if (s->anchor) continue;
        s->anchor = km_anchor_new(p->x, s->backbone, s->n_backbone);
        km_stereo_follow(s->stereo, p->x);
    }
#pragma omp parallel for schedule(dynamic, 4) num_threads(s->cli->threads)
    for (int64_t i = 0; i < n; i++) {
        slot *p = &w->slots[i];
        p->mirrored = -1;
        if (s->raw || p->fault) continue;
        p->rmsd = km_anchor_lay(s->anchor, p->x, s->system->n_atoms);
        km_stereo_wrong(s->stereo, p->x, &p->mirrored);
    }
    for (int64_t i = 0; i < n; i++) {
        slot *p = &w->slots[i];
        if (p->fault) {
            KM_TRY(note_drop(w, p, err));
            continue;
        }
        if (!s->raw) s->least_rmsd = fmin(s->least_rmsd, p->rmsd), s->most_rmsd = fmax(s->most_rmsd, p->rmsd);
        if (p->mirrored >= 0) KM_TRY(note_mirrored(w, p, err));
        KM_TRY(s->raw ? take_raw(w, p, err) : take(w, p, err));
    }
    return KM_OK;
}

static km_status run(work *w, km_err *err)
{
    km_strip *s = w->s;
    km_err why;
    km_status status = s->raw ? KM_OK : learn(w, &why);
    if (status < 0) return km_fail(err, status, "%.90s: refused: %.150s", w->in->name, why.msg);
    km_progress bar;
    km_progress_start(&bar, s->cli, w->in->name, (double)w->total);
    for (w->done = 0; w->done < w->total && status == KM_OK;) {
        const int64_t n = w->total - w->done < w->chunk ? w->total - w->done : w->chunk;
#pragma omp parallel for schedule(dynamic) num_threads(s->cli->threads)
        for (int64_t i = 0; i < n; i++) {
            slot *p = &w->slots[i];
            p->index = (w->done + i) * s->stride;
            load(w, p, w->scratch[omp_get_thread_num()]);
            if (!s->raw && p->status == KM_OK) p->fault = km_clean_check(s->clean, p->x, p->atoms);
        }
        status = finish_chunk(w, n, err);
        w->done += n;
        km_progress_add(&bar, (double)n);
        if (status == KM_OK && km_interrupted()) status = km_fail(err, KM_INTERRUPTED, "interrupted");
    }
    km_progress_end(&bar);
    return status;
}

static km_status take_back(km_strip *s, const work *w, const km_strip_counts *before, km_status status, km_err *err)
{
    const km_strip_counts after = s->counts;
    s->counts.frames = before->frames, s->counts.pieces = before->pieces;
    if (s->h5 && after.frames > before->frames) {
        km_err why;
        const km_status taken = km_h5md_take_back(s->h5, w->first_output, &why);
        if (taken < 0) return km_fail(err, taken, "%s", why.msg);
    }
    return status;
}

km_status km_strip_trajectory(km_strip *s, const km_strip_input *in, km_err *err)
{
    const size_t atoms = (size_t)s->system->n_atoms, raw = (size_t)km_traj_atoms(in->traj);
    const size_t molecules = s->molecules ? (size_t)s->molecules->count : 0;
    const km_strip_counts before = s->counts;
    const int first = (int)s->counts.pieces;
    work w = {.s = s,
              .in = in,
              .total = (km_traj_frames(in->traj) + s->stride - 1) / s->stride,
              .scratch = KM_NEWN(float *, (size_t)s->cli->threads),
              .first_output = first,
              .output = first,
              .before = KM_NEWN(double, 3 * molecules + 3),
              .last = KM_NEWN(float, 3 * atoms),
              .waiting = KM_NEWN(float, 3 * atoms)};
    w.chunk = CHUNK_BYTES / (int64_t)(12 * atoms);
    w.chunk = w.chunk > MOST_CHUNK ? MOST_CHUNK : w.chunk < s->cli->threads ? s->cli->threads : w.chunk;
    if (w.chunk > MOST_CHUNK) w.chunk = MOST_CHUNK;
    if (w.chunk > w.total) w.chunk = w.total;
    w.slots = KM_NEWN(slot, (size_t)w.chunk);
    for (int64_t i = 0; i < w.chunk; i++)
        w.slots[i].x = km_alloc(12 * atoms), w.slots[i].centres = KM_NEWN(double, 3 * molecules + 3);
    for (int k = 0; k < s->cli->threads; k++) w.scratch[k] = km_alloc(12 * raw);
    km_status status = run(&w, err);
    end_piece(&w);
    if (status == KM_NEGATIVE || status == KM_INPUT) status = take_back(s, &w, &before, status, err);
    for (int64_t i = 0; i < w.chunk; i++) free(w.slots[i].x), free(w.slots[i].centres);
    for (int k = 0; k < s->cli->threads; k++) free(w.scratch[k]);
    free(w.slots), free(w.scratch), free(w.before), free(w.last), free(w.waiting);
    return status;
}
