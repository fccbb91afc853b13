/* SPDX-License-Identifier: MIT
 * The peptide panel: systems complete, atoms all the same; the first reference is the reference, the others stand in
 * the model's place. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/rng.h"
#include "lib/traj/metastable.h"
#include "tools/eval.h"
#include "tools/load.h"

/* What is measured of one trajectory. */
typedef struct measured {
    km_peptide_scores scores;
    km_metastable_scores states;
    km_validity validity;
} measured;

#define SCORE(name) offsetof(measured, scores.name)
#define STATE(name) offsetof(measured, states.name)
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
    {"autocorrelation", NULL, 0, 0, SCORE(autocorrelation), KM_BEST_LOW,
     .meaning = "gap between the torsions' autocorrelations at 1 to 100 frames of the model, mean over lags and "
                "torsions"},
    {"rmsf_r", "rmsf_r", 6, 3, SCORE(rmsf_r), KM_BEST_HIGH, .meaning = "correlation of the atoms' fluctuations"},
    {"rmsf", NULL, 0, 0, SCORE(rmsf), KM_BEST_NONE, .meaning = "mean fluctuation of the atoms", .unit = "A"},
    {"rmsf_ref", NULL, 0, 0, SCORE(rmsf_ref), KM_BEST_NONE, .meaning = "that of the reference", .unit = "A"},
    {"jsd_slow", "slow", 6, 3, STATE(jsd_slow), KM_BEST_LOW, .first = true,
     .meaning = "Jensen-Shannon distance of the slowest component of the torsions (TICA)"},
    {"jsd_slow2", NULL, 0, 0, STATE(jsd_slow2), KM_BEST_LOW, .meaning = "the same of the two slowest together"},
    {"jsd_states", "states", 6, 3, STATE(jsd_states), KM_BEST_LOW,
     .meaning = "the same of the populations of the reference's ten metastable states (PCCA+)"},
    {"states_r", NULL, 0, 0, STATE(states_r), KM_BEST_HIGH, .meaning = "correlation of these populations"},
    {"pi_r", NULL, 0, 0, STATE(pi_r), KM_BEST_HIGH,
     .meaning = "correlation of the stationary probabilities of the metastable states"},
    {"transitions_r", NULL, 0, 0, STATE(transitions_r), KM_BEST_HIGH,
     .meaning = "correlation of the transition probabilities between them"},
    {"path_jsd", "paths", 6, 3, STATE(paths.jsd), KM_BEST_LOW,
     .meaning = "Jensen-Shannon distance of the states on transition paths; 1 where there is no path"},
    {"path_valid", "valid", 6, 3, STATE(paths.valid), KM_BEST_HIGH,
     .meaning = "share of transition paths that are possible in the reference"},
    {"path_log", "logp", 6, 2, STATE(paths.log), KM_BEST_HIGH,
     .meaning = "mean logarithm of their probability in the reference"},
    {"path_probability", NULL, 0, 0, STATE(paths.probability), KM_BEST_HIGH,
     .meaning = "mean probability of transition paths in the reference, impossible ones 0"},
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

/* dt: the spacing of a single frame, 0 where that is none; becomes that of the file. */
static km_status load(const km_eval_options *o, const char *top, const char *path, int trajectory, km_loaded *l,
                      int64_t *dt, km_err *err)
{
    const km_opt_range *t = &o->range;
    KM_TRY(km_load(path, top, trajectory, o->threads, l, err));
    km_loaded_cut(l, t->has_from ? t->from : INT64_MIN, t->has_to ? t->to : INT64_MAX, 1);
    if (l->F == 1 && *dt) return KM_OK;
    km_status status = km_loaded_spacing(l, dt, err);
    if (status == KM_OK && o->dt && o->dt % *dt)
        status = km_fail(err, KM_USAGE, "--dt is no multiple of the spacing, %g ps", (double)*dt / 1000);
    if (status < 0) {
        km_loaded_clear(l);
        return km_fail_in(err, path);
    }
    int64_t stride = o->dt ? o->dt / *dt : o->stride;
    km_loaded_cut(l, INT64_MIN, INT64_MAX, stride);
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
        return km_fail(err, KM_INPUT, "%.150s: %d atoms, but the reference has %d; other panels compare what both have",
                       path, s->n_atoms, ref->n_atoms);
    size_t A = (size_t)ref->n_atoms, all = (size_t)s->n_atoms;
    int32_t *from = KM_NEWN(int32_t, A);
    float *frame = KM_NEWN(float, 3 * A);
    km_status status = KM_OK;
    for (size_t i = 0; i < A && status == KM_OK; i++)
        if ((from[i] = counterpart(s, &ref->atoms[i])) < 0)
            status =
                km_fail(err, KM_INPUT,
                        "%.150s: no %s in residue %d, in the reference there is; other panels compare what both have",
                        path, ref->atoms[i].name, ref->atoms[i].residue + 1);
    for (int64_t f = 0; f < l->F && status == KM_OK; f++) {
        for (size_t i = 0; i < A; i++)
            memcpy(frame + 3 * i, l->coords + 3 * ((size_t)f * all + (size_t)from[i]), 3 * sizeof *frame);
        memcpy(l->coords + 3 * (size_t)f * A, frame, 3 * A * sizeof *frame);
    }
    free(from), free(frame);
    return status;
}

/* The dynamics. */
typedef struct reference {
    km_frames frames;
    km_metastable states;
    const char *why; /* there are none, or NULL */
    int64_t lag;     /* of Markov chains, fs */
} reference;

static km_series features_of(const km_system *s, const km_frames *t, const int64_t *lengths, int n_runs)
{
    km_series x = {.lengths = lengths, .n_runs = n_runs};
    x.x = km_torsion_features(s, t, &x.D);
    return x;
}

static reference reference_of(const km_eval_options *o, const km_system *s, const km_frames *t)
{
    const int64_t usual = 100 * 1000; /* 100 ps, as MDGen has it */
    reference r = {.frames = *t, .lag = o->lag ? o->lag : usual};
    if (r.lag % t->dt) {
        r.why = "--lag is no multiple of its spacing";
        return r;
    }
    km_series x = features_of(s, t, &t->F, 1);
    r.why = x.D ? km_metastable_of(&x, r.lag / t->dt, 137, o->threads, &r.states) : "it has no torsions";
    free((double *)x.x);
    return r;
}

static void measure_states(const km_eval_options *o, km_eval *e, const char *name, const km_frames *model,
                           const reference *ref, km_metastable_scores *ret)
{
    *ret = km_metastable_nothing;
    if (ref->why) return;
    if (ref->lag % model->dt) {
        km_eval_note(e, "%s: no metastable states: the lag, %g ps, is no multiple of its spacing", name,
                     (double)ref->lag / 1000);
        return;
    }
    km_series x = features_of(e->system, model, &model->F, 1);
    km_metastable_compare(&ref->states, &x, ref->lag / model->dt, o->threads, ret);
    free((double *)x.x);
}

static km_eval_row *add_row(const km_eval_options *o, km_eval *e, const char *name, km_eval_kind kind,
                            const km_frames *model, measured *m)
{
    km_eval_row *r = km_eval_add_row(e, name, kind);
    r->frames = model->F, r->dt = model->dt, r->atoms = e->system->n_atoms;
    km_peptide_validity(e->system, model, &m->validity);
    km_eval_take(e->panel, r, m);
    if (o->profile) km_profile_make(e->system, model, &r->profile);
    return r;
}

static km_eval_row *measure(const km_eval_options *o, km_eval *e, const char *name, km_eval_kind kind,
                            const km_frames *model, const reference *ref)
{
    measured m;
    km_peptide_compare(e->system, model, &ref->frames, &m.scores);
    measure_states(o, e, name, model, ref, &m.states);
    return add_row(o, e, name, kind, model, &m);
}

static void note_paths(km_eval *e, const char *name, const km_loaded *l, int64_t dt, int64_t paths, int64_t lag)
{
    int64_t steps = KM_PATH_STEPS * lag / dt;
    if (paths < l->n_runs)
        km_eval_note(e,
                     "%s: %lld of %d trajectories are no paths: fewer than %d frames, or not between the states of the "
                     "first one",
                     name, (long long)(l->n_runs - paths), l->n_runs, KM_PATH_STEPS + 1);
    if (l->lengths[0] != steps && l->lengths[0] != steps + 1)
        km_eval_note(e, "%s: a path of %lld frames is taken for one of %d steps of the lag, %lld frames", name,
                     (long long)l->lengths[0], KM_PATH_STEPS, (long long)steps + 1);
}

/* Trajectories that were made to lead from one state to another: nothing else than that is compared. */
static km_eval_row *measure_paths(const km_eval_options *o, km_eval *e, const char *name, const km_frames *model,
                                  const km_loaded *l, reference *ref)
{
    measured m = {.states = km_metastable_nothing};
    double *all = (double *)&m.scores; /* nothing but doubles */
    for (size_t i = 0; i < sizeof m.scores / sizeof *all; i++) all[i] = NAN;
    if (!ref->why) {
        km_series x = features_of(e->system, model, l->lengths, l->n_runs);
        int64_t n = km_metastable_paths(&ref->states, &x, o->threads, ref->states.ends, &m.states);
        note_paths(e, name, l, model->dt, n, ref->lag);
        free((double *)x.x);
    }
    return add_row(o, e, name, KM_EVAL_MODEL, model, &m);
}

/* The start frame repeated, with noise of each atom's fluctuation in the reference (or without). */
static void add_baseline(const km_eval_options *o, km_eval *e, const char *name, const reference *ref, bool noisy)
{
    const km_frames *t = &ref->frames;
    int32_t A = e->system->n_atoms;
    size_t frame = (size_t)A * 3;
    float *x = KM_NEWN(float, (size_t)t->F *frame);
    double *rmsf = KM_NEWN(double, (size_t)A);
    if (noisy) km_rmsf(t, A, rmsf);
    for (int64_t f = 0; f < t->F; f++) {
        km_rng r = km_rng_of(1, KM_RNG_METRIC, 0, f, 0);
        for (int32_t a = 0; a < A; a++) {
            float n[3];
            km_rng_normal3(&r, (uint32_t)a, n);
            for (int k = 0; k < 3; k++)
                x[(size_t)f * frame + (size_t)(3 * a + k)] = t->coords[3 * a + k] + (float)(rmsf[a] / sqrt(3)) * n[k];
        }
    }
    measure(o, e, name, KM_EVAL_BASELINE, &(km_frames){x, t->F, t->dt}, ref);
    free(x), free(rmsf);
}

static km_status add_file(const km_eval_options *o, km_eval *e, const char *path, km_eval_kind kind, reference *ref,
                          km_err *err)
{
    km_loaded l;
    int64_t dt = ref->frames.dt;
    bool paths = o->paths && kind == KM_EVAL_MODEL;
    int trajectory = o->trajectory < 0 && !paths ? 0 : o->trajectory;
    KM_TRY(load(o, e->target->top, path, trajectory, &l, &dt, err));
    km_status status = take_atoms(e->system, &l, path, err);
    if (status == KM_OK) {
        const char *name = kind == KM_EVAL_MODEL ? km_eval_base_name(path) : "MD replica";
        km_frames t = {l.coords, l.F, dt};
        if (l.F == 1) km_eval_note(e, "%s: a single frame: nothing of time and of fluctuations is computed", name);
        km_eval_row *row = paths ? measure_paths(o, e, name, &t, &l, ref) : measure(o, e, name, kind, &t, ref);
        row->path = path, row->made = km_eval_made_by(l.system);
    }
    km_loaded_clear(&l);
    return status;
}

/* What the states are, and which paths are looked at. */
static void note_states(km_eval *e, const reference *ref, int64_t start)
{
    const km_metastable *m = &ref->states;
    double at[2] = {0, 0};
    if (ref->why) {
        km_eval_note(e, "no metastable states of the reference: %s", ref->why);
        return;
    }
    if (m->lost)
        km_eval_note(e,
                     "metastable states: %d of the reference's %d microstates are left and entered within the lag "
                     "of %g ps",
                     m->micro, m->micro + m->lost, (double)ref->lag / 1000);
    for (int k = 0; k < 2; k++) {
        int64_t f = 0;
        while (m->states[f] != m->ends[k]) f++;
        at[k] = (double)(start + f * ref->frames.dt) / 1000;
    }
    km_eval_note(e,
                 "transition paths: %d steps of %g ps between two of %d metastable states, those of the reference at "
                 "%g ps and at %g ps",
                 KM_PATH_STEPS, (double)ref->lag / 1000, m->K, at[0], at[1]);
}

static km_status against(const km_eval_options *o, km_eval *e, reference *ref, int64_t start, km_err *err)
{
    const km_eval_target *t = e->target;
    for (int i = 0; i < t->models.count; i++) KM_TRY(add_file(o, e, t->models.items[i], KM_EVAL_MODEL, ref, err));
    for (int i = 1; i < t->refs.count; i++) KM_TRY(add_file(o, e, t->refs.items[i], KM_EVAL_REPLICA, ref, err));
    km_eval_row *row = measure(o, e, "MD itself", KM_EVAL_REFERENCE, &ref->frames, ref);
    row->path = t->refs.items[0], row->made = km_eval_made_by(e->system);
    if (o->baselines) add_baseline(o, e, "start frame", ref, false), add_baseline(o, e, "with noise", ref, true);
    note_states(e, ref, start);
    return KM_OK;
}

km_status km_eval_peptide(const km_eval_options *o, km_eval *e, km_err *err)
{
    km_loaded l;
    int64_t dt = 0;
    KM_TRY(load(o, e->target->top, e->target->refs.items[0], o->trajectory < 0 ? 0 : o->trajectory, &l, &dt, err));
    e->system = l.system, e->ref_frames = l.F;
    reference ref = reference_of(o, l.system, &(km_frames){l.coords, l.F, dt});
    km_status status = against(o, e, &ref, l.times[0], err);
    km_metastable_clear(&ref.states);
    l.system = NULL;
    km_loaded_clear(&l);
    return status;
}
