/* SPDX-License-Identifier: MIT
 * The peptide panel: the atoms that all trajectories share; the first reference is the reference, the others stand in
 * the model's place. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/rng.h"
#include "lib/chem/select.h"
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

/* dt: what stands for the spacing of a single frame; becomes that of the file. */
static km_status load(const km_eval_options *o, const char *top, const char *path, int trajectory, km_loaded *l,
                      int64_t *dt, km_err *err)
{
    const km_opt_range *t = &o->range;
    KM_TRY(km_load(path, top, trajectory, o->threads, l, err));
    km_loaded_cut(l, t->has_from ? t->from : INT64_MIN, t->has_to ? t->to : INT64_MAX, 1);
    if (l->F == 1) return KM_OK;
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

static int32_t count_present(const km_system *s)
{
    int32_t n = 0;
    for (int32_t a = 0; a < s->n_atoms; a++) n += s->atoms[a].present;
    return n;
}

/* A model or a replica. */
typedef struct other {
    const char *path;
    km_eval_kind kind;
    km_loaded loaded;
    int64_t dt;
    int32_t *from; /* [A of the reference] where its atoms are here, -1: they are not */
} other;

static const char *name_of(const other *x)
{
    return x->kind == KM_EVAL_MODEL ? km_eval_base_name(x->path) : "MD replica";
}

/* Where the reference's atoms are; what is lacking is noted and left out of all. */
static km_status match(km_eval *e, const km_system *ref, other *x, bool *in_all, km_err *err)
{
    km_common c;
    const km_system *s = x->loaded.system;
    int32_t there = 0, left = 0;
    char first[64] = "";
    km_common_find(ref, s, &c);
    x->from = KM_NEWN(int32_t, (size_t)ref->n_atoms);
    for (int32_t a = 0; a < ref->n_atoms; a++) x->from[a] = -1;
    for (int32_t k = 0; k < c.n; k++)
        if (s->atoms[c.b[k]].present) x->from[c.a[k]] = c.b[k];
    for (int32_t a = 0; a < ref->n_atoms; a++) {
        const km_residue *r = &ref->residues[ref->atoms[a].residue];
        if (x->from[a] < 0 && ref->atoms[a].present && !*first)
            snprintf(first, sizeof first, "%s %d %s", r->name, r->number, ref->atoms[a].name);
        there += x->from[a] >= 0 && ref->atoms[a].present;
        in_all[a] &= x->from[a] >= 0, left += in_all[a];
    }
    km_common_clear(&c);
    if (left < 3)
        return km_fail(err, KM_INPUT, "%.150s: %d atoms in common with the reference and all others, too few", x->path,
                       left);
    if (*first)
        km_eval_note(e,
                     "%s: %d of the reference's %d atoms are there; those that are not (the first: %s) are left out "
                     "of all",
                     name_of(x), there, count_present(ref), first);
    return KM_OK;
}

/* Of every frame the atoms at from, where keep has them, in that order; from NULL: as they are. */
static void gather(km_loaded *l, const int32_t *opt_from, const bool *keep, int32_t n)
{
    size_t all = (size_t)l->system->n_atoms;
    float *frame = KM_NEWN(float, 3 * (size_t)n), *to = l->coords;
    for (int64_t f = 0; f < l->F; f++) {
        size_t kept = 0;
        for (int32_t a = 0; a < n; a++)
            if (keep[a])
                memcpy(frame + 3 * kept++, l->coords + 3 * ((size_t)f * all + (size_t)(opt_from ? opt_from[a] : a)),
                       3 * sizeof *frame);
        memcpy(to, frame, 3 * kept * sizeof *frame);
        to += 3 * kept;
    }
    free(frame);
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
    if (t->F < 2) r.why = "it is a single frame";
    else if (r.lag % t->dt) r.why = "--lag is no multiple of its spacing";
    if (r.why) return r;
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

static void set_nothing(km_peptide_scores *scores)
{
    double *all = (double *)scores; /* nothing but doubles */
    for (size_t i = 0; i < sizeof *scores / sizeof *all; i++) all[i] = NAN;
}

static km_eval_row *measure(const km_eval_options *o, km_eval *e, const char *name, km_eval_kind kind,
                            const km_frames *model, const reference *ref)
{
    measured m;
    if (ref->frames.F > 1) km_peptide_compare(e->system, model, &ref->frames, &m.scores);
    else set_nothing(&m.scores);
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
    set_nothing(&m.scores);
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

static void add_other(const km_eval_options *o, km_eval *e, const other *x, reference *ref)
{
    const char *name = name_of(x);
    km_frames t = {x->loaded.coords, x->loaded.F, x->dt};
    if (t.F == 1) km_eval_note(e, "%s: a single frame: nothing of time and of fluctuations is computed", name);
    km_eval_row *row = o->paths && x->kind == KM_EVAL_MODEL ? measure_paths(o, e, name, &t, &x->loaded, ref)
                                                            : measure(o, e, name, x->kind, &t, ref);
    row->path = x->path, row->made = km_eval_made_by(x->loaded.system);
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

static km_status load_other(const km_eval_options *o, km_eval *e, const km_loaded *ref, other *x, bool *in_all,
                            km_err *err)
{
    bool paths = o->paths && x->kind == KM_EVAL_MODEL;
    int trajectory = o->trajectory < 0 && !paths ? 0 : o->trajectory;
    KM_TRY(load(o, e->target->top, x->path, trajectory, &x->loaded, &x->dt, err));
    return match(e, ref->system, x, in_all, err);
}

/* The models, and the references but the first; all of them, and the reference l, are left with the atoms that they
 * share, of which e->system is. */
static km_status load_others(const km_eval_options *o, km_eval *e, km_loaded *l, int64_t dt, other *others,
                             km_err *err)
{
    const km_eval_target *t = e->target;
    const km_system *whole = l->system;
    int n = t->models.count + t->refs.count - 1;
    bool *in_all = KM_NEWN(bool, (size_t)whole->n_atoms);
    km_status status = KM_OK;
    for (int32_t a = 0; a < whole->n_atoms; a++) in_all[a] = whole->atoms[a].present;
    if (count_present(whole) < whole->n_atoms)
        km_eval_note(e, "the reference lacks %d of its residues' %d atoms", whole->n_atoms - count_present(whole),
                     whole->n_atoms);
    for (int i = 0; i < n && status == KM_OK; i++) {
        bool model = i < t->models.count;
        others[i].path = model ? t->models.items[i] : t->refs.items[i - t->models.count + 1];
        others[i].kind = model ? KM_EVAL_MODEL : KM_EVAL_REPLICA, others[i].dt = dt;
        status = load_other(o, e, l, &others[i], in_all, err);
    }
    for (int i = 0; i < n && status == KM_OK; i++)
        gather(&others[i].loaded, others[i].from, in_all, whole->n_atoms);
    if (status == KM_OK) gather(l, NULL, in_all, whole->n_atoms), e->system = km_chem_cut(whole, in_all);
    free(in_all);
    return status;
}

static void against(const km_eval_options *o, km_eval *e, const km_loaded *l, int64_t dt, const other *others, int n)
{
    reference ref = reference_of(o, e->system, &(km_frames){l->coords, l->F, dt});
    if (l->F < 2)
        km_eval_note(e, "the reference is a single frame: how sound frames are is computed, nothing is compared");
    for (int i = 0; i < n; i++) add_other(o, e, &others[i], &ref);
    km_eval_row *row = measure(o, e, "MD itself", KM_EVAL_REFERENCE, &ref.frames, &ref);
    row->path = e->target->refs.items[0], row->made = km_eval_made_by(l->system);
    if (o->baselines) add_baseline(o, e, "start frame", &ref, false), add_baseline(o, e, "with noise", &ref, true);
    note_states(e, &ref, l->times[0]);
    km_metastable_clear(&ref.states);
}

km_status km_eval_peptide(const km_eval_options *o, km_eval *e, km_err *err)
{
    km_loaded l;
    int64_t dt = 0;
    const km_eval_target *t = e->target;
    int n = t->models.count + t->refs.count - 1;
    KM_TRY(load(o, t->top, t->refs.items[0], o->trajectory < 0 ? 0 : o->trajectory, &l, &dt, err));
    other *others = KM_NEWN(other, (size_t)n);
    km_status status = load_others(o, e, &l, dt, others, err);
    e->ref_frames = l.F;
    if (status == KM_OK) against(o, e, &l, dt, others, n);
    for (int i = 0; i < n; i++) {
        km_loaded_clear(&others[i].loaded);
        free(others[i].from);
    }
    free(others);
    km_loaded_clear(&l);
    return status;
}
