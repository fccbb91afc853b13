/* SPDX-License-Identifier: MIT
 * The panel of samplers without time, after BioEmu's benchmarks: which of the known conformations are visited, free
 * energies beside those of dynamics, free energies of folding. References of one frame are conformations, the others
 * dynamics. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/traj/reduce.h"
#include "lib/traj/stats.h"
#include "lib/traj/tica.h"
#include "tools/eval_states.h"

typedef struct scores {
    double covered, states_covered, states, nearest, near_share, first, second;
    double kept, folded, unfolded, folds, unfolds;
    km_surface_scores surface;
    double native, md_native, dg, md_dg, dg_error;
} scores;

#define AT(name) offsetof(scores, name)
const km_metric km_bioemu_metrics[] = {
    {"covered", "cover", 6, 0, AT(covered), KM_BEST_HIGH,
     .meaning = "is every conformation visited: by 0.1 % of the frames, the backbone within --within; its mean over "
                "targets is the coverage"},
    {"states_covered", "of", 6, 3, AT(states_covered), KM_BEST_HIGH, .meaning = "share of conformations visited"},
    {"states", NULL, 0, 0, AT(states), KM_BEST_NONE, .meaning = "conformations"},
    {"nearest", "RMSD", 6, 2, AT(nearest), KM_BEST_LOW,
     .meaning =
         "RMSD of the nearest frame, backbones superposed (with --local the mean distance of its residues), mean "
         "over conformations",
     .unit = "A"},
    {"near_share", "near", 6, 3, AT(near_share), KM_BEST_NONE,
     .meaning = "share of frames near the conformation that is visited least"},
    {"first_covered", NULL, 0, 0, AT(first), KM_BEST_HIGH,
     .meaning = "is the first conformation visited, in the order of its files (apo and holo)"},
    {"second_covered", NULL, 0, 0, AT(second), KM_BEST_HIGH, .meaning = "is the second one"},
    {"local_kept", "kept", 6, 3, AT(kept), KM_BEST_NONE, .first = true,
     .meaning = "native contacts (CA nearer than 8 A) of the residues of --local that are kept, mean over frames"},
    {"local_folded", "folded", 6, 3, AT(folded), KM_BEST_NONE, .meaning = "frames with more than 0.7 of these"},
    {"local_unfolded", "unfold", 6, 3, AT(unfolded), KM_BEST_NONE, .meaning = "frames with fewer than 0.3"},
    {"local_folds", NULL, 0, 0, AT(folds), KM_BEST_HIGH, .meaning = "are 0.1 % of the frames folded there"},
    {"local_unfolds", NULL, 0, 0, AT(unfolds), KM_BEST_HIGH,
     .meaning = "are 0.1 % unfolded there; its mean over targets is the coverage of local unfolding"},
    {"fe_mae", "dF", 6, 2, AT(surface.mae), KM_BEST_LOW, .first = true,
     .meaning = "mean gap of free energies on the reference's two slowest components, bins within 4 kcal/mol where the "
                "model is",
     .unit = "kcal/mol"},
    {"fe_rmse", "rms", 6, 2, AT(surface.rmse), KM_BEST_LOW, .meaning = "root-mean-square of the same",
     .unit = "kcal/mol"},
    {"fe_coverage", "share", 6, 3, AT(surface.coverage), KM_BEST_HIGH, .meaning = "share of these bins"},
    {"fe_mae_all", "dFall", 6, 2, AT(surface.mae_all), KM_BEST_LOW,
     .meaning = "mean gap over all bins, the model at most 4 kcal/mol up", .unit = "kcal/mol"},
    {"fe_rmse_all", NULL, 0, 0, AT(surface.rmse_all), KM_BEST_LOW, .meaning = "root-mean-square of the same",
     .unit = "kcal/mol"},
    {"native", "native", 6, 3, AT(native), KM_BEST_NONE, .first = true,
     .meaning = "native contacts of CA that are kept, mean over frames"},
    {"md_native", "mdnatv", 6, 3, AT(md_native), KM_BEST_NONE, .meaning = "those of the reference"},
    {"dg", "dG", 6, 2, AT(dg), KM_BEST_NONE, .meaning = "free energy of folding by these, 295 K; negative: folded",
     .unit = "kcal/mol"},
    {"md_dg", "dGref", 6, 2, AT(md_dg), KM_BEST_NONE, .meaning = "that of the reference, or of the table --dg",
     .unit = "kcal/mol"},
    {"dg_error", "ddG", 6, 2, AT(dg_error), KM_BEST_LOW, .meaning = "gap between the two", .unit = "kcal/mol"},
    {0},
};

static double dg_rho(const km_eval *const *results, int n)
{
    double *a = KM_NEWN(double, (size_t)n), *b = KM_NEWN(double, (size_t)n);
    int found = 0;
    for (int i = 0; i < n; i++) {
        const km_eval *e = results[i];
        if (!e->n || e->rows[0].kind != KM_EVAL_MODEL) continue;
        a[found] = km_eval_value(e, &e->rows[0], "dg"), b[found] = km_eval_value(e, &e->rows[0], "md_dg");
        found += !isnan(a[found]) && !isnan(b[found]);
    }
    double v = found > 2 ? km_spearman(a, b, found) : NAN;
    free(a), free(b);
    return v;
}

const km_eval_over km_bioemu_over[] = {
    {"dg_rho", "Spearman over targets of the free energies of folding", dg_rho},
    {0},
};

/* What is gathered of a side. */
typedef struct side {
    const struct work *w;
    int64_t F;
    double *points;        /* [F, 2] in the reference's slowest components */
    double native, folded; /* sums over frames */
    double kept;           /* likewise, of the region; */
    int64_t whole, gone;   /* frames in which it is folded, unfolded */
    int64_t *near;         /* [states] frames */
    double *nearest;       /* [states] */
} side;

typedef struct work {
    const km_eval_case *c;
    km_eval_ca ca;
    km_eval_states states;
    km_native native;
    km_reduction reduction;
    km_lagged *lagged;
    km_tica tica;
    side md, model;
} work;

/* Of the references those that are dynamics. */
static void leave_dynamics(work *w)
{
    const km_eval_side *d = &w->states.backbone.md;
    memcpy(w->ca.md.lengths, d->lengths, (size_t)d->n_runs * sizeof *d->lengths);
    w->ca.md.clips = d->clips, w->ca.md.n_runs = d->n_runs, w->ca.md.F = d->F;
}

static void take_shape(void *arg, const km_eval_piece *p)
{
    work *w = arg;
    km_reduce_add(&w->reduction, p->x, p->n, w->c->options->threads);
}

static void take_pairs(void *arg, const km_eval_piece *p)
{
    work *w = arg;
    double *rows = km_reduce(&w->reduction, p->x, p->n, w->c->options->threads);
    if (p->at == 0) km_lagged_begin(w->lagged);
    km_lagged_add(w->lagged, rows, p->n);
    free(rows);
}

static void visit_states(const work *w, const float *x, side *s)
{
    for (int i = 0; i < w->states.n; i++) {
        double d = km_eval_states_distance(&w->states, x, i);
        s->near[i] += d < w->c->options->within, s->nearest[i] = fmin(s->nearest[i], d);
    }
}

static void look_at_region(const work *w, const float *ca, side *s)
{
    const double folded = 0.7, unfolded = 0.3;
    double kept = km_native_kept(&w->states.contacts, ca);
    s->kept += kept, s->whole += kept > folded, s->gone += kept < unfolded;
}

/* Backbones. */
static void take_frames(void *arg, const km_eval_piece *p)
{
    side *s = arg;
    const work *w = s->w;
    int n = w->states.n_ca, all = w->states.backbone.n;
    float *ca = KM_NEWN(float, (size_t)p->n *(size_t)n * 3);
    for (int64_t f = 0; f < p->n; f++) {
        const float *x = p->x + f * all * 3;
        float *y = ca + f * n * 3;
        for (int i = 0; i < n; i++) memcpy(y + 3 * (ptrdiff_t)i, x + 3 * (ptrdiff_t)w->states.ca[i], 3 * sizeof *y);
        double q = km_native_fraction(&w->native, y);
        s->native += q, s->folded += km_foldedness(q);
        if (w->states.local) look_at_region(w, y, s);
        visit_states(w, x, s);
    }
    s->F += p->n;
    if (w->tica.k >= 2) {
        double *rows = km_reduce(&w->reduction, ca, p->n, w->c->options->threads);
        double *slow = km_tica_project(&w->tica, rows, p->n);
        memcpy(s->points + 2 * p->first, slow, 2 * (size_t)p->n * sizeof *slow);
        free(rows), free(slow);
    }
    free(ca);
}

static side side_of(const work *w, int64_t F)
{
    size_t n = (size_t)w->states.n + 1;
    side s = {.w = w, .points = KM_NEWN(double, 2 * (size_t)F + 1)};
    s.near = KM_NEWN(int64_t, n), s.nearest = KM_NEWN(double, n);
    for (int i = 0; i < w->states.n; i++) s.nearest[i] = INFINITY;
    return s;
}

static void clear_side(side *s) { free(s->points), free(s->near), free(s->nearest); }

/* The slowest components of the dynamics: at --lag, or from one frame to the next. */
static km_status find_slow(work *w, km_err *err)
{
    enum { COMPONENTS = 50 };
    const km_eval_case *c = w->c;
    int64_t lag = c->options->lag && c->ref_dt ? c->options->lag / c->ref_dt : 1;
    w->reduction = km_reduce_of(w->ca.n, KM_EVAL_MOST_CA);
    KM_TRY(km_eval_ca_stream(c, &w->ca, &w->ca.md, take_shape, w, err));
    km_reduce_components(&w->reduction, 0.95, COMPONENTS);
    w->lagged = km_lagged_new(w->reduction.k, lag > 0 ? lag : 1, c->options->threads);
    KM_TRY(km_eval_ca_stream(c, &w->ca, &w->ca.md, take_pairs, w, err));
    km_tica_of(w->lagged, 2, &w->tica);
    return KM_OK;
}

static km_status gather(work *w, km_err *err)
{
    if (w->ca.md.F >= 3) KM_TRY(find_slow(w, err));
    w->md = side_of(w, w->ca.md.F), w->model = side_of(w, w->ca.model.F);
    const km_eval_ca *all = &w->states.backbone;
    KM_TRY(km_eval_ca_stream(w->c, all, &all->md, take_frames, &w->md, err));
    return km_eval_ca_stream(w->c, all, &all->model, take_frames, &w->model, err);
}

static const double enough = 0.001; /* of the frames are a visit */

static bool is_visited(const work *w, int64_t frames)
{
    return frames && (double)frames >= enough * (double)w->model.F;
}

static void compare_states(const work *w, scores *s)
{
    const int64_t *near = w->model.near;
    int64_t least = near[0];
    s->states = w->states.n, s->states_covered = s->nearest = 0;
    for (int i = 0; i < w->states.n; i++) {
        s->states_covered += is_visited(w, near[i]) / s->states;
        s->nearest += w->model.nearest[i] / s->states, least = near[i] < least ? near[i] : least;
    }
    s->near_share = (double)least / (double)w->model.F, s->covered = is_visited(w, least);
    s->first = is_visited(w, near[0]);
    if (w->states.n > 1) s->second = is_visited(w, near[1]);
}

static void compare_region(const work *w, scores *s)
{
    double F = (double)w->model.F;
    s->kept = w->model.kept / F, s->folded = (double)w->model.whole / F, s->unfolded = (double)w->model.gone / F;
    s->folds = is_visited(w, w->model.whole), s->unfolds = is_visited(w, w->model.gone);
}

static void compare(const work *w, const km_eval *e, scores *s)
{
    double F = (double)w->model.F;
    if (w->states.n) compare_states(w, s);
    if (w->states.contacts.n) compare_region(w, s);
    if (w->tica.k == 2) km_surface_compare(w->md.points, w->md.F, w->model.points, w->model.F, 1, &s->surface);
    if (w->native.n) {
        s->native = w->model.native / F, s->dg = km_folding_energy(w->model.folded / F);
        if (w->md.F) s->md_native = w->md.native / (double)w->md.F;
        if (w->md.F) s->md_dg = km_folding_energy(w->md.folded / (double)w->md.F);
    }
    if (!isnan(e->target->dg)) s->md_dg = e->target->dg;
    s->dg_error = fabs(s->dg - s->md_dg);
}

static void note_missing(const work *w, km_eval *e, const km_eval_row *row)
{
    if (w->ca.md.n_runs == w->c->n_ref)
        km_eval_note(e, "%s: no coverage of conformations: no reference is a single frame", row->name);
    if (w->states.local && !w->states.contacts.n)
        km_eval_note(e, "%s: no local unfolding: its residues have no contacts in the start structure", row->name);
    if (w->ca.md.F < 3)
        km_eval_note(e, "%s: no free energies: no reference is dynamics, of three frames at least", row->name);
    else if (w->tica.k < 2)
        km_eval_note(e, "%s: no free energies: the reference moves in fewer than two components", row->name);
    if (!w->native.n)
        km_eval_note(e, "%s: nothing of folding: the start structure has no contacts more than 3 residues apart",
                     row->name);
}

static void find_native(work *w)
{
    int32_t *residues = KM_NEWN(int32_t, (size_t)w->ca.n);
    for (int i = 0; i < w->ca.n; i++) residues[i] = w->c->system->atoms[w->ca.atoms[i]].residue;
    w->native = km_native_of(w->ca.start, residues, w->ca.n);
    free(residues);
}

static km_status measure(const km_eval_case *c, km_eval *e, km_eval_row *row, km_err *err)
{
    work w = {.c = c};
    scores s;
    double *all = (double *)&s; /* nothing but doubles */
    for (size_t i = 0; i < sizeof s / sizeof *all; i++) all[i] = NAN;
    km_status status = KM_OK;
    if (km_eval_ca_of(c, e, row, &w.ca)) {
        find_native(&w);
        status = km_eval_states_of(c, e, row, &w.states, err);
        if (status == KM_OK) leave_dynamics(&w), status = gather(&w, err);
        if (status == KM_OK) {
            note_missing(&w, e, row);
            compare(&w, e, &s);
            km_eval_take(e->panel, row, &s);
        }
    }
    clear_side(&w.md), clear_side(&w.model);
    km_native_clear(&w.native), km_reduction_clear(&w.reduction), km_lagged_free(w.lagged), km_tica_clear(&w.tica);
    km_eval_ca_clear(&w.ca), km_eval_states_clear(&w.states);
    return status;
}

km_status km_eval_bioemu(const km_eval_options *o, km_eval *e, km_err *err)
{
    return km_eval_each(o, e, KM_EVAL_PROTEIN, measure, err);
}
