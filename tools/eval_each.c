/* SPDX-License-Identifier: MIT
 * Whatever trajectories a target names, brought to their common atoms; models and ceilings measured one after another.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/chem/residues.h"
#include "lib/chem/select.h"
#include "tools/eval.h"

const char *km_eval_base_name(const char *path) { return strrchr(path, '/') ? strrchr(path, '/') + 1 : path; }

char *km_eval_made_by(const km_system *s)
{
    for (int i = s->n_provenance - 1; i >= 0; i--) {
        const km_provenance *p = &s->provenance[i];
        if (*p->weights_name)
            return km_asprintf("%s, weights %s, seed %llu", p->program, km_eval_base_name(p->weights_name),
                               (unsigned long long)p->seed);
    }
    return NULL;
}

/* The frames of a run that the options choose; none is KM_OK too. */
static km_status choose(const km_eval_options *o, const km_reel *r, int run, km_clip *clip, km_err *err)
{
    int64_t first = 0, end = r->runs[run].F, start = r->runs[run].start, stride = o->stride;
    if ((o->dt || o->range.set) && r->dt == 0 && end > 1)
        return km_fail(err, KM_INPUT, "%.130s: its frames have no times, or are not equally spaced", r->path);
    if (o->dt && r->dt && o->dt % r->dt)
        return km_fail(err, KM_USAGE, "%.120s: --dt is no multiple of the spacing, %g ps", r->path,
                       (double)r->dt / 1000);
    if (o->dt && r->dt) stride = o->dt / r->dt;
    if (o->range.has_from)
        while (first < end && start + first * r->dt < o->range.from) first++;
    if (o->range.has_to)
        while (end > first && start + (end - 1) * r->dt > o->range.to) end--;
    *clip =
        (km_clip){.reel = r, .run = run, .first = first, .stride = stride, .F = (end - first + stride - 1) / stride};
    return KM_OK;
}

km_status km_eval_choose(const km_eval_options *o, const km_reel *r, km_clip **clips, int *n, km_err *err)
{
    int before = *n;
    *clips = km_realloc(*clips, (size_t)(*n + r->n_runs) * sizeof **clips);
    for (int run = 0; run < r->n_runs; run++) {
        KM_TRY(choose(o, r, run, &(*clips)[*n], err));
        *n += (*clips)[*n].F > 0;
    }
    if (*n == before) return km_fail(err, KM_INPUT, "%.160s: no frame lies within --time", r->path);
    return KM_OK;
}

bool km_eval_is_protein(const km_system *s, int32_t residue)
{
    const km_residue *r = &s->residues[residue];
    const km_component *c = km_chem_component(r->name);
    if (c) return c->mol_type == KM_PROTEIN;
    int backbone = 0;
    for (int32_t a = r->first_atom; a < r->first_atom + r->n_atoms; a++) {
        const char *name = s->atoms[a].name;
        backbone += !strcmp(name, "N") || !strcmp(name, "CA") || !strcmp(name, "C");
    }
    return backbone == 3;
}

/* Everything opened for a target. */
typedef struct opened {
    const km_eval_options *o;
    km_eval_atoms which;
    km_eval *e;
    km_reel *refs;
    int32_t **same; /* where the first reference's atoms are in each, -1: not there */
    bool *in_all;   /* [A of the first] */
    int n_refs;
    km_clip *clips; /* [n_clips] their frames, a clip a trajectory; atoms are set for each case */
    int n_clips;
} opened;

static bool is_asked(const opened *t, int32_t residue)
{
    return t->which == KM_EVAL_ALL || km_eval_is_protein(t->refs[0].system, residue);
}

/* Is this atom of the first reference to be measured? */
static bool is_wanted(const opened *t, int32_t atom)
{
    return t->in_all[atom] && is_asked(t, t->refs[0].system->atoms[atom].residue);
}

static void note_file(km_eval *e, const km_reel *r)
{
    if (*r->note) km_eval_note(e, "%s: %s", km_eval_base_name(r->path), r->note);
}

/* Where the first reference's atoms are in reference i; what it lacks is left out of all. */
static void match_ref(opened *t, int i)
{
    km_common c;
    const km_system *first = t->refs[0].system;
    km_common_find(first, t->refs[i].system, &c);
    t->same[i] = KM_NEWN(int32_t, (size_t)first->n_atoms);
    for (int32_t a = 0; a < first->n_atoms; a++) t->same[i][a] = -1;
    for (int32_t k = 0; k < c.n; k++) t->same[i][c.a[k]] = c.b[k];
    for (int32_t a = 0; a < first->n_atoms; a++) t->in_all[a] &= t->same[i][a] >= 0;
    if (c.lost_a)
        km_eval_note(t->e, "%s: it lacks %d atoms of the first reference (%s), which are left out",
                     km_eval_base_name(t->refs[i].path), c.lost_a, c.list_a);
    km_common_clear(&c);
}

static km_status open_refs(opened *t, km_err *err)
{
    const km_eval_target *target = t->e->target;
    for (int i = 0; i < target->refs.count; i++) {
        KM_TRY(km_reel_open(target->refs.items[i], target->top, t->o->trajectory, KM_REEL_HEAVY, &t->refs[i], err));
        t->n_refs++;
        note_file(t->e, &t->refs[i]);
        KM_TRY(km_eval_choose(t->o, &t->refs[i], &t->clips, &t->n_clips, err));
        if (i == 0) {
            t->in_all = KM_NEWN(bool, (size_t)t->refs[0].system->n_atoms);
            memset(t->in_all, true, (size_t)t->refs[0].system->n_atoms * sizeof *t->in_all);
        }
        match_ref(t, i);
    }
    int32_t left = 0;
    for (int32_t a = 0; a < t->refs[0].system->n_atoms; a++) left += t->in_all[a];
    return left >= 3 ? KM_OK
                     : km_fail(err, KM_INPUT, "%.150s: the references have %d atoms in common, too few",
                               target->refs.items[0], left);
}

/* The topology's own coordinates, or the first frame. */
static km_status read_start(const opened *t, const int32_t *atoms, int32_t A, float *start, km_err *err)
{
    if (!t->refs[0].model) {
        km_clip first = t->clips[0];
        first.atoms = atoms, first.n_atoms = A;
        return km_clip_read(&first, 0, 1, 1, start, err);
    }
    for (int32_t a = 0; a < A; a++) memcpy(start + 3 * a, t->refs[0].model + 3 * atoms[a], 3 * sizeof *start);
    return KM_OK;
}

int64_t km_eval_frames_in(const km_clip *clips, int n)
{
    int64_t F = 0;
    for (int i = 0; i < n; i++) F += clips[i].F;
    return F;
}

int64_t km_eval_spacing_of(const km_clip *clips, int n)
{
    int64_t dt = -1;
    for (int i = 0; i < n; i++) {
        int64_t one = clips[i].reel->dt * clips[i].stride;
        if (clips[i].F > 1 && dt >= 0 && one != dt) return 0;
        if (clips[i].F > 1) dt = one;
    }
    return dt > 0 ? dt : 0;
}

/* The clips' trajectories beside each other; every clip has its atoms. */
typedef struct sides {
    km_clip *ref, *model;
    int n_ref, n_model;
} sides;

static km_status run_case(const opened *t, const int32_t *atoms, int32_t A, const sides *both, km_eval_measure *measure,
                          km_eval_row *row, km_err *err)
{
    const km_system *whole = t->refs[0].system;
    bool *keep = KM_NEWN(bool, (size_t)whole->n_atoms);
    for (int32_t a = 0; a < A; a++) keep[atoms[a]] = true;
    km_system *cut = km_chem_cut(whole, keep);
    km_eval_case c = {.options = t->o,
                      .system = cut,
                      .A = A,
                      .ref = both->ref,
                      .n_ref = both->n_ref,
                      .model = both->model,
                      .n_model = both->n_model};
    c.start = KM_NEWN(float, (size_t)A * 3);
    c.ref_frames = km_eval_frames_in(c.ref, c.n_ref), c.model_frames = km_eval_frames_in(c.model, c.n_model);
    c.ref_dt = km_eval_spacing_of(c.ref, c.n_ref), c.model_dt = km_eval_spacing_of(c.model, c.n_model);
    row->frames = c.model_frames, row->dt = c.model_dt, row->atoms = A;
    km_status status = read_start(t, atoms, A, c.start, err);
    if (status == KM_OK) status = measure(&c, t->e, row, err);
    km_system_free(cut);
    free(c.start), free(keep);
    return status;
}

/* Nothing is in common with the references: the model's own protein. */
static km_status measure_own(const opened *t, const km_reel *model, sides *s, km_eval_measure *measure,
                             km_eval_row *row, km_err *err)
{
    const km_system *whole = model->system;
    size_t n = (size_t)whole->n_atoms;
    int32_t *atoms = KM_NEWN(int32_t, n + 1), A = 0;
    bool *keep = KM_NEWN(bool, n + 1);
    km_status status = KM_OK;
    for (int32_t a = 0; a < whole->n_atoms; a++)
        if (km_eval_is_protein(whole, whole->atoms[a].residue)) keep[a] = true, atoms[A++] = a;
    for (int i = 0; i < s->n_model; i++) s->model[i].atoms = atoms, s->model[i].n_atoms = A;
    if (A >= 3) {
        km_system *cut = km_chem_cut(whole, keep);
        km_eval_case c = {.options = t->o, .system = cut, .A = A, .model = s->model, .n_model = s->n_model};
        row->frames = c.model_frames = km_eval_frames_in(c.model, c.n_model), row->atoms = A;
        row->dt = c.model_dt = km_eval_spacing_of(c.model, c.n_model);
        km_eval_note(t->e, "%s: its own %d atoms of protein are looked at", row->name, A);
        status = measure(&c, t->e, row, err);
        km_system_free(cut);
    }
    free(atoms), free(keep);
    return status;
}

/* These atoms of the first reference, where they are in each reference [n_refs, A]; the caller frees it. */
static int32_t *places_of(const opened *t, const int32_t *atoms, int32_t A)
{
    int32_t *places = KM_NEWN(int32_t, (size_t)t->n_refs * (size_t)A);
    for (int i = 0; i < t->n_refs; i++)
        for (int32_t a = 0; a < A; a++) places[(int64_t)i * A + a] = t->same[i][atoms[a]];
    return places;
}

/* Clip i of the references, with its atoms. */
static km_clip ref_clip(const opened *t, int i, const int32_t *places, int32_t A)
{
    km_clip c = t->clips[i];
    c.atoms = places + (c.reel - t->refs) * A, c.n_atoms = A;
    return c;
}

static void note_atoms(km_eval *e, const char *name, const km_common *c, int32_t A)
{
    if (c->lost_a || c->lost_b || c->by != KM_BY_NAMES)
        km_eval_note(e, "%s: %d atoms in common by %s%s; the reference alone has %d%s%s%s, it alone %d%s%s%s", name,
                     c->n, km_common_by_name(c->by), A < c->n ? " (not all of protein)" : "", c->lost_a,
                     c->lost_a ? " (" : "", c->list_a, c->lost_a ? ")" : "", c->lost_b, c->lost_b ? " (" : "",
                     c->list_b, c->lost_b ? ")" : "");
}

static km_status measure_model(opened *t, const char *path, km_eval_measure *measure, km_err *err)
{
    km_reel model;
    km_common c;
    sides s = {0};
    const km_system *ref = t->refs[0].system;
    const char *name = km_eval_base_name(path);
    KM_TRY(km_reel_open(path, t->e->target->top, t->o->trajectory, KM_REEL_HEAVY, &model, err));
    note_file(t->e, &model);
    km_common_find(ref, model.system, &c);
    int32_t A = 0;
    for (int32_t i = 0; i < c.n; i++)
        if (is_wanted(t, c.a[i])) c.a[A] = c.a[i], c.b[A++] = c.b[i];
    note_atoms(t->e, name, &c, A);
    km_eval_row *row = km_eval_add_row(t->e, name, KM_EVAL_MODEL);
    row->path = path, row->made = km_eval_made_by(model.system);
    km_status status = km_eval_choose(t->o, &model, &s.model, &s.n_model, err);
    for (int i = 0; i < s.n_model; i++) s.model[i].atoms = c.b, s.model[i].n_atoms = A;
    bool own = A < 3 && t->which == KM_EVAL_OWN;
    if (status == KM_OK && A < 3)
        km_eval_note(t->e, "%s: %s: it has %d atoms of the reference's%s", name,
                     own ? "nothing is compared" : "nothing is computed", A, t->which == KM_EVAL_ALL ? "" : " protein");
    if (status == KM_OK && own) status = measure_own(t, &model, &s, measure, row, err);
    if (status == KM_OK && A >= 3) {
        int32_t *places = places_of(t, c.a, A);
        s.ref = KM_NEWN(km_clip, (size_t)t->n_clips);
        while (s.n_ref < t->n_clips) s.ref[s.n_ref] = ref_clip(t, s.n_ref, places, A), s.n_ref++;
        status = run_case(t, c.a, A, &s, measure, row, err);
        free(s.ref), free(places);
    }
    free(s.model);
    km_common_clear(&c);
    km_reel_close(&model);
    return status;
}

/* At most so many frames, evenly spread as far as whole strides can; most 0: all. */
static void thin(sides *s, int64_t most)
{
    int64_t F = km_eval_frames_in(s->model, s->n_model), step = most > 0 && F > most ? F / most : 1;
    for (int i = 0; i < s->n_model; i++) {
        km_clip *c = &s->model[i];
        c->stride *= step, c->F = (c->F + step - 1) / step;
        if (s->n_model == 1 && most > 0 && c->F > most) c->F = most;
    }
}

bool km_eval_halve(km_clip *c, km_clip *second)
{
    int64_t half = c->F / 2;
    *second = *c;
    second->first += half * c->stride, second->F -= half, c->F = half;
    return half >= 2;
}

static int dynamics_of(const opened *t)
{
    int n = 0;
    for (int k = 0; k < t->n_clips; k++) n += t->clips[k].F > 1;
    return n;
}

/* What stands in the model's place, number i of n trajectories (single frames stay references): a replica and the
 * others; every other one and the rest; the halves of a single one. False where there is nothing of the kind. */
static bool take_sides(const opened *t, int i, int n, const int32_t *places, int32_t A, sides *s)
{
    bool alternate = n > KM_EVAL_REPLICAS;
    s->n_ref = s->n_model = 0;
    for (int k = 0, nth = 0; k < t->n_clips; k++) {
        km_clip c = ref_clip(t, k, places, A);
        bool moves = c.F > 1, ours = moves && (n == 1 || (alternate ? nth % 2 : nth == i));
        if (ours) s->model[s->n_model++] = c;
        if (ours && n == 1 && !km_eval_halve(&c, s->model)) return false;
        if (!ours || n == 1) s->ref[s->n_ref++] = c;
        nth += moves;
    }
    return s->n_model > 0;
}

/* Dynamics in the model's place, at its number of frames. */
static km_status measure_ceiling(opened *t, int64_t frames, km_eval_measure *measure, km_err *err)
{
    const km_system *ref = t->refs[0].system;
    int32_t *atoms = KM_NEWN(int32_t, (size_t)ref->n_atoms), A = 0;
    for (int32_t a = 0; a < ref->n_atoms; a++)
        if (is_wanted(t, a)) atoms[A++] = a;
    sides s = {KM_NEWN(km_clip, (size_t)t->n_clips), KM_NEWN(km_clip, (size_t)t->n_clips), 0, 0};
    int32_t *places = places_of(t, atoms, A);
    km_status status = KM_OK;
    int n = dynamics_of(t);
    bool replicas = n > 1 && n <= KM_EVAL_REPLICAS;
    for (int i = 0; i < (replicas ? n : 1) && status == KM_OK && A >= 3; i++) {
        if (!take_sides(t, i, n, places, A, &s)) break;
        thin(&s, frames);
        km_eval_row *row = km_eval_add_row(t->e, replicas ? "MD replica" : "MD halves", KM_EVAL_REPLICA);
        row->path = s.model->reel->path;
        status = run_case(t, atoms, A, &s, measure, row, err);
    }
    free(atoms), free(s.ref), free(s.model), free(places);
    return status;
}

static km_status each(opened *t, km_eval_measure *measure, km_err *err)
{
    const km_eval_target *target = t->e->target;
    KM_TRY(open_refs(t, err));
    t->e->system = km_system_copy(t->refs[0].system);
    t->e->ref_frames = km_eval_frames_in(t->clips, t->n_clips);
    for (int i = 0; i < target->models.count; i++) KM_TRY(measure_model(t, target->models.items[i], measure, err));
    if (t->o->no_ceiling) return KM_OK;
    return measure_ceiling(t, t->e->n ? t->e->rows[0].frames : 0, measure, err);
}

km_status km_eval_each(const km_eval_options *o, km_eval *e, km_eval_atoms which, km_eval_measure *measure, km_err *err)
{
    size_t n = (size_t)e->target->refs.count;
    opened t = {.o = o, .which = which, .e = e, .refs = KM_NEWN(km_reel, n), .same = KM_NEWN(int32_t *, n)};
    km_status status = each(&t, measure, err);
    for (int i = 0; i < t.n_refs; i++) {
        km_reel_close(&t.refs[i]);
        free(t.same[i]);
    }
    free(t.refs), free(t.clips), free(t.same), free(t.in_all);
    return status;
}

int64_t km_eval_frames_between(const km_eval_case *c)
{
    return c->ref_dt > 0 && c->model_dt > 0 && c->model_dt % c->ref_dt == 0 ? c->model_dt / c->ref_dt : 0;
}

km_status km_eval_read(const km_eval_case *c, const km_clip *clips, int n, const int32_t *opt_atoms, int32_t n_atoms,
                       float **ret, km_err *err)
{
    int32_t most = opt_atoms ? n_atoms : c->A, *atoms = KM_NEWN(int32_t, (size_t)most);
    float *x = *ret = KM_NEWN(float, (size_t)km_eval_frames_in(clips, n) * (size_t)most * 3);
    km_status status = KM_OK;
    for (int i = 0; i < n && status == KM_OK; i++) {
        km_clip one = clips[i];
        for (int32_t a = 0; a < most; a++) atoms[a] = one.atoms[opt_atoms ? opt_atoms[a] : a];
        one.atoms = atoms, one.n_atoms = most;
        status = km_clip_read(&one, 0, one.F, c->options->threads, x, err);
        x += one.F * most * 3;
    }
    free(atoms);
    if (status < 0) free(*ret), *ret = NULL;
    return status;
}

km_status km_eval_stream(const km_eval_case *c, const km_clip *clips, int n, km_eval_taker *take, void *arg,
                         km_err *err)
{
    float *x = KM_NEWN(float, KM_EVAL_PIECE *(size_t)c->A * 3);
    km_status status = KM_OK;
    int64_t first = 0;
    for (int i = 0; i < n; i++)
        for (int64_t f = 0, count; f < clips[i].F && status == KM_OK; f += count, first += count) {
            count = clips[i].F - f < KM_EVAL_PIECE ? clips[i].F - f : KM_EVAL_PIECE;
            status = km_clip_read(&clips[i], f, count, c->options->threads, x, err);
            if (status == KM_OK) take(arg, x, first, count);
        }
    free(x);
    return status;
}
