/* SPDX-License-Identifier: MIT
 * The panel of kinetics: time-lagged independent components of the reference's CA distances, states by k-means in
 * them, Markov chains on these. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/traj/kinetics.h"
#include "lib/traj/reduce.h"
#include "tools/eval.h"

#define AT(name) offsetof(km_kinetics_scores, name)
const km_metric km_kinetics_metrics[] = {
    {"mfpt_r", "rho_P", 6, 3, AT(rho_p), KM_BEST_HIGH,
     .meaning = "rho_P (MFPT): Pearson of the logarithms of mean first passage times"},
    {"mfpt_rho", "rho_S", 6, 3, AT(rho_s), KM_BEST_HIGH, .meaning = "rho_S: Pearson of their ranks"},
    {"mfpt_error", "dMFPT", 6, 3, AT(mfpt_error), KM_BEST_LOW, .meaning = "mean gap of log10 of the passage times"},
    {"mfpt_pairs", NULL, 0, 0, AT(pairs), KM_BEST_NONE, .meaning = "pairs of states compared"},
    {"pi_kl", "KL", 6, 3, AT(kl), KM_BEST_LOW, .first = true,
     .meaning = "Kullback-Leibler divergence of the stationary distribution, 0.001 added to each state"},
    {"pi_mae", "pi-MAE", 6, 3, AT(pi_mae), KM_BEST_LOW, .meaning = "mean gap of the stationary probabilities"},
    {"states", "n_st", 6, 0, AT(visited), KM_BEST_HIGH,
     .meaning = "states with a stationary probability above 0.0001 in the model"},
    {"w2_rms", "W2*", 6, 3, AT(w2_rms), KM_BEST_LOW, .first = true,
     .meaning = "W2 as BioKinema prints it: root-mean-square over components of 1-D Wasserstein-1 distances"},
    {"w2_line", "W2", 6, 3, AT(w2_line), KM_BEST_LOW, .meaning = "root-mean-square of 1-D Wasserstein-2 distances"},
    {"edge_error", "edges", 6, 3, AT(edge_error), KM_BEST_LOW,
     .meaning = "mean gap of the probabilities of transitions that the reference makes"},
    {"tau1", "tau1", 7, 3, AT(tau[0]), KM_BEST_NONE, .first = true,
     .meaning = "when the first component's autocorrelation falls below 1/e; the longest lag where it does not",
     .unit = "ns"},
    {"md_tau1", "mdtau1", 7, 3, AT(md_tau[0]), KM_BEST_NONE, .meaning = "that of the reference", .unit = "ns"},
    {"tau2", NULL, 0, 0, AT(tau[1]), KM_BEST_NONE, .meaning = "the same of the second component", .unit = "ns"},
    {"md_tau2", NULL, 0, 0, AT(md_tau[1]), KM_BEST_NONE, .meaning = "that of the reference", .unit = "ns"},
    {"timescale1", "its1", 7, 3, AT(scale[0]), KM_BEST_NONE, .meaning = "slowest implied time scale", .unit = "ns"},
    {"md_timescale1", "mdits1", 7, 3, AT(md_scale[0]), KM_BEST_NONE, .meaning = "that of the reference", .unit = "ns"},
    {"timescale2", NULL, 0, 0, AT(scale[1]), KM_BEST_NONE, .meaning = "the second implied time scale", .unit = "ns"},
    {"md_timescale2", NULL, 0, 0, AT(md_scale[1]), KM_BEST_NONE, .meaning = "that of the reference", .unit = "ns"},
    {0},
};

/* Both sides in the slowest components of the reference, found in the distances; what does not fit into memory, the
 * distances of all frames, is made anew in each pass. */
typedef struct slow {
    const km_eval_case *c;
    km_reduction reduction;
    km_lagged *lagged;
    km_tica tica;
    double *md, *model, *into; /* [F, k]; the one that is filled */
} slow;

static void take_pairs(void *arg, const km_eval_piece *p)
{
    slow *s = arg;
    double *rows = km_reduce(&s->reduction, p->x, p->n, s->c->options->threads);
    if (p->at == 0) km_lagged_begin(s->lagged);
    km_lagged_add(s->lagged, rows, p->n);
    free(rows);
}

static void take_places(void *arg, const km_eval_piece *p)
{
    slow *s = arg;
    double *rows = km_reduce(&s->reduction, p->x, p->n, s->c->options->threads);
    double *places = km_tica_project(&s->tica, rows, p->n);
    memcpy(s->into + p->first * s->tica.k, places, (size_t)(p->n * s->tica.k) * sizeof *places);
    free(rows), free(places);
}

static km_status find_slow(const km_eval_case *c, const km_eval_ca *ca, int64_t lag, slow *s, km_err *err)
{
    *s = (slow){.c = c, .reduction = km_reduce_of(ca->n, KM_EVAL_MOST_CA)};
    s->lagged = km_lagged_new(s->reduction.D, lag, c->options->threads);
    km_status status = km_eval_ca_stream(c, ca, &ca->md, take_pairs, s, err);
    if (status == KM_OK) {
        km_tica_of(s->lagged, KM_KINETICS_DIMS, &s->tica);
        size_t k = (size_t)s->tica.k;
        s->into = s->md = KM_NEWN(double, (size_t)ca->md.F *k + 1);
        status = km_eval_ca_stream(c, ca, &ca->md, take_places, s, err);
        s->into = s->model = KM_NEWN(double, (size_t)ca->model.F *k + 1);
        if (status == KM_OK) status = km_eval_ca_stream(c, ca, &ca->model, take_places, s, err);
    }
    km_lagged_free(s->lagged);
    km_reduction_clear(&s->reduction);
    return status;
}

static void clear_slow(slow *s)
{
    km_tica_clear(&s->tica);
    free(s->md), free(s->model);
}

static double *copy(const double *x, int64_t n)
{
    double *out = KM_NEWN(double, (size_t)n + 1);
    memcpy(out, x, (size_t)n * sizeof *x);
    return out;
}

/* For the page. */
static void keep(km_eval_row *row, const km_kinetics *k, const slow *s, const km_eval_ca *ca)
{
    int K = k->K, scales = k->n_scales, lags = k->n_lags + 1;
    km_eval_keep(row, "scale_lags", copy(k->lags, scales), scales, 1);
    km_eval_keep(row, "scales", copy(k->scales, (int64_t)scales * KM_KINETICS_SCALES), KM_KINETICS_SCALES, scales);
    km_eval_keep(row, "md_scales", copy(k->md_scales, (int64_t)scales * KM_KINETICS_SCALES), KM_KINETICS_SCALES,
                 scales);
    km_eval_keep(row, "acf", copy(k->acf, (int64_t)2 * lags), lags, 2);
    km_eval_keep(row, "md_acf", copy(k->md_acf, (int64_t)2 * lags), lags, 2);
    km_eval_keep(row, "mfpt", copy(k->mfpt, (int64_t)K * K), K, K);
    km_eval_keep(row, "md_mfpt", copy(k->md_mfpt, (int64_t)K * K), K, K);
    km_eval_keep(row, "pi", copy(k->pi, K), K, 1);
    km_eval_keep(row, "md_pi", copy(k->md_pi, K), K, 1);
    if (k->dims < 2) return;
    km_eval_keep(row, "centres", copy(k->centres, (int64_t)K * k->dims), k->dims, K);
    km_eval_keep_map(row, "tica", s->md, ca->md.F, s->model, ca->model.F, k->dims);
}

/* Why nothing can be computed at this lag, in frames of the model; NULL where it can. */
static const char *why_not(const km_eval_case *c, const km_eval_ca *ca, int64_t each, int64_t lag)
{
    if (!each) return "its spacing is not known or no multiple of the reference's";
    if (lag < 1 || (c->options->lag && c->options->lag % c->model_dt)) return "--lag is no multiple of its spacing";
    if (ca->model.longest <= lag) return "its trajectories are no longer than the lag";
    return ca->md.longest <= lag * each ? "the reference's trajectories are no longer than the lag" : NULL;
}

static void compare(const km_eval_ca *ca, const slow *s, int64_t each, int64_t lag, km_eval *e, km_eval_row *row)
{
    const km_eval_options *o = s->c->options;
    bool root = o->root && ca->md.longest > KM_KINETICS_ROOT * lag * each;
    if (o->root && !root)
        km_eval_note(e, "%s: the reference's transitions are counted at one lag: it is shorter than ten", row->name);
    if (ca->n > KM_EVAL_MOST_CA)
        km_eval_note(e, "%s: distances between %d of the %d CA, evenly spread", row->name, KM_EVAL_MOST_CA, ca->n);
    const km_kinetics_case k = {.md = {s->md, s->tica.k, ca->md.lengths, ca->md.n_runs},
                                .model = {s->model, s->tica.k, ca->model.lengths, ca->model.n_runs},
                                .each = each,
                                .lag = lag,
                                .unit = km_ns_of_fs(s->c->model_dt),
                                .states = o->states,
                                .root = root,
                                .seed = 1,
                                .threads = o->threads};
    km_kinetics_scores scores;
    km_kinetics drawn;
    km_kinetics_compare(&k, &scores, &drawn);
    km_eval_take(e->panel, row, &scores);
    if (o->profile) keep(row, &drawn, s, ca);
    km_kinetics_clear(&drawn);
}

static km_status measure(const km_eval_case *c, km_eval *e, km_eval_row *row, km_err *err)
{
    km_eval_ca ca;
    slow s = {0};
    km_status status = KM_OK;
    int64_t each = km_eval_frames_between(c), lag = c->options->lag && each ? c->options->lag / c->model_dt : 1;
    if (km_eval_ca_of(c, e, row, &ca)) {
        const char *why = why_not(c, &ca, each, lag);
        if (!why) status = find_slow(c, &ca, lag * each, &s, err);
        if (!why && status == KM_OK && !s.tica.k) why = "the reference does not move";
        if (why) km_eval_note(e, "%s: nothing is computed: %s", row->name, why);
        else if (status == KM_OK) compare(&ca, &s, each, lag, e, row);
    }
    clear_slow(&s);
    km_eval_ca_clear(&ca);
    return status;
}

km_status km_eval_kinetics(const km_eval_options *o, km_eval *e, km_err *err)
{
    return km_eval_each(o, e, KM_EVAL_PROTEIN, measure, err);
}
