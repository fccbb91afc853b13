/* SPDX-License-Identifier: MIT */
#include "lib/traj/kmeans.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/rng.h"

static double square_distance(const double *a, const double *b, int dims)
{
    double sum = 0;
    for (int d = 0; d < dims; d++) sum += (a[d] - b[d]) * (a[d] - b[d]);
    return sum;
}

static int nearest(const double *x, const double *centres, int k, int dims, double *ret_square)
{
    int best = 0;
    *ret_square = DBL_MAX;
    for (int c = 0; c < k; c++) {
        double d = square_distance(x, centres + (int64_t)c * dims, dims);
        if (d < *ret_square) *ret_square = d, best = c;
    }
    return best;
}

void km_kmeans_assign(const double *x, int64_t n, int dims, const double *centres, int k, int threads, int32_t *state)
{
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t i = 0; i < n; i++) {
        double square;
        state[i] = nearest(x + i * dims, centres, k, dims, &square);
    }
}

typedef struct points {
    const double *x;
    int64_t n;
    int dims, k, threads;
} points;

/* k-means++: each further centre is a point drawn by its squared distance to those there are. */
static int start(const points *p, const km_rng *r, double *centres, double *square)
{
    int found = 0;
    for (int64_t i = 0; i < p->n; i++) square[i] = 1;
    for (; found < p->k; found++) {
        double sum = 0, u[4];
        int64_t at = 0;
        for (int64_t i = 0; i < p->n; i++) sum += square[i];
        if (sum <= 0) break;
        km_rng_uniform4(r, (uint32_t)found, u);
        double mark = u[0] * sum;
        for (; at < p->n - 1 && (mark -= square[at]) >= 0;) at++;
        while (square[at] == 0 && at > 0) at--; /* rounding ran past the last point that counts */
        memcpy(centres + (int64_t)found * p->dims, p->x + at * p->dims, (size_t)p->dims * sizeof *centres);
        for (int64_t i = 0; i < p->n; i++) {
            double d = square_distance(p->x + i * p->dims, p->x + at * p->dims, p->dims);
            if (found == 0 || d < square[i]) square[i] = d;
        }
    }
    return found;
}

/* Lloyd: means of what is nearest, until nothing moves; a centre without points stays. Returns the inertia. */
static double iterate(const points *p, int k, double *centres, int32_t *state, double *square)
{
    double *sum = KM_NEWN(double, (size_t)k *(size_t)p->dims), inertia = 0;
    int64_t *count = KM_NEWN(int64_t, (size_t)k), moved = 1;
    for (int64_t i = 0; i < p->n; i++) state[i] = -1;
    for (int round = 0; round < KM_KMEANS_ROUNDS && moved; round++) {
        moved = 0, inertia = 0;
#pragma omp parallel for schedule(static) num_threads(p->threads) reduction(+ : moved)
        for (int64_t i = 0; i < p->n; i++) {
            int32_t is = nearest(p->x + i * p->dims, centres, k, p->dims, &square[i]);
            moved += is != state[i], state[i] = is;
        }
        memset(sum, 0, (size_t)k * (size_t)p->dims * sizeof *sum), memset(count, 0, (size_t)k * sizeof *count);
        for (int64_t i = 0; i < p->n; i++) {
            count[state[i]]++, inertia += square[i];
            for (int d = 0; d < p->dims; d++) sum[state[i] * p->dims + d] += p->x[i * p->dims + d];
        }
        for (int c = 0; c < k; c++)
            for (int d = 0; d < p->dims && count[c]; d++)
                centres[c * p->dims + d] = sum[c * p->dims + d] / (double)count[c];
    }
    free(sum), free(count);
    return inertia;
}

static int by_first(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

int km_kmeans(const double *x, int64_t n, int dims, int k, uint64_t seed, int threads, double *centres,
              double *opt_inertia)
{
    const points p = {x, n, dims, k, threads};
    double *trial = KM_NEWN(double, (size_t)k *(size_t)dims), *square = KM_NEWN(double, (size_t)n + 1), best = DBL_MAX;
    int32_t *state = KM_NEWN(int32_t, (size_t)n + 1);
    int found = 0;
    for (int s = 0; s < KM_KMEANS_STARTS; s++) {
        km_rng r = km_rng_of(seed, KM_RNG_METRIC, 0, s, 0);
        int got = start(&p, &r, trial, square);
        double inertia = iterate(&p, got, trial, state, square);
        if (inertia >= best) continue;
        best = inertia, found = got;
        memcpy(centres, trial, (size_t)got * (size_t)dims * sizeof *centres);
    }
    qsort(centres, (size_t)found, (size_t)dims * sizeof *centres, by_first);
    if (opt_inertia) *opt_inertia = best;
    free(trial), free(square), free(state);
    return found;
}
