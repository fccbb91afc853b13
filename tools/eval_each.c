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

/* The frames of a reel that the options choose. */
static km_status choose(const km_eval_options *o, const km_reel *r, km_clip *clip, km_err *err)
{
    int64_t first = 0, end = r->F, stride = o->stride;
    if ((o->dt || o->range.set) && r->dt == 0)
        return km_fail(err, KM_INPUT, "%.160s: its frames are not equally spaced", r->path);
    if (o->dt && o->dt % r->dt)
        return km_fail(err, KM_USAGE, "%.120s: --dt is no multiple of the spacing, %g ps", r->path,
                       (double)r->dt / 1000);
    if (o->dt) stride = o->dt / r->dt;
    if (o->range.has_from)
        while (first < end && r->start + first * r->dt < o->range.from) first++;
    if (o->range.has_to)
        while (end > first && r->start + (end - 1) * r->dt > o->range.to) end--;
    if (first == end) return km_fail(err, KM_INPUT, "%.160s: no frame lies within --time", r->path);
    *clip = (km_clip){.reel = r, .first = first, .stride = stride, .F = (end - first + stride - 1) / stride};
    return KM_OK;
}

/* Is this a residue of a protein: a standard one, or one with a peptide's backbone? */
static bool is_protein(const km_system *s, int32_t residue)
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
    km_eval *e;
    km_reel *refs;
    km_clip *clips; /* their frames; atoms are set for each case */
    int32_t **same; /* where the first reference's atoms are in each */
    int n_refs;
} opened;

static km_status open_refs(opened *t, km_err *err)
{
    const km_eval_target *target = t->e->target;
    for (int i = 0; i < target->refs.count; i++) {
        km_common c;
        KM_TRY(km_reel_open(target->refs.items[i], target->top, t->o->trajectory, &t->refs[i], err));
        t->n_refs++;
        KM_TRY(choose(t->o, &t->refs[i], &t->clips[i], err));
        km_common_find(t->refs[0].system, t->refs[i].system, &c);
        t->same[i] = c.b, c.b = NULL;
        int32_t n = c.n, A = t->refs[0].system->n_atoms;
        km_common_clear(&c);
        if (n < A)
            return km_fail(err, KM_INPUT, "%.150s: %d of the %d atoms of the first reference", t->refs[i].path, n, A);
    }
    return KM_OK;
}

/* The topology's own coordinates, or the first frame. */
static km_status read_start(const opened *t, const int32_t *atoms, int32_t A, float *start, km_err *err)
{
    if (!t->refs[0].model) {
        km_clip first = {&t->refs[0], atoms, A, t->clips[0].first, 1, 1};
        return km_clip_read(&first, 0, 1, 1, start, err);
    }
    for (int32_t a = 0; a < A; a++) memcpy(start + 3 * a, t->refs[0].model + 3 * atoms[a], 3 * sizeof *start);
    return KM_OK;
}

/* refs: clips of the first reference's atoms, model: of as many of its own. */
static km_status run_case(const opened *t, const int32_t *atoms, int32_t A, km_clip *refs, int n_refs,
                          const km_clip *model, km_eval_measure *measure, km_eval_row *row, km_err *err)
{
    const km_system *whole = t->refs[0].system;
    bool *keep = KM_NEWN(bool, (size_t)whole->n_atoms);
    for (int32_t a = 0; a < A; a++) keep[atoms[a]] = true;
    km_system *cut = km_chem_cut(whole, keep);
    km_eval_case c = {.options = t->o, .system = cut, .A = A, .ref = refs, .n_ref = n_refs, .model = *model};
    c.start = KM_NEWN(float, (size_t)A * 3);
    for (int i = 0; i < n_refs; i++) c.ref_frames += refs[i].F;
    row->frames = model->F, row->dt = model->reel->dt * model->stride, row->atoms = A;
    km_status status = read_start(t, atoms, A, c.start, err);
    if (status == KM_OK) status = measure(&c, t->e, row, err);
    km_system_free(cut);
    free(c.start), free(keep);
    return status;
}

/* Clips of these atoms of the first reference, in all references but `without`; the atoms' places are the caller's,
 * one block. */
static int clips_of(const opened *t, const int32_t *atoms, int32_t A, int without, km_clip *out, int32_t *places)
{
    int n = 0;
    for (int i = 0; i < t->n_refs; i++) {
        if (i == without) continue;
        int32_t *mine = places + (int64_t)n * A;
        for (int32_t a = 0; a < A; a++) mine[a] = t->same[i][atoms[a]];
        out[n] = t->clips[i], out[n].atoms = mine, out[n++].n_atoms = A;
    }
    return n;
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
    km_clip clip;
    const km_system *ref = t->refs[0].system;
    const char *name = km_eval_base_name(path);
    KM_TRY(km_reel_open(path, t->e->target->top, t->o->trajectory, &model, err));
    km_common_find(ref, model.system, &c);
    int32_t A = 0;
    for (int32_t i = 0; i < c.n; i++)
        if (is_protein(ref, ref->atoms[c.a[i]].residue)) c.a[A] = c.a[i], c.b[A++] = c.b[i];
    note_atoms(t->e, name, &c, A);
    km_eval_row *row = km_eval_add_row(t->e, name, KM_EVAL_MODEL);
    row->path = path, row->made = km_eval_made_by(model.system);
    km_status status = choose(t->o, &model, &clip, err);
    clip.atoms = c.b, clip.n_atoms = A;
    if (status == KM_OK && A < 3)
        km_eval_note(t->e, "%s: nothing is computed: it has %d atoms of the reference's protein", name, A);
    if (status == KM_OK && A >= 3) {
        km_clip *refs = KM_NEWN(km_clip, (size_t)t->n_refs);
        int32_t *places = KM_NEWN(int32_t, (size_t)t->n_refs *(size_t)A);
        int n = clips_of(t, c.a, A, -1, refs, places);
        status = run_case(t, c.a, A, refs, n, &clip, measure, row, err);
        free(refs), free(places);
    }
    km_common_clear(&c);
    km_reel_close(&model);
    return status;
}

/* At most so many frames, evenly spread as far as whole strides can; most 0: all. */
static void thin(km_clip *c, int64_t most)
{
    if (most == 0 || c->F <= most) return;
    c->stride *= c->F / most, c->F = most;
}

/* Dynamics in the model's place, at its number of frames. */
static km_status measure_ceiling(opened *t, int64_t frames, km_eval_measure *measure, km_err *err)
{
    const km_system *ref = t->refs[0].system;
    int32_t *atoms = KM_NEWN(int32_t, (size_t)ref->n_atoms), A = 0;
    for (int32_t a = 0; a < ref->n_atoms; a++)
        if (is_protein(ref, ref->atoms[a].residue)) atoms[A++] = a;
    km_clip *clips = KM_NEWN(km_clip, (size_t)t->n_refs + 1);
    int32_t *places = KM_NEWN(int32_t, (size_t)t->n_refs *(size_t)A + (size_t)A);
    km_status status = KM_OK;
    bool halves = t->n_refs == 1;
    for (int i = 0; i < t->n_refs && status == KM_OK && A >= 3; i++) {
        int n = clips_of(t, atoms, A, halves ? -1 : i, clips, places);
        km_clip one = t->clips[i];
        if (halves) {
            if (one.F < 4) break;
            clips[0].F = one.F / 2;
            one.first += one.F / 2 * one.stride, one.F -= one.F / 2;
        }
        int32_t *mine = places + (int64_t)n * A;
        for (int32_t a = 0; a < A; a++) mine[a] = t->same[i][atoms[a]];
        one.atoms = mine, one.n_atoms = A;
        thin(&one, frames);
        km_eval_row *row = km_eval_add_row(t->e, halves ? "MD halves" : "MD replica", KM_EVAL_REPLICA);
        row->path = t->refs[i].path;
        status = run_case(t, atoms, A, clips, n, &one, measure, row, err);
    }
    free(atoms), free(clips), free(places);
    return status;
}

static km_status each(opened *t, km_eval_measure *measure, km_err *err)
{
    const km_eval_target *target = t->e->target;
    KM_TRY(open_refs(t, err));
    t->e->system = km_system_copy(t->refs[0].system);
    for (int i = 0; i < t->n_refs; i++) t->e->ref_frames += t->clips[i].F;
    for (int i = 0; i < target->models.count; i++) KM_TRY(measure_model(t, target->models.items[i], measure, err));
    if (t->o->no_ceiling) return KM_OK;
    return measure_ceiling(t, t->e->n ? t->e->rows[0].frames : 0, measure, err);
}

km_status km_eval_each(const km_eval_options *o, km_eval *e, km_eval_measure *measure, km_err *err)
{
    size_t n = (size_t)e->target->refs.count;
    opened t = {o, e, KM_NEWN(km_reel, n), KM_NEWN(km_clip, n), KM_NEWN(int32_t *, n), 0};
    km_status status = each(&t, measure, err);
    for (int i = 0; i < t.n_refs; i++) {
        km_reel_close(&t.refs[i]);
        free(t.same[i]);
    }
    free(t.refs), free(t.clips), free(t.same);
    return status;
}

km_status km_eval_read_model(const km_eval_case *c, float **ret, km_err *err)
{
    *ret = KM_NEWN(float, (size_t)c->model.F *(size_t)c->A * 3);
    km_status status = km_clip_read(&c->model, 0, c->model.F, c->options->threads, *ret, err);
    if (status < 0) free(*ret), *ret = NULL;
    return status;
}
