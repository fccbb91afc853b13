/* SPDX-License-Identifier: MIT
 * The panel of samplers without time, after BioEmu's benchmarks: which of the known conformations are visited, free
 * energies beside those of dynamics, free energies of folding. References of one frame are conformations, the others
 * dynamics. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/traj/populations.h"
#include "lib/traj/reduce.h"
#include "lib/traj/stats.h"
#include "lib/traj/superpose.h"
#include "lib/traj/tica.h"
#include "tools/eval.h"

typedef struct scores {
    double covered, states_covered, states, nearest, near_share;
    km_surface_scores surface;
    double native, md_native, dg, md_dg, dg_error;
} scores;

#define AT(name) offsetof(scores, name)
const km_metric km_bioemu_metrics[] = {
    {"covered", "cover", 6, 0, AT(covered), KM_BEST_HIGH,
     .meaning = "is every conformation visited: by 0.1 % of the frames, CA within --within; its mean over targets is "
                "the coverage"},
    {"states_covered", "of", 6, 3, AT(states_covered), KM_BEST_HIGH, .meaning = "share of conformations visited"},
    {"states", NULL, 0, 0, AT(states), KM_BEST_NONE, .meaning = "conformations"},
    {"nearest", "RMSD", 6, 2, AT(nearest), KM_BEST_LOW,
     .meaning = "RMSD of the nearest frame, CA superposed, mean over conformations", .unit = "A"},
    {"near_share", "near", 6, 3, AT(near_share), KM_BEST_NONE,
     .meaning = "share of frames near the conformation that is visited least"},
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
    int64_t *near;         /* [states] frames */
    double *nearest;       /* [states] */
} side;

typedef struct work {
    const km_eval_case *c;
    km_eval_ca ca;
    float *states; /* [n_states, CA, 3] */
    int n_states;
    km_native native;
    km_reduction reduction;
    km_lagged *lagged;
    km_tica tica;
    side md, model;
} work;

/* References of one frame to states, the others stay. */
static km_status part_references(work *w, km_clip *dynamics, km_err *err)
{
    const km_eval_case *c = w->c;
    int n = 0;
    int32_t *atoms = KM_NEWN(int32_t, (size_t)w->ca.n);
    km_status status = KM_OK;
    w->states = KM_NEWN(float, (size_t)c->n_ref *(size_t)w->ca.n * 3);
    for (int i = 0; i < c->n_ref && status == KM_OK; i++) {
        km_clip one = c->ref[i];
        if (one.F > 1) {
            dynamics[n] = one, w->ca.md.lengths[n++] = one.F;
            continue;
        }
        for (int k = 0; k < w->ca.n; k++) atoms[k] = one.atoms[w->ca.atoms[k]];
        one.atoms = atoms, one.n_atoms = w->ca.n;
        status = km_clip_read(&one, 0, 1, 1, w->states + (ptrdiff_t)w->n_states++ * w->ca.n * 3, err);
    }
    w->ca.md.F -= w->n_states, w->ca.md.n_runs = n, w->ca.md.clips = dynamics;
    free(atoms);
    return status;
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
    for (int i = 0; i < w->n_states; i++) {
        double rot[9], from[3], to[3];
        double d = km_superpose(x, w->states + (ptrdiff_t)i * w->ca.n * 3, NULL, w->ca.n, rot, from, to);
        s->near[i] += d < w->c->options->within, s->nearest[i] = fmin(s->nearest[i], d);
    }
}

static void take_frames(void *arg, const km_eval_piece *p)
{
    side *s = arg;
    const work *w = s->w;
    for (int64_t f = 0; f < p->n; f++) {
        const float *x = p->x + f * w->ca.n * 3;
        double q = km_native_fraction(&w->native, x);
        s->native += q, s->folded += km_foldedness(q);
        visit_states(w, x, s);
    }
    s->F += p->n;
    if (w->tica.k < 2) return;
    double *rows = km_reduce(&w->reduction, p->x, p->n, w->c->options->threads);
    double *slow = km_tica_project(&w->tica, rows, p->n);
    memcpy(s->points + 2 * p->first, slow, 2 * (size_t)p->n * sizeof *slow);
    free(rows), free(slow);
}

static side side_of(const work *w, int64_t F)
{
    side s = {w, 0, KM_NEWN(double, 2 * (size_t)F + 1), 0, 0, NULL, NULL};
    s.near = KM_NEWN(int64_t, (size_t)w->n_states + 1), s.nearest = KM_NEWN(double, (size_t)w->n_states + 1);
    for (int i = 0; i < w->n_states; i++) s.nearest[i] = INFINITY;
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
    KM_TRY(km_eval_ca_stream(w->c, &w->ca, &w->ca.md, take_frames, &w->md, err));
    return km_eval_ca_stream(w->c, &w->ca, &w->ca.model, take_frames, &w->model, err);
}

static void compare_states(const work *w, scores *s)
{
    const double enough = 0.001;
    double F = (double)w->model.F;
    s->states = w->n_states, s->states_covered = s->nearest = 0, s->near_share = 1;
    for (int i = 0; i < w->n_states; i++) {
        double share = (double)w->model.near[i] / F;
        s->states_covered += (share >= enough && share > 0) / s->states;
        s->nearest += w->model.nearest[i] / s->states, s->near_share = fmin(s->near_share, share);
    }
    s->covered = s->near_share >= enough;
}

static void compare(const work *w, const km_eval *e, scores *s)
{
    double F = (double)w->model.F;
    if (w->n_states) compare_states(w, s);
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
    if (!w->n_states) km_eval_note(e, "%s: no coverage of conformations: no reference is a single frame", row->name);
    if (w->ca.md.F < 3)
        km_eval_note(e, "%s: no free energies: no reference is dynamics, of three frames at least", row->name);
    else if (w->tica.k < 2)
        km_eval_note(e, "%s: no free energies: the reference moves in fewer than two components", row->name);
    if (!w->native.n)
        km_eval_note(e, "%s: nothing of folding: the start structure has no contacts more than 3 residues apart",
                     row->name);
}

static km_status measure(const km_eval_case *c, km_eval *e, km_eval_row *row, km_err *err)
{
    work w = {.c = c};
    scores s;
    double *all = (double *)&s; /* nothing but doubles */
    for (size_t i = 0; i < sizeof s / sizeof *all; i++) all[i] = NAN;
    km_clip *dynamics = KM_NEWN(km_clip, (size_t)c->n_ref);
    km_status status = KM_OK;
    if (km_eval_ca_of(c, e, row, &w.ca)) {
        int32_t *residues = KM_NEWN(int32_t, (size_t)w.ca.n);
        for (int i = 0; i < w.ca.n; i++) residues[i] = c->system->atoms[w.ca.atoms[i]].residue;
        w.native = km_native_of(w.ca.start, residues, w.ca.n);
        free(residues);
        status = part_references(&w, dynamics, err);
        if (status == KM_OK) status = gather(&w, err);
        if (status == KM_OK) {
            note_missing(&w, e, row);
            compare(&w, e, &s);
            km_eval_take(e->panel, row, &s);
        }
    }
    clear_side(&w.md), clear_side(&w.model);
    km_native_clear(&w.native), km_reduction_clear(&w.reduction), km_lagged_free(w.lagged), km_tica_clear(&w.tica);
    km_eval_ca_clear(&w.ca);
    free(w.states), free(dynamics);
    return status;
}

km_status km_eval_bioemu(const km_eval_options *o, km_eval *e, km_err *err)
{
    return km_eval_each(o, e, KM_EVAL_PROTEIN, measure, err);
}
