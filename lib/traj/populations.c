/* SPDX-License-Identifier: MIT */
#include "lib/traj/populations.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/base/rng.h"
#include "lib/base/superpose.h"
#include "lib/traj/stats.h"

static const double boltzmann = 0.001987203599772605; /* kcal/mol/K */

/* -- surfaces */

enum { BINS = 50, ALL = BINS * BINS, DRAWS = 1000000 };
static const double noise = 0.25, cutoff = 4, kt = 300 * 0.001987203599772605;

typedef struct grid {
    double low[2], high[2];
} grid;

/* Draw number i of n points. */
static void draw(const double *x, int64_t n, const km_rng *r, uint32_t i, double out[2])
{
    float g[3];
    double u[4];
    km_rng_normal3(r, 2 * i, g), km_rng_uniform4(r, 2 * i + 1, u);
    int64_t at = (int64_t)(u[0] * (double)n);
    for (int k = 0; k < 2; k++) out[k] = x[2 * at + k] + noise * (double)g[k];
}

static void span(const double *x, int64_t n, const km_rng *r, grid *g)
{
    for (int k = 0; k < 2; k++) g->low[k] = INFINITY, g->high[k] = -INFINITY;
    for (uint32_t i = 0; i < DRAWS; i++) {
        double p[2];
        draw(x, n, r, i, p);
        for (int k = 0; k < 2; k++) g->low[k] = fmin(g->low[k], p[k]), g->high[k] = fmax(g->high[k], p[k]);
    }
    for (int k = 0; k < 2; k++) {
        double pad = 0.5 * (g->high[k] - g->low[k]) / (BINS + 1);
        g->low[k] -= pad, g->high[k] += pad;
    }
}

/* Energies above the lowest, infinite where there is nothing. The bins are all alike: densities differ by a factor. */
static void energies(const double *x, int64_t n, const km_rng *r, const grid *g, double *out)
{
    double most = 0;
    for (int b = 0; b < ALL; b++) out[b] = 0;
    for (uint32_t i = 0; i < DRAWS; i++) {
        double p[2];
        int at[2];
        draw(x, n, r, i, p);
        for (int k = 0; k < 2; k++) at[k] = (int)floor((p[k] - g->low[k]) / (g->high[k] - g->low[k]) * BINS);
        if (at[0] >= 0 && at[0] < BINS && at[1] >= 0 && at[1] < BINS) most = fmax(most, ++out[at[0] * BINS + at[1]]);
    }
    for (int b = 0; b < ALL; b++) out[b] = out[b] > 0 ? -kt * log(out[b] / most) : INFINITY;
}

/* The mean absolute difference is smallest about the median, the mean square about the mean. */
static void errors(double *gaps, int n, double *mae, double *rmse)
{
    double middle = km_median(gaps, n), mean = km_mean(gaps, n), absolute = 0, square = 0;
    for (int i = 0; i < n; i++) absolute += fabs(gaps[i] - middle), square += (gaps[i] - mean) * (gaps[i] - mean);
    *mae = n ? absolute / n : NAN, *rmse = n ? sqrt(square / n) : NAN;
}

void km_surface_compare(const double *ref, int64_t n, const double *model, int64_t m, uint64_t seed,
                        km_surface_scores *ret)
{
    grid g;
    double of_ref[ALL], of_model[ALL], gaps[ALL], within[ALL];
    const km_rng r = km_rng_of(seed, KM_RNG_METRIC, 0, 0, 0), s = km_rng_of(seed, KM_RNG_METRIC, 1, 0, 0);
    int all = 0, both = 0;
    span(ref, n, &r, &g);
    energies(ref, n, &r, &g, of_ref), energies(model, m, &s, &g, of_model);
    for (int b = 0; b < ALL; b++) {
        if (!(of_ref[b] < cutoff)) continue;
        gaps[all++] = fmin(of_model[b], cutoff) - of_ref[b];
        if (isfinite(of_model[b])) within[both++] = of_model[b] - of_ref[b];
    }
    errors(within, both, &ret->mae, &ret->rmse), errors(gaps, all, &ret->mae_all, &ret->rmse_all);
    ret->coverage = (double)both / all;
    if (!both) ret->mae_all = ret->rmse_all = NAN;
}

/* -- native contacts */

static double between(const float *ca, int32_t i, int32_t j)
{
    double sum = 0;
    for (int k = 0; k < 3; k++) sum += pow((double)ca[3 * i + k] - ca[3 * j + k], 2);
    return sqrt(sum);
}

/* All pairs nearer than reach and at least so far apart by number, of which one is in the region (NULL: all are). */
static km_native pairs_of(const float *ca, const int32_t *numbers, const bool *opt_region, int32_t n_ca, int apart,
                          double reach)
{
    size_t most = (size_t)n_ca * (size_t)n_ca / 2 + 1;
    km_native c = {0, km_alloc(most * sizeof *c.pairs), KM_NEWN(double, most)};
    for (int32_t i = 0; i < n_ca; i++)
        for (int32_t j = i + 1; j < n_ca; j++) {
            double d = between(ca, i, j);
            if (abs(numbers[j] - numbers[i]) < apart || d > reach) continue;
            if (opt_region && !opt_region[i] && !opt_region[j]) continue;
            c.pairs[c.n][0] = i, c.pairs[c.n][1] = j, c.lengths[c.n++] = d;
        }
    return c;
}

km_native km_native_of(const float *ca, const int32_t *residues, int32_t n_ca)
{
    return pairs_of(ca, residues, NULL, n_ca, 4, 10);
}

static const double region_reach = 8;

km_native km_native_of_region(const float *ca, const int32_t *numbers, const bool *region, int32_t n_ca)
{
    return pairs_of(ca, numbers, region, n_ca, 3, nextafter(region_reach, 0));
}

double km_native_kept(const km_native *c, const float *ca)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < c->n; i++) kept += between(ca, c->pairs[i][0], c->pairs[i][1]) < region_reach;
    return c->n ? (double)kept / c->n : NAN;
}

void km_native_clear(km_native *c)
{
    free(c->pairs), free(c->lengths);
    *c = (km_native){0};
}

double km_native_fraction(const km_native *c, const float *ca)
{
    const double steep = 5, stretch = 1.2;
    double sum = 0;
    for (int32_t i = 0; i < c->n; i++)
        sum += 1 / (1 + exp(steep * (between(ca, c->pairs[i][0], c->pairs[i][1]) - stretch * c->lengths[i])));
    return c->n ? sum / c->n : NAN;
}

double km_foldedness(double q) { return 1 / (1 + exp(-20 * (q - 0.5))); }

double km_folding_energy(double p)
{
    const double least = 1e-10;
    p = fmin(fmax(p, least), 1 - least);
    return -boltzmann * 295 * log(p / (1 - p));
}

/* -- conformations */

double km_region_distance(const float *x, const float *y, const float *weights, const bool *region, int32_t n)
{
    double rot[9], from[3], to[3], sum = 0;
    int32_t points = 0;
    km_superpose(x, y, weights, n, rot, from, to);
    for (int32_t i = 0; i < n; i++) {
        float moved[3];
        if (!region[i]) continue;
        km_superpose_apply(x + 3 * i, 1, rot, from, to, moved);
        sum += sqrt(pow(moved[0] - y[3 * i], 2) + pow(moved[1] - y[3 * i + 1], 2) + pow(moved[2] - y[3 * i + 2], 2));
        points++;
    }
    return points ? sum / points : NAN;
}
