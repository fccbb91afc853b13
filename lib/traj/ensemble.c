/* SPDX-License-Identifier: MIT
 * Superposition, what is kept of the frames, and their fluctuations. */
#include "lib/traj/ensemble.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/mem.h"
#include "lib/base/superpose.h"
#include "lib/traj/draws.h"
#include "lib/traj/ensemble_impl.h"
#include "lib/traj/stats.h"

static void draw(km_ensemble *e)
{
    km_mt g;
    const int64_t n[DRAWS] = {e->n_model, e->n_model, 1000};
    km_mt_seed(&g, 137);
    memset(e->slot, -1, (size_t)e->n_ref * sizeof *e->slot);
    for (int d = 0; d < DRAWS; d++) {
        e->n_draws[d] = n[d], e->draws[d] = KM_NEWN(int64_t, (size_t)n[d]);
        km_mt_below(&g, (uint32_t)e->n_ref, n[d], e->draws[d]);
        for (int64_t i = 0; i < n[d]; i++) {
            int32_t *slot = &e->slot[e->draws[d][i]];
            if (*slot < 0) *slot = (int32_t)e->md.n++;
            e->draws[d][i] = *slot;
        }
    }
}

km_ensemble *km_ensemble_new(const km_ensemble_atoms *a, int64_t n_ref, int64_t n_model, int threads)
{
    KM_ASSERT(n_ref > 0 && n_ref <= INT32_MAX && n_model > 0 && a->n_ca > 1);
    km_ensemble *e = KM_NEW(km_ensemble);
    size_t A = (size_t)a->n_atoms, ca = (size_t)a->n_ca * 3;
    *e = (km_ensemble){.atoms = a, .threads = threads, .n_ref = n_ref, .n_model = n_model};
    e->slot = KM_NEWN(int32_t, (size_t)n_ref);
    draw(e);
    e->md.x = KM_NEWN(float, (size_t)e->md.n * A * 3), e->md.ca = KM_NEWN(double, (size_t)e->md.n *ca);
    e->model.n = n_model, e->model.ca = KM_NEWN(double, (size_t)n_model *ca);
    e->md.ca_moments = km_moments_of((int)ca), e->model.ca_moments = km_moments_of((int)ca);
    e->md.rmsf = KM_NEWN(double, A), e->model.rmsf = KM_NEWN(double, A);
    e->sum = KM_NEWN(double, A * 3), e->square = KM_NEWN(double, A);
    e->start_ca = KM_NEWN(float, ca);
    for (int32_t i = 0; i < a->n_ca; i++) memcpy(e->start_ca + 3 * i, a->start + 3 * a->ca[i], 3 * sizeof(float));
    return e;
}

void km_ensemble_free(km_ensemble *e)
{
    if (!e) return;
    for (int d = 0; d < DRAWS; d++) free(e->draws[d]);
    free(e->md.x), free(e->md.ca), free(e->model.ca), free(e->md.rmsf), free(e->model.rmsf);
    km_moments_clear(&e->md.ca_moments), km_moments_clear(&e->model.ca_moments);
    free(e->slot), free(e->start_ca), free(e->sum), free(e->square);
    free(e);
}

const double *ensemble_drawn_ca(const km_ensemble *e, int draw_, int64_t i)
{
    return e->md.ca + e->draws[draw_][i] * e->atoms->n_ca * 3;
}

/* Superpose on the start structure: all atoms, then in ca CA alone, as the distance from it. */
static void fit(const km_ensemble *e, float *x, double *ca)
{
    const km_ensemble_atoms *a = e->atoms;
    double rot[9], from[3], to[3];
    km_superpose(x, a->start, NULL, a->n_atoms, rot, from, to);
    km_superpose_apply(x, a->n_atoms, rot, from, to, x);
    float *y = KM_NEWN(float, (size_t)a->n_ca * 3);
    for (int32_t i = 0; i < a->n_ca; i++) memcpy(y + 3 * i, x + 3 * a->ca[i], 3 * sizeof *y);
    km_superpose(y, e->start_ca, NULL, a->n_ca, rot, from, to);
    km_superpose_apply(y, a->n_ca, rot, from, to, y);
    for (int32_t i = 0; i < 3 * a->n_ca; i++) ca[i] = (double)y[i] - e->start_ca[i];
    free(y);
}

/* Frames, superposed: their part of the sums. */
static void count_frames(km_ensemble *e, const float *x, const double *ca, int64_t n, km_moments *m)
{
    int32_t A = e->atoms->n_atoms;
#pragma omp parallel for schedule(static) num_threads(e->threads)
    for (int32_t a = 0; a < A; a++)
        for (int64_t f = 0; f < n; f++)
            for (int k = 0; k < 3; k++) {
                double d = (double)x[3 * (f * A + a) + k] - e->atoms->start[3 * a + k];
                e->sum[3 * a + k] += d, e->square[a] += d * d;
            }
    km_moments_add(m, ca, n, e->threads);
}

static void take_rmsf(km_ensemble *e, int64_t n, double *rmsf)
{
    for (int32_t a = 0; a < e->atoms->n_atoms; a++) {
        double v = e->square[a] / (double)n;
        for (int k = 0; k < 3; k++) v -= pow(e->sum[3 * a + k] / (double)n, 2), e->sum[3 * a + k] = 0;
        rmsf[a] = sqrt(fmax(v, 0)), e->square[a] = 0;
    }
}

void km_ensemble_add_reference(km_ensemble *e, float *x, int64_t n)
{
    size_t frame = (size_t)e->atoms->n_atoms * 3, ca = (size_t)e->atoms->n_ca * 3;
    double *y = KM_NEWN(double, (size_t)n *ca);
    KM_ASSERT(e->seen + n <= e->n_ref);
#pragma omp parallel for schedule(static) num_threads(e->threads)
    for (int64_t f = 0; f < n; f++) {
        fit(e, x + (size_t)f * frame, y + (size_t)f * ca);
        int32_t slot = e->slot[e->seen + f];
        if (slot < 0) continue;
        memcpy(e->md.x + (size_t)slot * frame, x + (size_t)f * frame, frame * sizeof *x);
        memcpy(e->md.ca + (size_t)slot * ca, y + (size_t)f * ca, ca * sizeof *y);
    }
    count_frames(e, x, y, n, &e->md.ca_moments);
    e->seen += n;
    free(y);
}

static void compare_rmsf(const km_ensemble *e, km_ensemble_scores *s)
{
    int32_t A = e->atoms->n_atoms;
    size_t bytes = (size_t)A * sizeof(double);
    s->rmsf_of_md = memcpy(km_alloc(bytes), e->md.rmsf, bytes);
    s->rmsf_of_model = memcpy(km_alloc(bytes), e->model.rmsf, bytes);
    s->md_rmsf = km_median(e->md.rmsf, A), s->rmsf = km_median(e->model.rmsf, A);
    s->rmsf_r = km_pearson(e->md.rmsf, e->model.rmsf, A);
    s->rmsf_rho = km_spearman(e->md.rmsf, e->model.rmsf, A);
    s->rmsf_tau = km_kendall(e->md.rmsf, e->model.rmsf, A);
}

void km_ensemble_finish(km_ensemble *e, float *model, km_ensemble_scores *ret)
{
    KM_ASSERT(e->seen == e->n_ref);
    *ret = (km_ensemble_scores){0};
    take_rmsf(e, e->n_ref, e->md.rmsf);
    e->model.x = model;
#pragma omp parallel for schedule(static) num_threads(e->threads)
    for (int64_t f = 0; f < e->n_model; f++)
        fit(e, model + f * e->atoms->n_atoms * 3, e->model.ca + f * e->atoms->n_ca * 3);
    count_frames(e, model, e->model.ca, e->n_model, &e->model.ca_moments);
    take_rmsf(e, e->n_model, e->model.rmsf);
    compare_rmsf(e, ret);
    ensemble_rmsd(e, ret);
    ensemble_rmwd(e, ret);
    ensemble_pca(e, ret);
    ensemble_contacts(e, ret);
    ensemble_exposure(e, ret);
}

void km_ensemble_scores_clear(km_ensemble_scores *s)
{
    free(s->rmsf_of_md), free(s->rmsf_of_model);
    *s = (km_ensemble_scores){0};
}
