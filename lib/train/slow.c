/* SPDX-License-Identifier: MIT */
#include "lib/train/slow.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "formats/h5_lock.h"
#include "lib/base/mem.h"
#include "lib/base/system.h"
#include "lib/traj/kmeans.h"
#include "lib/traj/msm.h"
#include "lib/traj/tica.h"

enum { MOST_ROWS = 20000, PIECE = 64, ROOT = 10, SEED = 0x736c6f77 };

/* Distances of all frames that are looked at, trajectory after trajectory. */
typedef struct rows {
    double *x;        /* [F, P] */
    int64_t *lengths; /* [n_runs] */
    int n_runs;
    int64_t F, stride; /* in frames of the file */
} rows;

/* Evenly spread pairs of the atoms that stand for a polymer's residues. */
static void choose_pairs(km_slow *s, const km_train_system *t, int64_t frames)
{
    int A = (int)t->features->A, n = 0, most = (int)sqrt(0.4 * (double)frames);
    int32_t *atoms = KM_NEWN(int32_t, (size_t)A);
    for (int a = 0; a < A; a++)
        if (t->traced[a] != 0 && t->mol_type[a] != KM_NONPOLYMER) atoms[n++] = a;
    if (most < 15) most = 15;
    int kept = n < most ? n : most;
    s->pairs = KM_NEWN(int32_t, (size_t)kept * (size_t)kept + 2);
    for (int i = 0; i < kept; i++)
        for (int j = 0; j < i; j++, s->P++) {
            s->pairs[2 * s->P] = atoms[(int64_t)j * n / kept];
            s->pairs[2 * s->P + 1] = atoms[(int64_t)i * n / kept];
        }
    free(atoms);
}

/* [P] of a frame x [A, 3] */
static void distances(const km_slow *s, const float *x, double *out)
{
    for (int p = 0; p < s->P; p++) {
        const float *a = x + 3 * (size_t)s->pairs[2 * p], *b = x + 3 * (size_t)s->pairs[2 * p + 1];
        double square = 0;
        for (int k = 0; k < 3; k++) square += pow((double)a[k] - (double)b[k], 2);
        out[p] = sqrt(square);
    }
}

static km_status read_run(const km_slow *s, const km_train_system *t, int trajectory, rows *r, km_err *err)
{
    size_t frame = (size_t)t->features->A * 3;
    int64_t n = (km_h5md_frames(t->file, trajectory) + r->stride - 1) / r->stride;
    float *x = km_alloc(PIECE * frame * sizeof *x);
    km_status status = KM_OK;
    for (int64_t first = 0; first < n && status == KM_OK; first += PIECE) {
        int64_t m = n - first < PIECE ? n - first : PIECE;
        km_h5_lock();
        status = km_h5md_read(t->file, trajectory, first * r->stride, r->stride, m, x, err);
        km_h5_unlock();
        for (int64_t f = 0; f < m && status == KM_OK; f++)
            distances(s, x + (size_t)f * frame, r->x + (r->F + first + f) * s->P);
    }
    r->lengths[trajectory] = n;
    r->F += n;
    free(x);
    return status;
}

static km_status read_rows(const km_slow *s, const km_train_system *t, int64_t frames, rows *r, km_err *err)
{
    km_status status = KM_OK;
    int runs = km_h5md_trajectories(t->file);
    *r = (rows){.n_runs = runs, .stride = frames / MOST_ROWS + 1, .lengths = KM_NEWN(int64_t, (size_t)runs)};
    r->x = KM_NEWN(double, (size_t)(frames / r->stride + runs) * (size_t)s->P);
    for (int i = 0; i < runs && status == KM_OK; i++) status = read_run(s, t, i, r, err);
    return status;
}

/* The logarithms of the states' variances. */
static void spread(km_slow *s, const double *z, const int32_t *state, int64_t F)
{
    double *n = KM_NEWN(double, (size_t)s->K);
    for (int64_t f = 0; f < F; f++) {
        n[state[f]]++;
        for (int d = 0; d < s->D; d++)
            s->log_var[state[f] * s->D + d] += pow(z[f * s->D + d] - s->centres[state[f] * s->D + d], 2);
    }
    for (int i = 0; i < s->K * s->D; i++) {
        double variance = s->log_var[i] / fmax(n[i / s->D], 1);
        s->log_var[i] = variance > 0 ? fmax(log(variance), -6) : -6;
    }
    free(n);
}

static bool find_states(km_slow *s, const km_tica *tica, const rows *r, int64_t lag, int states)
{
    double *z = km_tica_project(tica, r->x, r->F);
    int32_t *state = KM_NEWN(int32_t, (size_t)r->F);
    size_t K = (size_t)states, D = (size_t)s->D;
    bool *in = KM_NEWN(bool, K);
    s->centres = KM_NEWN(double, K * D), s->log_var = KM_NEWN(double, K * D);
    s->transition = KM_NEWN(double, K * K), s->stationary = KM_NEWN(double, K);
    s->K = km_kmeans(z, r->F, s->D, states, SEED, 1, s->centres, NULL);
    km_kmeans_assign(z, r->F, s->D, s->centres, s->K, 1, state);
    spread(s, z, state, r->F);
    double *counts = KM_NEWN(double, K * K);
    km_msm_count(state, r->lengths, r->n_runs, ROOT * lag, s->K, counts);
    bool good = km_msm_connected(counts, s->K, in) > 1;
    if (good) km_msm_root(counts, s->K, in, ROOT, s->transition, s->stationary);
    free(z), free(state), free(in), free(counts);
    return good;
}

/* False: there is no such model. */
static bool fit(km_slow *s, const rows *r, int64_t lag, const km_train_config *c)
{
    km_tica tica;
    km_series series = {r->x, s->P, r->lengths, r->n_runs};
    km_tica_fit(&series, lag, c->tica_components, 1, &tica);
    bool good = tica.k > 0;
    s->D = tica.k;
    s->mean = KM_NEWN(double, (size_t)s->P), s->memory = KM_NEWN(double, (size_t)s->D + 1);
    s->components = KM_NEWN(double, (size_t)s->P * (size_t)s->D + 1);
    for (int p = 0; p < s->P && good; p++) {
        s->mean[p] = tica.mean[p];
        for (int d = 0; d < s->D; d++) s->components[p * s->D + d] = tica.w[d * s->P + p];
    }
    for (int d = 0; d < s->D; d++) s->memory[d] = tica.values[d];
    good = good && find_states(s, &tica, r, lag, c->tica_states);
    km_tica_clear(&tica);
    return good;
}

km_status km_slow_new(const km_train_system *t, const km_train_config *c, km_slow **ret, km_err *err)
{
    km_slow *s = KM_NEW(km_slow);
    rows r = {0};
    int64_t frames = 0;
    *ret = NULL;
    for (int i = 0; i < km_h5md_trajectories(t->file); i++) frames += km_h5md_frames(t->file, i);
    choose_pairs(s, t, frames);
    km_status status = s->P < 3 ? KM_OK : read_rows(s, t, frames, &r, err);
    int64_t lag = r.F ? (c->tica_lag + t->dt * r.stride / 2) / (t->dt * r.stride) : 0; /* in rows */
    s->lag = lag * t->dt * r.stride;
    if (status == KM_OK && lag > 0 && fit(s, &r, lag, c)) *ret = s;
    else km_slow_free(s);
    free(r.x), free(r.lengths);
    return status;
}

void km_slow_free(km_slow *s)
{
    if (!s) return;
    free(s->pairs), free(s->mean), free(s->components), free(s->centres), free(s->log_var);
    free(s->transition), free(s->stationary), free(s->memory), free(s);
}

/* -- of a window */

static void product(const double *a, const double *b, int K, double *out)
{
    for (int i = 0; i < K; i++)
        for (int j = 0; j < K; j++) {
            double sum = 0;
            for (int k = 0; k < K; k++) sum += a[i * K + k] * b[k * K + j];
            out[i * K + j] = sum;
        }
}

/* Logarithms of the n-th power of t [K, K], rounding taken off. */
static void log_power(const double *t, int K, int64_t n, float *out)
{
    size_t bytes = (size_t)K * (size_t)K * sizeof(double);
    double *base = memcpy(km_alloc(bytes), t, bytes), *power = km_calloc(1, bytes), *next = km_alloc(bytes);
    for (int i = 0; i < K; i++) power[i * K + i] = 1;
    for (; n > 0; n /= 2) {
        if (n % 2) product(power, base, K, next), memcpy(power, next, bytes);
        product(base, base, K, next), memcpy(base, next, bytes);
    }
    for (int i = 0; i < K; i++) {
        double sum = 0;
        for (int j = 0; j < K; j++) sum += fmax(power[i * K + j], 0);
        for (int j = 0; j < K; j++) out[i * K + j] = (float)log(fmax(power[i * K + j] / fmax(sum, 1e-30), 1e-30));
    }
    free(base), free(power), free(next);
}

/* The share of each state among the frames. */
static void populate(const km_slow *s, const float *x, int T, int A, float *out)
{
    double *d = KM_NEWN(double, (size_t)s->P), *z = KM_NEWN(double, (size_t)T * (size_t)s->D);
    int32_t *state = KM_NEWN(int32_t, (size_t)T);
    for (int t = 0; t < T; t++) {
        distances(s, x + (size_t)t * (size_t)A * 3, d);
        for (int p = 0; p < s->P; p++)
            for (int k = 0; k < s->D; k++) z[t * s->D + k] += (d[p] - s->mean[p]) * s->components[p * s->D + k];
    }
    km_kmeans_assign(z, T, s->D, s->centres, s->K, 1, state);
    for (int t = 0; t < T; t++) out[state[t]] += 1.0f / (float)T;
    free(d), free(z), free(state);
}

static float *append(float *to, const double *from, int n)
{
    for (int i = 0; i < n; i++) *to++ = (float)from[i];
    return to;
}

km_markov km_slow_window(km_arena *arena, const km_slow *s, const float *x, int T, int A, int64_t spacing,
                         const float **ret_population)
{
    int P = s->P, D = s->D, K = s->K;
    int64_t lags = (spacing + s->lag / 2) / s->lag;
    if (lags < 1) lags = 1;
    float *numbers = km_arena_get(arena, (size_t)(P + P * D + 2 * K * D + K * K + K + D) * sizeof *numbers);
    float *population = km_arena_zero(arena, (size_t)K * sizeof *population);
    float *to = append(append(numbers, s->mean, P), s->components, P * D);
    to = append(append(to, s->centres, K * D), s->log_var, K * D);
    log_power(s->transition, K, lags, to);
    to = append(to + K * K, s->stationary, K);
    for (int d = 0; d < D; d++) to[d] = (float)pow(fmax(s->memory[d], 0), (double)lags);
    populate(s, x, T, A, population);
    *ret_population = population;
    return (km_markov){P, D, K, s->pairs, numbers};
}
