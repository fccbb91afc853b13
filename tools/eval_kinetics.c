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

/* Both sides in the slowest components of the reference. */
typedef struct slow {
    km_tica tica;
    double *md, *model;
} slow;

static slow slow_of(const km_eval_ca *ca, int64_t lag, int threads)
{
    slow s;
    km_reduction r = km_reduce_fit(ca->md.x, ca->md.F, ca->n, KM_EVAL_MOST_CA, 0, 0, threads);
    double *md = km_reduce(&r, ca->md.x, ca->md.F), *model = km_reduce(&r, ca->model.x, ca->model.F);
    km_tica_fit(&(km_series){md, r.D, ca->md.lengths, ca->md.n_runs}, lag, KM_KINETICS_DIMS, threads, &s.tica);
    s.md = km_tica_project(&s.tica, md, ca->md.F), s.model = km_tica_project(&s.tica, model, ca->model.F);
    km_reduction_clear(&r);
    free(md), free(model);
    return s;
}

static int64_t longest(const km_eval_side *s)
{
    int64_t most = 0;
    for (int i = 0; i < s->n_runs; i++) most = s->lengths[i] > most ? s->lengths[i] : most;
    return most;
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

static void compare(const km_eval_case *c, const km_eval_ca *ca, km_eval *e, km_eval_row *row)
{
    int64_t each = km_eval_frames_between(c), lag = 1;
    if (c->options->lag && each) lag = c->options->lag / c->model_dt;
    const char *why = NULL;
    if (!each) why = "its spacing is not known or no multiple of the reference's";
    else if (lag < 1 || (c->options->lag && c->options->lag % c->model_dt)) why = "--lag is no multiple of its spacing";
    else if (longest(&ca->model) <= lag) why = "its trajectories are no longer than the lag";
    else if (longest(&ca->md) <= lag * each) why = "the reference's trajectories are no longer than the lag";
    if (why) {
        km_eval_note(e, "%s: nothing is computed: %s", row->name, why);
        return;
    }
    slow s = slow_of(ca, lag * each, c->options->threads);
    bool root = c->options->root && longest(&ca->md) > KM_KINETICS_ROOT * lag * each;
    if (c->options->root && !root)
        km_eval_note(e, "%s: the reference's transitions are counted at one lag: it is shorter than ten", row->name);
    if (ca->n > KM_EVAL_MOST_CA)
        km_eval_note(e, "%s: distances between %d of the %d CA, evenly spread", row->name, KM_EVAL_MOST_CA, ca->n);
    const km_kinetics_case k = {.md = {s.md, s.tica.k, ca->md.lengths, ca->md.n_runs},
                                .model = {s.model, s.tica.k, ca->model.lengths, ca->model.n_runs},
                                .each = each,
                                .lag = lag,
                                .unit = km_ns_of_fs(c->model_dt),
                                .states = c->options->states,
                                .root = root,
                                .seed = 1,
                                .threads = c->options->threads};
    km_kinetics_scores scores;
    km_kinetics drawn;
    if (s.tica.k) {
        km_kinetics_compare(&k, &scores, &drawn);
        km_eval_take(e->panel, row, &scores);
        if (c->options->profile) keep(row, &drawn, &s, ca);
        km_kinetics_clear(&drawn);
    } else {
        km_eval_note(e, "%s: nothing is computed: the reference does not move", row->name);
    }
    km_tica_clear(&s.tica);
    free(s.md), free(s.model);
}

static km_status measure(const km_eval_case *c, km_eval *e, km_eval_row *row, km_err *err)
{
    km_eval_ca ca;
    km_status status = km_eval_ca_read(c, e, row, &ca, err);
    if (status == KM_OK && ca.md.x) compare(c, &ca, e, row);
    km_eval_ca_clear(&ca);
    return status;
}

km_status km_eval_kinetics(const km_eval_options *o, km_eval *e, km_err *err)
{
    return km_eval_each(o, e, KM_EVAL_PROTEIN, measure, err);
}
