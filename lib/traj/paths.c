/* SPDX-License-Identifier: MIT */
#include "lib/traj/paths.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/traj/peptide.h"

bool km_paths_ends(const double *t, const double *pi, int K, int ends[2])
{
    const double least = 1e-7;
    double best = INFINITY;
    for (int i = 0; i < K; i++)
        for (int j = 0; j < K; j++) {
            double flux = t[i * K + j] * pi[j];
            if (flux >= least && flux < best) best = flux, ends[0] = i, ends[1] = j;
        }
    return isfinite(best);
}

/* Weights of all paths by a matrix m [K, K] of factors a step: from the first end to a state in s steps, from there to
 * the last end in s, [steps + 1, K] each. */
typedef struct ways {
    double *to, *on, all; /* all: of whole paths */
} ways;

static ways ways_of(const double *m, int K, const int ends[2], int steps)
{
    size_t size = (size_t)(steps + 1) * (size_t)K;
    ways w = {KM_NEWN(double, size), KM_NEWN(double, size), 0};
    w.to[ends[0]] = 1, w.on[ends[1]] = 1;
    for (int s = 1; s <= steps; s++)
        for (int i = 0; i < K; i++)
            for (int j = 0; j < K; j++) {
                w.to[s * K + j] += w.to[(s - 1) * K + i] * m[i * K + j];
                w.on[s * K + i] += m[i * K + j] * w.on[(s - 1) * K + j];
            }
    w.all = w.to[steps * K + ends[1]];
    return w;
}

static void clear(ways *w) { free(w->to), free(w->on); }

/* How often paths are in each state. */
static double *visits(const ways *w, int K, int steps)
{
    double *out = KM_NEWN(double, (size_t)K);
    for (int s = 0; s <= steps; s++)
        for (int i = 0; i < K; i++) out[i] += w->to[s * K + i] * w->on[(steps - s) * K + i];
    return out;
}

/* Without a path. */
static const km_path_scores none = {1, 0, 0, NAN};

/* The mean over the model's valid paths of log P, P the product of t over the steps: a sum over steps of the mean of
 * log t, by how often each is taken. */
static double mean_log(const double *t, const double *valid, const ways *w, int K, int steps)
{
    double sum = 0;
    for (int s = 0; s < steps; s++)
        for (int i = 0; i < K; i++)
            for (int j = 0; j < K; j++) {
                double often = w->to[s * K + i] * valid[i * K + j] * w->on[(steps - 1 - s) * K + j];
                if (often > 0) sum += often / w->all * log(t[i * K + j]);
            }
    return sum;
}

void km_paths_of_chain(const double *t, const double *model, const bool *in, int K, const int ends[2], int steps,
                       km_path_scores *ret)
{
    size_t square = (size_t)K * (size_t)K;
    double *valid = KM_NEWN(double, square), *both = KM_NEWN(double, square);
    *ret = none;
    for (size_t i = 0; i < square; i++) valid[i] = t[i] > 0 ? model[i] : 0, both[i] = t[i] * model[i];
    ways md = ways_of(t, K, ends, steps), all = ways_of(model, K, ends, steps), may = ways_of(valid, K, ends, steps);
    ways likely = ways_of(both, K, ends, steps);
    if (in[ends[0]] && in[ends[1]] && all.all > 0 && md.all > 0) {
        double *p = visits(&md, K, steps), *q = visits(&all, K, steps);
        *ret = (km_path_scores){km_js_distance(p, q, K), may.all / all.all, likely.all / all.all / md.all, NAN};
        if (may.all > 0) ret->log = mean_log(t, valid, &may, K, steps) - log(md.all);
        free(p), free(q);
    }
    clear(&md), clear(&all), clear(&may), clear(&likely);
    free(valid), free(both);
}

void km_paths_given(const double *t, int K, const int ends[2], const int32_t *paths, int64_t n, int steps,
                    km_path_scores *ret)
{
    ways md = ways_of(t, K, ends, steps);
    double *p = visits(&md, K, steps), *q = KM_NEWN(double, (size_t)K), sum = 0, logs = 0;
    int64_t valid = 0;
    for (int64_t i = 0; i < n; i++, paths += steps + 1) {
        double log_p = -log(md.all);
        q[paths[steps]]++;
        for (int s = 0; s < steps; s++) q[paths[s]]++, log_p += log(t[paths[s] * K + paths[s + 1]]);
        if (!isfinite(log_p)) continue;
        valid++, sum += exp(log_p), logs += log_p;
    }
    *ret = none;
    if (n && md.all > 0)
        *ret = (km_path_scores){km_js_distance(p, q, K), (double)valid / (double)n, sum / (double)n,
                                valid ? logs / (double)valid : NAN};
    clear(&md);
    free(p), free(q);
}
