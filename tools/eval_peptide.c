/* SPDX-License-Identifier: MIT
 * The peptide panel: systems complete, atoms all the same; the first reference is the reference, the others stand in
 * the model's place. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/rng.h"
#include "tools/eval.h"
#include "tools/load.h"

/* What is measured of one trajectory. */
typedef struct measured {
    km_peptide_scores scores;
    km_validity validity;
} measured;

#define SCORE(name) offsetof(measured, scores.name)
#define CHECK(name) offsetof(measured, validity.name)
const km_metric km_peptide_metrics[] = {
    {"jsd_backbone", "jsd_bb", 6, 3, SCORE(jsd_backbone), KM_BEST_LOW,
     .meaning = "Jensen-Shannon distance of phi and psi, mean over torsions"},
    {"jsd_side", "jsd_sc", 6, 3, SCORE(jsd_side), KM_BEST_LOW, .meaning = "the same of the side chains' torsions"},
    {"jsd_phi_psi", "phi-psi", 7, 3, SCORE(jsd_phi_psi), KM_BEST_LOW,
     .meaning = "the same of (phi, psi) pairs, mean over residues"},
    {"jsd_all", NULL, 0, 0, SCORE(jsd_all), KM_BEST_LOW, .meaning = "the same of all torsions but omega"},
    {"decorrelation_backbone", "dec_bb", 6, 3, SCORE(decorrelation_backbone), KM_BEST_LOW,
     .meaning = "gap between the decorrelation of phi and psi, mean over lags and torsions"},
    {"decorrelation_side", "dec_sc", 6, 3, SCORE(decorrelation_side), KM_BEST_LOW,
     .meaning = "the same of the side chains' torsions"},
    {"rmsf_r", "rmsf_r", 6, 3, SCORE(rmsf_r), KM_BEST_HIGH, .meaning = "correlation of the atoms' fluctuations"},
    {"rmsf", NULL, 0, 0, SCORE(rmsf), KM_BEST_NONE, .meaning = "mean fluctuation of the atoms", .unit = "A"},
    {"rmsf_ref", NULL, 0, 0, SCORE(rmsf_ref), KM_BEST_NONE, .meaning = "that of the reference", .unit = "A"},
    {"bond_rms_ok", "bonds", 6, 3, CHECK(bond_rms_ok), KM_BEST_HIGH, true, true,
     "frames whose bond lengths are within 0.1 Å (rms) of the dictionary"},
    {"bond_all_ok", "worst", 6, 3, CHECK(bond_all_ok), KM_BEST_HIGH, true,
     .meaning = "frames with every bond within 0.25 Å of it"},
    {"no_clash", "clash", 6, 3, CHECK(no_clash), KM_BEST_HIGH, true,
     .meaning = "frames without atoms closer than 2.2 Å that are more than 3 bonds apart"},
    {"chirality_ok", "L", 6, 3, CHECK(chirality_ok), KM_BEST_HIGH, true, .meaning = "frames in which every CA is L"},
    {"all_ok", "all", 6, 3, CHECK(all_ok), KM_BEST_HIGH, true, .meaning = "frames that pass all of these"},
    {"bond_rms", "bond_A", 6, 3, CHECK(bond_rms), KM_BEST_LOW, .first = true,
     .meaning = "rms deviation of bond lengths over all frames, Å", .unit = "A"},
    {"angle_rms", "angle", 6, 2, CHECK(angle_rms), KM_BEST_LOW, .meaning = "the same of bond angles, degrees",
     .unit = "degree"},
    {0},
};

/* The frames within the range of times. */
static void keep_range(const km_opt_range *range, km_loaded *l)
{
    int64_t first = 0, end = l->F;
    while (range->has_from && first < end && l->times[first] < range->from) first++;
    while (range->has_to && end > first && l->times[end - 1] > range->to) end--;
    l->F = end;
    km_loaded_thin(l, first, 1);
}

static km_status load(const km_eval_options *o, const char *top, const char *path, km_loaded *l, int64_t *dt,
                      km_err *err)
{
    KM_TRY(km_load(path, top, o->trajectory < 0 ? 0 : o->trajectory, o->threads, l, err));
    keep_range(&o->range, l);
    km_status status = km_loaded_spacing(l, dt, err);
    if (status == KM_OK && o->dt && o->dt % *dt)
        status = km_fail(err, KM_USAGE, "--dt is no multiple of the spacing, %g ps", (double)*dt / 1000);
    if (status < 0) {
        km_loaded_clear(l);
        return km_fail_in(err, path);
    }
    int64_t stride = o->dt ? o->dt / *dt : o->stride;
    km_loaded_thin(l, 0, stride);
    *dt *= stride;
    return KM_OK;
}

/* The atom that stands for one of the reference's, -1 for none. */
static int32_t counterpart(const km_system *s, const km_atom *of)
{
    if (of->residue >= s->n_residues) return -1;
    const km_residue *r = &s->residues[of->residue];
    for (int32_t i = r->first_atom; i < r->first_atom + r->n_atoms; i++)
        if (strcmp(s->atoms[i].name, of->name) == 0) return i;
    return -1;
}

/* The reference's atoms in its order; others (OXT, of models that have it) are left out. */
static km_status take_atoms(const km_system *ref, km_loaded *l, const char *path, km_err *err)
{
    const km_system *s = l->system;
    if (s->n_atoms < ref->n_atoms)
        return km_fail(err, KM_INPUT, "%.150s: %d atoms, but the reference has %d", path, s->n_atoms, ref->n_atoms);
    size_t A = (size_t)ref->n_atoms, all = (size_t)s->n_atoms;
    int32_t *from = KM_NEWN(int32_t, A);
    float *frame = KM_NEWN(float, 3 * A);
    km_status status = KM_OK;
    for (size_t i = 0; i < A && status == KM_OK; i++)
        if ((from[i] = counterpart(s, &ref->atoms[i])) < 0)
            status = km_fail(err, KM_INPUT, "%.150s: no %s in residue %d, in the reference there is", path,
                             ref->atoms[i].name, ref->atoms[i].residue + 1);
    for (int64_t f = 0; f < l->F && status == KM_OK; f++) {
        for (size_t i = 0; i < A; i++)
            memcpy(frame + 3 * i, l->coords + 3 * ((size_t)f * all + (size_t)from[i]), 3 * sizeof *frame);
        memcpy(l->coords + 3 * (size_t)f * A, frame, 3 * A * sizeof *frame);
    }
    free(from), free(frame);
    return status;
}

static km_eval_row *measure(const km_eval_options *o, km_eval *e, const char *name, km_eval_kind kind,
                            const km_frames *model, const km_frames *ref)
{
    km_eval_row *r = km_eval_add_row(e, name, kind);
    measured m;
    r->frames = model->F, r->dt = model->dt, r->atoms = e->system->n_atoms;
    km_peptide_compare(e->system, model, ref, &m.scores);
    km_peptide_validity(e->system, model, &m.validity);
    km_eval_take(e->panel, r, &m);
    if (o->profile) km_profile_make(e->system, model, &r->profile);
    return r;
}

/* The start frame repeated, with noise of each atom's fluctuation in the reference (or without). */
static void add_baseline(const km_eval_options *o, km_eval *e, const char *name, const km_frames *ref, bool noisy)
{
    int32_t A = e->system->n_atoms;
    size_t frame = (size_t)A * 3;
    float *x = KM_NEWN(float, (size_t)ref->F *frame);
    double *rmsf = KM_NEWN(double, (size_t)A);
    if (noisy) km_rmsf(ref, A, rmsf);
    for (int64_t f = 0; f < ref->F; f++) {
        km_rng r = km_rng_of(1, KM_RNG_METRIC, 0, f, 0);
        for (int32_t a = 0; a < A; a++) {
            float n[3];
            km_rng_normal3(&r, (uint32_t)a, n);
            for (int k = 0; k < 3; k++)
                x[(size_t)f * frame + (size_t)(3 * a + k)] = ref->coords[3 * a + k] + (float)(rmsf[a] / sqrt(3)) * n[k];
        }
    }
    measure(o, e, name, KM_EVAL_BASELINE, &(km_frames){x, ref->F, ref->dt}, ref);
    free(x), free(rmsf);
}

static km_status add_file(const km_eval_options *o, km_eval *e, const char *path, km_eval_kind kind,
                          const km_frames *ref, km_err *err)
{
    km_loaded l;
    int64_t dt;
    KM_TRY(load(o, e->target->top, path, &l, &dt, err));
    km_status status = take_atoms(e->system, &l, path, err);
    if (status == KM_OK) {
        const char *name = kind == KM_EVAL_MODEL ? km_eval_base_name(path) : "MD replica";
        km_eval_row *row = measure(o, e, name, kind, &(km_frames){l.coords, l.F, dt}, ref);
        row->path = path, row->made = km_eval_made_by(l.system);
    }
    km_loaded_clear(&l);
    return status;
}

static km_status against(const km_eval_options *o, km_eval *e, const km_frames *ref, km_err *err)
{
    const km_eval_target *t = e->target;
    for (int i = 0; i < t->models.count; i++) KM_TRY(add_file(o, e, t->models.items[i], KM_EVAL_MODEL, ref, err));
    for (int i = 1; i < t->refs.count; i++) KM_TRY(add_file(o, e, t->refs.items[i], KM_EVAL_REPLICA, ref, err));
    km_eval_row *row = measure(o, e, "MD itself", KM_EVAL_REFERENCE, ref, ref);
    row->path = t->refs.items[0], row->made = km_eval_made_by(e->system);
    if (o->baselines) add_baseline(o, e, "start frame", ref, false), add_baseline(o, e, "with noise", ref, true);
    return KM_OK;
}

km_status km_eval_peptide(const km_eval_options *o, km_eval *e, km_err *err)
{
    km_loaded ref;
    int64_t dt;
    KM_TRY(load(o, e->target->top, e->target->refs.items[0], &ref, &dt, err));
    e->system = ref.system, e->ref_frames = ref.F;
    km_status status = against(o, e, &(km_frames){ref.coords, ref.F, dt}, err);
    ref.system = NULL;
    km_loaded_clear(&ref);
    return status;
}
