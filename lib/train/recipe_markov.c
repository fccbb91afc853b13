/* SPDX-License-Identifier: MIT
 * The terms of a Markov model: how likely the window is under it, how it fills the states, how fast its coordinates
 * forget. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/train/recipe_impl.h"

#define LEAST_LOG_VAR (-6.0)
#define LEAST_VAR 1e-3
#define LEAST_SHARE 1e-8
#define LOG_2PI 1.8378770664093453
enum { MOST_LAGS = 5 };

typedef struct markov {
    const km_recipe_inputs *in;
    const km_recipe_markov *m;
    double *z, *dz;        /* [T, D] coordinates, and a gradient by them */
    double *e, *de;        /* [T, K] log emissions, and a gradient by them */
    double *log_move;      /* [K, K] over the spacing of frames */
} markov;

static double log_sum(const double *x, km_dim n)
{
    double most = x[0], sum = 0;
    for (km_dim i = 1; i < n; i++) most = fmax(most, x[i]);
    for (km_dim i = 0; i < n; i++) sum += exp(x[i] - most);
    return most + log(sum);
}

static void project(markov *w, const float *x)
{
    const km_recipe_markov *m = w->m;
    for (km_dim t = 0; t < w->in->T; t++)
        for (km_dim p = 0; p < m->P; p++) {
            double d = km_recipe_distance(x + t * w->in->A * 3, m->pair_i[p], m->pair_j[p]) - m->mean[p];
            for (km_dim k = 0; k < m->D; k++) w->z[t * m->D + k] += d * m->components[p * m->D + k];
        }
}

static double log_var(const markov *w, km_dim i) { return fmax(w->m->log_vars[i], LEAST_LOG_VAR); }

static void emit(markov *w)
{
    const km_dim D = w->m->D, K = w->m->K;
    for (km_dim t = 0; t < w->in->T; t++)
        for (km_dim k = 0; k < K; k++)
            for (km_dim d = 0; d < D; d++) {
                double off = w->z[t * D + d] - w->m->centers[k * D + d], l = log_var(w, k * D + d);
                w->e[t * K + k] -= 0.5 * (off * off * exp(-l) + l + LOG_2PI);
            }
}

static void multiply(const double *a, const double *b, km_dim K, double *out)
{
    for (km_dim i = 0; i < K; i++)
        for (km_dim j = 0; j < K; j++) {
            out[i * K + j] = 0;
            for (km_dim k = 0; k < K; k++) out[i * K + j] += a[i * K + k] * b[k * K + j];
        }
}

/* The logarithm of the transitions over `lags` of the model's lag */
static void prepare_moves(markov *w)
{
    const km_dim K = w->m->K, n = K * K;
    double *one = KM_NEWN(double, (size_t)n), *power = KM_NEWN(double, (size_t)n), *next = KM_NEWN(double, (size_t)n);
    for (km_dim i = 0; i < n; i++) one[i] = power[i] = w->m->transitions[i];
    for (int lag = 1; lag < w->m->lags; lag++) {
        multiply(power, one, K, next);
        memcpy(power, next, (size_t)n * sizeof *power);
    }
    for (km_dim i = 0; i < K; i++) {
        double sum = 0;
        for (km_dim j = 0; j < K; j++) sum += power[i * K + j] = fmax(power[i * K + j], 0);
        for (km_dim j = 0; j < K; j++) w->log_move[i * K + j] = log(fmax(power[i * K + j] / sum, 1e-30));
    }
    free(one), free(power), free(next);
}

/* Minus the log likelihood a frame; its slope by an emission is minus the state's probability there. */
static double likelihood(markov *w, double weight)
{
    const km_dim T = w->in->T, K = w->m->K;
    double *to = KM_NEWN(double, (size_t)(T * K)), *from = KM_NEWN(double, (size_t)(T * K)),
           *row = KM_NEWN(double, (size_t)K);
    for (km_dim k = 0; k < K; k++) to[k] = log(fmax(w->m->stationary[k], 1e-10)) + w->e[k];
    for (km_dim t = 1; t < T; t++)
        for (km_dim k = 0; k < K; k++) {
            for (km_dim j = 0; j < K; j++) row[j] = to[(t - 1) * K + j] + w->log_move[j * K + k];
            to[t * K + k] = log_sum(row, K) + w->e[t * K + k];
        }
    for (km_dim t = T - 2; t >= 0; t--)
        for (km_dim k = 0; k < K; k++) {
            for (km_dim j = 0; j < K; j++)
                row[j] = w->log_move[k * K + j] + w->e[(t + 1) * K + j] + from[(t + 1) * K + j];
            from[t * K + k] = log_sum(row, K);
        }
    double all = log_sum(to + (T - 1) * K, K);
    for (km_dim i = 0; i < T * K; i++) w->de[i] -= weight * exp(to[i] + from[i] - all) / (double)T;
    free(to), free(from), free(row);
    return -all / (double)T;
}

/* How the trajectory's populations differ from the window's, which are means of its frames' memberships */
static double populations(markov *w, double weight)
{
    const km_dim T = w->in->T, K = w->m->K;
    double *s = KM_NEWN(double, (size_t)(T * K)), *q = KM_NEWN(double, (size_t)K), *r = KM_NEWN(double, (size_t)K);
    double sum = 0;
    for (km_dim t = 0; t < T; t++) {
        double *row = s + t * K;
        for (km_dim k = 0; k < K; k++) row[k] = w->e[t * K + k] + log(fmax(w->m->stationary[k], LEAST_SHARE));
        double all = log_sum(row, K);
        for (km_dim k = 0; k < K; k++) row[k] = exp(row[k] - all), q[k] += row[k] / (double)T;
    }
    for (km_dim k = 0; k < K; k++) {
        double wanted = fmax(w->m->population[k], LEAST_SHARE);
        sum += wanted * log(wanted / fmax(q[k], LEAST_SHARE));
        r[k] = q[k] > LEAST_SHARE ? -wanted / q[k] : 0;
    }
    for (km_dim t = 0; t < T; t++) {
        double mean = 0;
        for (km_dim k = 0; k < K; k++) mean += s[t * K + k] * r[k];
        for (km_dim k = 0; k < K; k++) w->de[t * K + k] += weight * s[t * K + k] * (r[k] - mean) / (double)T;
    }
    free(s), free(q), free(r);
    return sum;
}

/* A coordinate about its mean; returns its variance. */
static double centred(const markov *w, km_dim d, double *c)
{
    const km_dim T = w->in->T, D = w->m->D;
    double mean = 0, square = 0;
    for (km_dim t = 0; t < T; t++) mean += w->z[t * D + d] / (double)T;
    for (km_dim t = 0; t < T; t++) c[t] = w->z[t * D + d] - mean, square += c[t] * c[t];
    return square / (double)(T - 1);
}

/* One coordinate's autocorrelation against its eigenvalue's; share: of this coordinate in the mean */
static double forget(markov *w, km_dim d, double share, double weight)
{
    const km_dim T = w->in->T, D = w->m->D, lags = T - 1 < MOST_LAGS ? T - 1 : MOST_LAGS;
    double *c = KM_NEWN(double, (size_t)T), *g = KM_NEWN(double, (size_t)T), sum = 0, mean = 0, v = centred(w, d, c);
    for (km_dim lag = 1; lag <= lags; lag++) {
        double product = 0;
        for (km_dim t = 0; t + lag < T; t++) product += c[t] * c[t + lag] / (double)(T - lag);
        double r = product / v, off = r - pow(w->m->eigenvalues[d], (double)(lag * w->m->lags));
        double f = 2 * off * share / ((double)lags * v);
        sum += off * off * share / (double)lags;
        for (km_dim t = 0; t < T; t++) {
            double around = (t + lag < T ? c[t + lag] : 0) + (t >= lag ? c[t - lag] : 0);
            g[t] += f * (around / (double)(T - lag) - r * 2 * c[t] / (double)(T - 1));
        }
    }
    for (km_dim t = 0; t < T; t++) mean += g[t] / (double)T;
    for (km_dim t = 0; t < T; t++) w->dz[t * D + d] += weight * (g[t] - mean);
    free(c), free(g);
    return sum;
}

static double autocorrelation(markov *w, double weight)
{
    double *c = KM_NEWN(double, (size_t)w->in->T), sum = 0, valid = 0;
    for (km_dim d = 0; d < w->m->D; d++) valid += centred(w, d, c) > LEAST_VAR;
    for (km_dim d = 0; d < w->m->D; d++)
        if (centred(w, d, c) > LEAST_VAR) sum += forget(w, d, 1 / valid, weight);
    free(c);
    return sum;
}

/* From emissions to coordinates to distances to atoms */
static void push(markov *w, const float *x, double *grad)
{
    const km_recipe_markov *m = w->m;
    const km_dim D = m->D, K = m->K, frame = w->in->A * 3;
    for (km_dim t = 0; t < w->in->T; t++)
        for (km_dim k = 0; k < K; k++)
            for (km_dim d = 0; d < D; d++)
                w->dz[t * D + d] -= w->de[t * K + k] * (w->z[t * D + d] - m->centers[k * D + d]) *
                                    exp(-log_var(w, k * D + d));
    for (km_dim t = 0; t < w->in->T; t++)
        for (km_dim p = 0; p < m->P; p++) {
            double g = 0;
            for (km_dim d = 0; d < D; d++) g += w->dz[t * D + d] * m->components[p * D + d];
            km_recipe_push(x + t * frame, m->pair_i[p], m->pair_j[p], g, grad + t * frame);
        }
}

void km_recipe_add_markov(const km_recipe_inputs *in, const double weights[KM_RECIPE_TERMS], const float *x,
                          double values[KM_RECIPE_TERMS], double *grad)
{
    const km_recipe_markov *m = in->opt_markov;
    size_t TD = (size_t)(in->T * m->D), TK = (size_t)(in->T * m->K);
    markov w = {in, m, KM_NEWN(double, TD), KM_NEWN(double, TD), KM_NEWN(double, TK), KM_NEWN(double, TK),
                KM_NEWN(double, (size_t)(m->K * m->K))};
    project(&w, x);
    emit(&w);
    prepare_moves(&w);
    values[KM_RECIPE_HMM] = likelihood(&w, weights[KM_RECIPE_HMM]);
    values[KM_RECIPE_POPULATION] = populations(&w, weights[KM_RECIPE_POPULATION]);
    values[KM_RECIPE_MARKOV_ACF] = autocorrelation(&w, weights[KM_RECIPE_MARKOV_ACF]);
    push(&w, x, grad);
    free(w.z), free(w.dz), free(w.e), free(w.de), free(w.log_move);
}
