/* SPDX-License-Identifier: MIT
 * The peptide panel: the atoms that all trajectories share; the first reference is the reference, the others stand in
 * the model's place. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/traj/checks.h"
#include "lib/traj/metastable.h"
#include "lib/traj/peptide.h"
#include "tools/eval_frames.h"

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

/* What is gathered of a trajectory in one pass. */
typedef struct gathered {
    km_peptide torsions;
    km_validity validity;
    km_profile profile;
} gathered;

static void clear(gathered *g)
{
    km_peptide_clear(&g->torsions);
    km_profile_clear(&g->profile);
}

/* models: see km_peptide_of. */
static km_status gather(const km_eval_options *o, const km_eval *e, km_eval_frames *f, const int64_t *models,
                        int n_models, gathered *ret)
{
    const km_eval_file *file = f->file;
    km_checks checks = km_checks_of(e->system, file->F);
    km_profiler *profiler = o->profile ? km_profiler_new(e->system, file->F, file->dt) : NULL;
    float *x = KM_NEWN(float, KM_EVAL_PIECE *(size_t)f->A * 3);
    ret->torsions = km_peptide_of(e->system, file->F, file->dt, models, n_models);
    for (int64_t at = 0, n; at < file->F && f->status == KM_OK; at += n) {
        n = file->F - at < KM_EVAL_PIECE ? file->F - at : KM_EVAL_PIECE;
        km_eval_frames_read(f, at, n, x);
        km_peptide_add(&ret->torsions, x, n);
        for (int64_t i = 0; i < n; i++) {
            km_checks_add(&checks, x + i * f->A * 3);
            if (profiler) km_profiler_add(profiler, x + i * f->A * 3);
        }
    }
    ret->validity = km_checks_validity(&checks);
    if (profiler) km_profiler_end(profiler, &ret->torsions.moves, &ret->profile);
    km_checks_clear(&checks);
    free(x);
    return f->status;
}

/* The dynamics. */
typedef struct reference {
    km_eval_frames frames;
    gathered g;
    km_metastable states;
    const char *why; /* there are none, or NULL */
    int64_t lag;     /* of Markov chains, fs */
} reference;

/* Torsions' sines and cosines of frames, which are made whenever they are asked for. */
typedef struct features {
    km_eval_frames *frames;
    const km_peptide *torsions;
    float *x; /* [KM_SERIES_PIECE, A, 3] */
} features;

static void make_rows(void *arg, int64_t first, int64_t n, double *out)
{
    const features *s = arg;
    km_eval_frames_read(s->frames, first, n, s->x);
    km_torsion_features(s->torsions->torsions, s->torsions->n, s->x, n, s->frames->A, out);
}

static features features_of(km_eval_frames *f, const km_peptide *torsions)
{
    return (features){f, torsions, KM_NEWN(float, KM_SERIES_PIECE *(size_t)f->A * 3)};
}

/* One trajectory, or several where clips are paths. */
static km_series series_of(features *s, bool paths)
{
    const km_eval_file *file = s->frames->file;
    return (km_series){.D = 2 * s->torsions->n,
                       .lengths = paths ? s->frames->lengths : &file->F,
                       .n_runs = paths ? file->n : 1,
                       .read = make_rows,
                       .arg = s};
}

static km_status find_states(const km_eval_options *o, reference *r)
{
    const int64_t usual = 100 * 1000; /* 100 ps, as MDGen has it */
    const km_eval_file *file = r->frames.file;
    r->lag = o->lag ? o->lag : usual;
    if (file->F < 2) r->why = "it is a single frame";
    else if (!file->dt) r->why = "its spacing is not known";
    else if (r->lag % file->dt) r->why = "--lag is no multiple of its spacing";
    else if (!r->g.torsions.n) r->why = "it has no torsions";
    if (r->why) return KM_OK;
    features f = features_of(&r->frames, &r->g.torsions);
    km_series x = series_of(&f, false);
    r->why = km_metastable_of(&x, r->lag / file->dt, 137, o->threads, &r->states);
    free(f.x);
    return r->frames.status;
}

/* What needs transitions is left out where the lag cannot be had. */
static void measure_states(const km_eval_options *o, km_eval *e, const char *name, features *f, const reference *ref,
                           km_metastable_scores *ret)
{
    const km_eval_file *file = f->frames->file;
    bool fits = file->dt && ref->lag % file->dt == 0;
    if (ref->why) return;
    if (file->dt && !fits)
        km_eval_note(e, "%s: no transitions between metastable states: the lag, %g ps, is no multiple of its spacing",
                     name, (double)ref->lag / 1000);
    km_series x = series_of(f, false);
    km_metastable_compare(&ref->states, &x, fits ? ref->lag / file->dt : file->F, o->threads, ret);
}

static void note_paths(km_eval *e, const char *name, const km_eval_frames *f, int64_t paths, int64_t lag)
{
    int64_t steps = f->file->dt ? KM_PATH_STEPS * lag / f->file->dt : 0;
    if (paths < f->file->n)
        km_eval_note(e,
                     "%s: %lld of %d trajectories are no paths: fewer than %d frames, or not between the states of the "
                     "first one",
                     name, (long long)(f->file->n - paths), f->file->n, KM_PATH_STEPS + 1);
    if (steps && f->lengths[0] != steps && f->lengths[0] != steps + 1)
        km_eval_note(e, "%s: a path of %lld frames is taken for one of %d steps of the lag, %lld frames", name,
                     (long long)f->lengths[0], KM_PATH_STEPS, (long long)steps + 1);
}

/* Trajectories that were made to lead from one state to another. */
static void measure_paths(const km_eval_options *o, km_eval *e, const char *name, features *f, reference *ref,
                          km_metastable_scores *ret)
{
    if (ref->why) return;
    km_series x = series_of(f, true);
    int64_t n = km_metastable_paths(&ref->states, &x, o->threads, ref->states.ends, ret);
    note_paths(e, name, f->frames, n, ref->lag);
}

/* A row of what has been gathered, whose profile it takes over. */
static km_status add_row(const km_eval_options *o, km_eval *e, const char *name, km_eval_kind kind, km_eval_frames *f,
                         gathered *g, reference *ref)
{
    measured m = {.states = km_metastable_nothing, .validity = g->validity};
    double *scores = (double *)&m.scores; /* nothing but doubles */
    bool paths = o->paths && kind == KM_EVAL_MODEL;
    features rows = features_of(f, &g->torsions);
    for (size_t i = 0; i < sizeof m.scores / sizeof *scores; i++) scores[i] = NAN;
    if (paths) measure_paths(o, e, name, &rows, ref, &m.states);
    else measure_states(o, e, name, &rows, ref, &m.states);
    if (!paths && ref->frames.file->F > 1) km_peptide_compare(&g->torsions, &ref->g.torsions, &m.scores);
    km_eval_row *r = km_eval_add_row(e, name, kind);
    r->frames = f->file->F, r->dt = f->file->dt, r->atoms = f->A, r->profile = g->profile;
    g->profile = (km_profile){0};
    km_eval_take(e->panel, r, &m);
    if (kind != KM_EVAL_BASELINE) r->path = f->file->path, r->made = km_eval_made_by(f->file->reel.system);
    free(rows.x);
    return f->status;
}

static km_status measure(const km_eval_options *o, km_eval *e, const char *name, km_eval_kind kind, km_eval_frames *f,
                         reference *ref)
{
    gathered g = {0};
    km_status status = gather(o, e, f, &f->file->dt, 1, &g);
    if (status == KM_OK) status = add_row(o, e, name, kind, f, &g, ref);
    clear(&g);
    return status;
}

static km_status measure_file(const km_eval_options *o, km_eval *e, const km_eval_file *file, reference *ref,
                              km_err *err)
{
    const char *name = km_eval_file_name(file);
    km_eval_frames f = km_eval_frames_of(o, e, file, err);
    if (file->F == 1) km_eval_note(e, "%s: a single frame: nothing of time and of fluctuations is computed", name);
    km_status status = measure(o, e, name, file->kind, &f, ref);
    km_eval_frames_clear(&f);
    return status;
}

/* The reference's first frame repeated, with noise of each atom's fluctuation in it, or without. */
static km_status measure_baseline(const km_eval_options *o, km_eval *e, bool noisy, reference *ref, km_err *err)
{
    km_eval_frames f = km_eval_frames_of(o, e, ref->frames.file, err);
    double *rmsf = KM_NEWN(double, (size_t)f.A);
    const km_fluctuation *moves = &ref->g.torsions.moves;
    f.opt_start = memcpy(KM_NEWN(float, (size_t)f.A * 3), moves->first, (size_t)f.A * 3 * sizeof(float));
    km_fluctuation_rms(moves, rmsf);
    if (noisy) f.opt_noise = rmsf;
    km_status status = measure(o, e, noisy ? "with noise" : "start frame", KM_EVAL_BASELINE, &f, ref);
    km_eval_frames_clear(&f);
    free(rmsf);
    return status;
}

/* What the states are, and which paths are looked at. */
static void note_states(km_eval *e, const reference *ref)
{
    const km_metastable *m = &ref->states;
    const km_clip *c = ref->frames.file->clips;
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
        at[k] = (double)(c->reel->runs[c->run].start + (c->first + f * c->stride) * c->reel->dt) / 1000;
    }
    km_eval_note(e,
                 "transition paths: %d steps of %g ps between two of %d metastable states, those of the reference at "
                 "%g ps and at %g ps",
                 KM_PATH_STEPS, (double)ref->lag / 1000, m->K, at[0], at[1]);
}

static km_status gather_reference(const km_eval_options *o, const km_eval *e, const km_eval_file *files, int n,
                                  reference *ref)
{
    int64_t *spacings = KM_NEWN(int64_t, (size_t)n);
    for (int i = 0; i < n; i++) spacings[i] = files[i].dt;
    km_status status = gather(o, e, &ref->frames, spacings, n, &ref->g);
    free(spacings);
    KM_TRY(status);
    return find_states(o, ref);
}

static void clear_reference(reference *ref)
{
    km_eval_frames_clear(&ref->frames);
    clear(&ref->g);
    km_metastable_clear(&ref->states);
}

/* The second half of the dynamics beside the first, with the spacing of the first model, where it is a multiple, and no
 * more frames than that has, where it has more than one. */
static km_status measure_halves(const km_eval_options *o, km_eval *e, const km_eval_file *whole, km_err *err)
{
    km_clip clips[2] = {*whole->clips};
    km_eval_file files[2] = {*whole, *whole};
    int64_t F = e->n ? e->rows[0].frames : 0, dt = e->n ? e->rows[0].dt : 0;
    int64_t each = whole->dt && dt % whole->dt == 0 && dt ? dt / whole->dt : 1;
    if (whole->n != 1 || !km_eval_halve(&clips[0], &clips[1])) return KM_OK;
    clips[1].stride *= each, clips[1].F = (clips[1].F + each - 1) / each;
    if (F > 1 && clips[1].F > F) clips[1].F = F;
    for (int i = 0; i < 2; i++) files[i].clips = &clips[i], files[i].F = clips[i].F;
    files[1].dt *= each;
    reference ref = {.frames = km_eval_frames_of(o, e, files, err)};
    km_eval_frames f = km_eval_frames_of(o, e, &files[1], err);
    km_status status = gather_reference(o, e, files, 2, &ref);
    if (status == KM_OK) status = measure(o, e, "MD halves", KM_EVAL_REPLICA, &f, &ref);
    km_eval_frames_clear(&f);
    clear_reference(&ref);
    return status;
}

static km_status against(const km_eval_options *o, km_eval *e, const km_eval_file *files, int n, reference *ref,
                         km_err *err)
{
    KM_TRY(gather_reference(o, e, files, n, ref));
    if (files->F < 2)
        km_eval_note(e, "the reference is a single frame: how sound frames are is computed, nothing is compared");
    for (int i = 1; i < n; i++) KM_TRY(measure_file(o, e, &files[i], ref, err));
    if (e->target->refs.count == 1 && !o->no_ceiling) KM_TRY(measure_halves(o, e, files, err));
    KM_TRY(add_row(o, e, "MD itself", KM_EVAL_REFERENCE, &ref->frames, &ref->g, ref));
    for (int noisy = 0; noisy < 2 && o->baselines; noisy++) KM_TRY(measure_baseline(o, e, noisy, ref, err));
    note_states(e, ref);
    return KM_OK;
}

km_status km_eval_peptide(const km_eval_options *o, km_eval *e, km_err *err)
{
    km_eval_file *files;
    int n;
    km_status status = km_eval_files_open(o, e, &files, &n, err);
    if (status == KM_OK) {
        reference ref = {.frames = km_eval_frames_of(o, e, files, err)};
        status = against(o, e, files, n, &ref, err);
        clear_reference(&ref);
    }
    km_eval_files_close(files, n);
    return status;
}
