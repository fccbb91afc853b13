/* SPDX-License-Identifier: MIT
 * Of the ensemble panel: pairwise RMSD, the atoms' Wasserstein distances, principal components. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/traj/ensemble_impl.h"
#include "lib/traj/transport.h"

/* -- pairwise RMSD, without a superposition of the pair */

typedef struct pairs {
    double mean, rms;
} pairs;

static double rmsd(const double *a, const double *b, int n_ca)
{
    double sum = 0;
    for (int i = 0; i < 3 * n_ca; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sqrt(sum / n_ca);
}

/* Rows of two draws; those of the model where the draw is DRAWS. */
static const double *row(const km_ensemble *e, int draw, int64_t i)
{
    return draw == DRAWS ? e->model.ca + i * e->atoms->n_ca * 3 : ensemble_drawn_ca(e, draw, i);
}

static pairs over_pairs(const km_ensemble *e, int one, int other)
{
    double sum = 0, square = 0, n = (double)e->n_model * (double)e->n_model;
    for (int64_t i = 0; i < e->n_model; i++)
        for (int64_t j = 0; j < e->n_model; j++) {
            double d = rmsd(row(e, one, i), row(e, other, j), e->atoms->n_ca);
            sum += d, square += d * d;
        }
    return (pairs){sum / n, sqrt(square / n)};
}

void ensemble_rmsd(const km_ensemble *e, km_ensemble_scores *s)
{
    pairs md = over_pairs(e, RAND1, RAND2), self = over_pairs(e, RAND1, RAND1), model = over_pairs(e, DRAWS, DRAWS);
    s->md_pairwise_rmsd = md.mean, s->md_pairwise_rms = md.rms;
    s->md_self_rmsd = self.mean, s->md_self_rms = self.rms;
    s->pairwise_rmsd = model.mean, s->pairwise_rms = model.rms;
}

/* -- Wasserstein distance of an atom's positions, as normal distributions */

/* Mean and covariance of an atom over frames; of the frames that `places` lists where it is given. */
static void spread(const float *x, const int64_t *places, int64_t n, int32_t A, int32_t atom, double mean[3],
                   double cov[9])
{
    memset(mean, 0, 3 * sizeof *mean), memset(cov, 0, 9 * sizeof *cov);
    for (int64_t f = 0; f < n; f++)
        for (int k = 0; k < 3; k++) mean[k] += x[3 * ((places ? places[f] : f) * A + atom) + k] / (double)n;
    for (int64_t f = 0; f < n; f++) {
        const float *at = x + 3 * ((places ? places[f] : f) * A + atom);
        for (int k = 0; k < 9; k++) cov[k] += (at[k / 3] - mean[k / 3]) * (at[k % 3] - mean[k % 3]) / (double)n;
    }
}

static bool clamps(const double a[9], const double b[9])
{
    double product[9], re[3], im[3];
    for (int i = 0; i < 9; i++)
        product[i] = a[i / 3 * 3] * b[i % 3] + a[i / 3 * 3 + 1] * b[3 + i % 3] + a[i / 3 * 3 + 2] * b[6 + i % 3];
    km_eigenvalues(product, 3, re, im);
    return re[0] < 0 || re[1] < 0 || re[2] < 0;
}

void ensemble_rmwd(const km_ensemble *e, km_ensemble_scores *s)
{
    int32_t A = e->atoms->n_atoms;
    double trans = 0, var = 0;
    int clamped = 0;
#pragma omp parallel for schedule(static) num_threads(e->threads) reduction(+ : trans, var, clamped)
    for (int32_t a = 0; a < A; a++) {
        double m1[3], c1[9], m2[3], c2[9];
        spread(e->md.x, e->draws[RAND1K], e->n_draws[RAND1K], A, a, m1, c1);
        spread(e->model.x, NULL, e->n_model, A, a, m2, c2);
        for (int k = 0; k < 3; k++) trans += (m1[k] - m2[k]) * (m1[k] - m2[k]);
        var += km_w2_normal(c1, c2), clamped += clamps(c1, c2);
    }
    s->rmwd_trans = sqrt(trans / A), s->rmwd_var = sqrt(var / A), s->rmwd = sqrt((trans + var) / A);
    s->rmwd_clamped = clamped;
}

/* -- principal components */

enum { K = 2 };

typedef struct basis {
    double value[K];
    double *vector; /* [K, 3 n_ca] */
} basis;

static basis components(const km_moments *m)
{
    double *cov = KM_NEWN(double, (size_t)m->n *(size_t)m->n);
    basis b = {{0}, KM_NEWN(double, (size_t)m->n *K)};
    km_moments_covariance(m, cov, NULL);
    km_eigen_largest(cov, m->n, K, b.value, b.vector);
    free(cov);
    return b;
}

static basis joint_components(const km_ensemble *e)
{
    int n = e->atoms->n_ca * 3;
    km_moments m = km_moments_of(n);
    for (int64_t i = 0; i < e->n_model; i++) km_moments_add(&m, ensemble_drawn_ca(e, RAND1, i), 1, e->threads);
    km_moments_add(&m, e->model.ca, e->n_model, e->threads);
    basis b = components(&m);
    km_moments_clear(&m);
    return b;
}

/* Rows of a draw in that basis, as root-mean-square displacements: [n_model, K], the caller's. */
static double *project(const km_ensemble *e, const basis *b, int draw)
{
    int n = e->atoms->n_ca * 3;
    double *out = KM_NEWN(double, (size_t)e->n_model *K);
    for (int64_t i = 0; i < e->n_model; i++)
        for (int k = 0; k < K; k++) {
            const double *x = row(e, draw, i);
            for (int c = 0; c < n; c++) out[i * K + k] += x[c] * b->vector[k * n + c];
            out[i * K + k] /= sqrt(e->atoms->n_ca);
        }
    return out;
}

/* Root-mean-square distance from the start structure, which is the origin. */
static double from_start(const double *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n * K; i++) sum += x[i] * x[i];
    return sqrt(sum / (double)n);
}

static double of_means(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int k = 0; k < K; k++) {
        double d = 0;
        for (int64_t i = 0; i < n; i++) d += (a[i * K + k] - b[i * K + k]) / (double)n;
        sum += d * d;
    }
    return sqrt(sum);
}

typedef struct distances {
    double w2, trans, rest, w2_md, md_start, model_start;
} distances;

static distances measure(const km_ensemble *e, const basis *b)
{
    double *one = project(e, b, RAND1), *two = project(e, b, RAND2), *model = project(e, b, DRAWS);
    int n = (int)e->n_model;
    distances d = {.w2 = km_w2(one, model, n, K), .w2_md = km_w2(one, two, n, K), .trans = of_means(one, model, n)};
    d.rest = sqrt(fmax(d.w2 * d.w2 - d.trans * d.trans, 0));
    d.md_start = from_start(one, n), d.model_start = from_start(model, n);
    free(one), free(two), free(model);
    return d;
}

void ensemble_pca(const km_ensemble *e, km_ensemble_scores *s)
{
    int n = e->atoms->n_ca * 3;
    basis md = components(&e->md.ca_moments), model = components(&e->model.ca_moments), joint = joint_components(e);
    distances of_md = measure(e, &md), of_joint = measure(e, &joint), own = measure(e, &model);
    double dot = 0, N = (double)e->n_ref, M = (double)e->n_model, ca = e->atoms->n_ca;
    for (int i = 0; i < n; i++) dot += md.vector[i] * model.vector[i];
    s->pc_sim = model.value[0] > 0 && md.value[0] > 0 ? fabs(dot) : NAN;
    s->md_variance1 = md.value[0] * N / (N - 1) / ca, s->md_variance2 = md.value[1] * N / (N - 1) / ca;
    s->variance1 = model.value[0] * M / (M - 1) / ca, s->variance2 = model.value[1] * M / (M - 1) / ca;
    s->md_pca_w2 = of_md.w2, s->md_pca_w2_trans = of_md.trans, s->md_pca_w2_rest = of_md.rest;
    s->md_pca_w2_md = of_md.w2_md, s->md_pca_start = of_md.md_start, s->pca_start = of_md.model_start;
    s->joint_pca_w2 = of_joint.w2, s->joint_pca_w2_trans = of_joint.trans, s->joint_pca_w2_rest = of_joint.rest;
    s->own_pca_w2 = own.w2;
    free(md.vector), free(model.vector), free(joint.vector);
}
