/* SPDX-License-Identifier: MIT
 * Of the ensemble panel: contacts and exposed residues. */
#include <math.h>
#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/traj/ensemble_impl.h"
#include "lib/traj/sasa.h"
#include "lib/traj/stats.h"

/* |both| / |either| of two sets among n. */
static double jaccard(const bool *a, const bool *b, int64_t n)
{
    int64_t both = 0, either = 0;
    for (int64_t i = 0; i < n; i++) both += a[i] && b[i], either += a[i] || b[i];
    return either ? (double)both / (double)either : NAN;
}

/* -- contacts of CA */

static const double contact = 8.0;

/* In how many frames each pair i < j touches, [n_ca, n_ca]: rows of RAND1, or of the model. */
static int32_t *contact_counts(const km_ensemble *e, bool model)
{
    int32_t n = e->atoms->n_ca, *count = KM_NEWN(int32_t, (size_t)n *(size_t)n);
#pragma omp parallel for schedule(dynamic, 4) num_threads(e->threads)
    for (int32_t i = 0; i < n; i++)
        for (int64_t f = 0; f < e->n_model; f++) {
            const double *x = model ? e->model.ca + f * n * 3 : ensemble_drawn_ca(e, RAND1, f);
            for (int32_t j = i + 1; j < n; j++) {
                double dd = 0;
                for (int k = 0; k < 3; k++) {
                    double d = x[3 * i + k] + e->start_ca[3 * i + k] - x[3 * j + k] - e->start_ca[3 * j + k];
                    dd += d * d;
                }
                count[(int64_t)i * n + j] += dd < contact * contact;
            }
        }
    return count;
}

static bool touch(const float *x, int32_t i, int32_t j)
{
    double dd = 0;
    for (int k = 0; k < 3; k++) dd += ((double)x[3 * i + k] - x[3 * j + k]) * ((double)x[3 * i + k] - x[3 * j + k]);
    return dd < contact * contact;
}

void ensemble_contacts(const km_ensemble *e, km_ensemble_scores *s)
{
    int32_t n = e->atoms->n_ca, *md = contact_counts(e, false), *model = contact_counts(e, true);
    int64_t pairs = (int64_t)n * n, F = e->n_model;
    bool *set[4]; /* weak of MD, weak, transient of MD, transient */
    for (int k = 0; k < 4; k++) set[k] = KM_NEWN(bool, (size_t)pairs);
    for (int32_t i = 0; i < n; i++)
        for (int32_t j = i + 1; j < n; j++) {
            int64_t at = (int64_t)i * n + j;
            bool crystal = touch(e->start_ca, i, j);
            set[0][at] = crystal && 10 * (int64_t)md[at] < 9 * F,
            set[1][at] = crystal && 10 * (int64_t)model[at] < 9 * F;
            set[2][at] = !crystal && 10 * (int64_t)md[at] > F, set[3][at] = !crystal && 10 * (int64_t)model[at] > F;
        }
    s->weak_contacts = jaccard(set[0], set[1], pairs);
    s->transient_contacts = jaccard(set[2], set[3], pairs);
    for (int k = 0; k < 4; k++) free(set[k]);
    free(md), free(model);
}

/* -- side chains that the solvent reaches */

static const double probe = 2.8, exposed_from = 2.0; /* angstrom, square angstrom */

/* Is each residue exposed in each of n frames? [n, R], the caller's */
static bool *exposures(const km_ensemble *e, const float *x, int64_t n)
{
    const km_ensemble_atoms *a = e->atoms;
    bool *out = KM_NEWN(bool, (size_t)n *(size_t)a->n_residues);
#pragma omp parallel for schedule(dynamic) num_threads(e->threads)
    for (int64_t f = 0; f < n; f++) {
        double *area = KM_NEWN(double, (size_t)a->n_atoms), *side = KM_NEWN(double, (size_t)a->n_residues);
        km_sasa(x + f * a->n_atoms * 3, a->elements, a->n_atoms, probe, area);
        for (int32_t i = 0; i < a->n_atoms; i++)
            if (a->side[i]) side[a->residue[i]] += area[i];
        for (int32_t r = 0; r < a->n_residues; r++) out[f * a->n_residues + r] = side[r] > exposed_from;
        free(area), free(side);
    }
    return out;
}

/* Of frames listed by places (NULL: all): how often each pair of residues is exposed at once, [R, R]. */
static int32_t *joint_counts(const bool *exposed, const int64_t *places, int64_t n, int32_t R)
{
    int32_t *count = KM_NEWN(int32_t, (size_t)R *(size_t)R);
    for (int64_t f = 0; f < n; f++) {
        const bool *x = exposed + (places ? places[f] : f) * R;
        for (int32_t i = 0; i < R; i++)
            for (int32_t j = 0; j < R && x[i]; j++) count[(int64_t)i * R + j] += x[j];
    }
    return count;
}

static double term(double p, double q) { return p > 0 ? p * log(p / q) : 0; }

/* Mutual information of every two residues, [R, R], 0 on the diagonal. Most of it is zero but for rounding, and ranks
 * tell such zeros apart: the order of operations is the published analysis's. */
static double *information(const int32_t *count, int64_t n, int32_t R)
{
    double *mi = KM_NEWN(double, (size_t)R *(size_t)R), N = (double)n;
    for (int64_t i = 0; i < R; i++)
        for (int64_t j = 0; j < R; j++) {
            int64_t both = count[i * R + j], in_i = count[i * R + i], in_j = count[j * R + j];
            double a = (double)in_i / N, b = (double)in_j / N, *m = &mi[i * R + j];
            if (i == j) continue;
            *m = term((double)(n - in_i - in_j + both) / N, (1 - b) * (1 - a));
            *m += term((double)(in_j - both) / N, b * (1 - a));
            *m += term((double)(in_i - both) / N, (1 - b) * a);
            *m += term((double)both / N, b * a);
        }
    return mi;
}

void ensemble_exposure(const km_ensemble *e, km_ensemble_scores *s)
{
    int32_t R = e->atoms->n_residues;
    int64_t n = e->n_draws[RAND1K], m = e->n_model;
    bool *crystal = exposures(e, e->atoms->start, 1), *md = exposures(e, e->md.x, e->md.n);
    bool *model = exposures(e, e->model.x, m), *md_set = KM_NEWN(bool, (size_t)R), *set = KM_NEWN(bool, (size_t)R);
    int32_t *md_count = joint_counts(md, e->draws[RAND1K], n, R), *count = joint_counts(model, NULL, m, R);
    for (int32_t r = 0; r < R; r++) {
        md_set[r] = !crystal[r] && 10 * (int64_t)md_count[(int64_t)r * R + r] > n;
        set[r] = !crystal[r] && 10 * (int64_t)count[(int64_t)r * R + r] > m;
    }
    s->exposed = jaccard(md_set, set, R);
    double *md_mi = information(md_count, n, R), *mi = information(count, m, R);
    s->mi_rho = km_spearman(md_mi, mi, (int64_t)R * R);
    free(crystal), free(md), free(model), free(md_set), free(set);
    free(md_count), free(count), free(md_mi), free(mi);
}
