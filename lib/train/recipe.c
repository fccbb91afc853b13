/* SPDX-License-Identifier: MIT
 * Contents: 1. within a frame  2. pairs over frames  3. atoms over frames  4. all */
#include "lib/train/recipe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/train/recipe_impl.h"

#define NEAR 15.0
#define NEAR_NUCLEIC 30.0
#define SMALL 1e-6
#define CONDITION 1e-3 /* angstrom: a frame of less noise counts for nothing in lDDT */

/* A term in the making: what its gradient is added to, times its weight. */
typedef struct work {
    const km_recipe_inputs *in;
    const float *x;
    double weight, *grad;
} work;

static const float *frame(const float *x, const km_recipe_inputs *in, km_dim t) { return x + t * in->A * 3; }

double km_recipe_distance(const float *x, km_dim i, km_dim j)
{
    double square = 0;
    for (int k = 0; k < 3; k++) square += ((double)x[3 * i + k] - x[3 * j + k]) * ((double)x[3 * i + k] - x[3 * j + k]);
    return sqrt(square);
}

void km_recipe_push(const float *x, km_dim i, km_dim j, double scale, double *grad)
{
    double d = km_recipe_distance(x, i, j);
    if (d == 0) return;
    for (int k = 0; k < 3; k++) {
        double g = scale * ((double)x[3 * i + k] - x[3 * j + k]) / d;
        grad[3 * i + k] += g, grad[3 * j + k] -= g;
    }
}

/* What an atom counts for */
static double atom_weight(const km_recipe_inputs *in, km_dim a)
{
    return in->mask[a] * (1 + 5.0 * in->is_nucleic[a] + 10.0 * in->is_ligand[a]);
}

/* What a noise level counts for */
static double level_weight(const km_recipe_inputs *in, km_dim t)
{
    double s = in->sigma[t], d = in->sigma_data;
    return (s * s + d * d) / (d * d * s * s);
}

/* -- 1. within a frame */

static double mse(const work *w)
{
    const km_recipe_inputs *in = w->in;
    double sum = 0, atoms = SMALL;
    for (km_dim a = 0; a < in->A; a++) atoms += in->mask[a];
    for (km_dim t = 0; t < in->T; t++)
        for (km_dim a = 0; a < in->A; a++) {
            double f = level_weight(in, t) * atom_weight(in, a) / (3 * atoms * (double)in->T);
            for (km_dim i = (t * in->A + a) * 3; i < (t * in->A + a + 1) * 3; i++) {
                double d = (double)w->x[i] - in->x_true[i];
                sum += f * d * d;
                w->grad[i] += w->weight * f * 2 * d;
            }
        }
    return sum;
}

/* Are two atoms near each other in the truth? The first decides what is near. */
static bool is_kept(const km_recipe_inputs *in, km_dim t, km_dim i, km_dim j)
{
    if (i == j || in->mask[i] == 0 || in->mask[j] == 0) return false;
    return km_recipe_distance(frame(in->x_true, in, t), i, j) < (in->is_nucleic[i] ? NEAR_NUCLEIC : NEAR);
}

/* The mean of four sigmoids of how far two distances may differ, and minus its slope */
static double soft_step(double off, double *ret_slope)
{
    static const double limits[] = {0.5, 1, 2, 4};
    double p = 0;
    *ret_slope = 0;
    for (int k = 0; k < 4; k++) {
        double s = 1 / (1 + exp(off - limits[k]));
        p += s / 4, *ret_slope += s * (1 - s) / 4;
    }
    return p;
}

static double pair_weight(const km_recipe_inputs *in, km_dim i, km_dim j, double mixed, double ligands)
{
    int n = in->is_ligand[i] + in->is_ligand[j];
    return n == 0 ? 1 : n == 1 ? mixed : ligands;
}

static double frame_lddt(const work *w, km_dim t)
{
    const km_recipe_inputs *in = w->in;
    const float *x = frame(w->x, in, t), *y = frame(in->x_true, in, t);
    double all = SMALL, sum = 0, slope;
    for (km_dim i = 0; i < in->A; i++)
        for (km_dim j = 0; j < in->A; j++)
            if (is_kept(in, t, i, j)) all += pair_weight(in, i, j, 5, 10);
    for (km_dim i = 0; i < in->A; i++)
        for (km_dim j = 0; j < in->A; j++) {
            if (!is_kept(in, t, i, j)) continue;
            double off = km_recipe_distance(x, i, j) - km_recipe_distance(y, i, j), e = pair_weight(in, i, j, 5, 10);
            sum += e * soft_step(fabs(off), &slope);
            km_recipe_push(x, i, j, w->weight * e / all * slope * (off < 0 ? -1 : 1) / (double)in->T,
                           w->grad + t * in->A * 3);
        }
    return (1 - sum / all) / (double)in->T;
}

static double lddt(const work *w)
{
    double sum = 0;
    for (km_dim t = 0; t < w->in->T; t++)
        if (w->in->sigma[t] > CONDITION) sum += frame_lddt(w, t);
    return sum;
}

static double bonds(const work *w, const int32_t *bonds, km_dim n)
{
    const km_recipe_inputs *in = w->in;
    double sum = 0;
    for (km_dim t = 0; t < in->T && n > 0; t++)
        for (km_dim b = 0; b < n; b++) {
            const float *x = frame(w->x, in, t), *y = frame(in->x_true, in, t);
            km_dim i = bonds[2 * b], j = bonds[2 * b + 1];
            double off = km_recipe_distance(x, i, j) - km_recipe_distance(y, i, j);
            double f = level_weight(in, t) / (double)(in->T * n);
            sum += f * off * off;
            km_recipe_push(x, i, j, w->weight * f * 2 * off, w->grad + t * in->A * 3);
        }
    return sum;
}

static double center(const work *w)
{
    const km_recipe_inputs *in = w->in;
    double sum = 0, atoms = 0;
    for (km_dim a = 0; a < in->A; a++) atoms += in->mask[a] * in->is_ligand[a];
    for (km_dim t = 0; t < in->T && atoms > 0; t++)
        for (int k = 0; k < 3; k++) {
            double off = 0, f = level_weight(in, t) / (double)in->T;
            for (km_dim a = 0; a < in->A; a++) {
                km_dim i = (t * in->A + a) * 3 + k;
                off += in->mask[a] * in->is_ligand[a] * ((double)w->x[i] - in->x_true[i]) / atoms;
            }
            sum += f * off * off;
            for (km_dim a = 0; a < in->A; a++)
                w->grad[(t * in->A + a) * 3 + k] += w->weight * f * 2 * off * in->mask[a] * in->is_ligand[a] / atoms;
        }
    return sum;
}

/* -- 2. pairs over frames: how much their distances fluctuate */

static double spread(const float *x, const km_recipe_inputs *in, km_dim i, km_dim j, double *ret_mean)
{
    double mean = 0, square = 0;
    for (km_dim t = 0; t < in->T; t++) mean += km_recipe_distance(frame(x, in, t), i, j) / (double)in->T;
    for (km_dim t = 0; t < in->T; t++) {
        double d = km_recipe_distance(frame(x, in, t), i, j) - mean;
        square += d * d;
    }
    *ret_mean = mean;
    return sqrt(square / (double)(in->T - 1));
}

/* Of traced atoms, or within a token; near in every frame */
static bool counts(const km_recipe_inputs *in, bool local, km_dim i, km_dim j)
{
    if (local ? in->token[i] != in->token[j] : !in->is_traced[i] || !in->is_traced[j]) return false;
    for (km_dim t = 0; t < in->T; t++)
        if (!is_kept(in, t, i, j)) return false;
    return true;
}

/* By the mean true distance */
static double near_weight(bool local, double mean) { return local ? 1 : mean <= 5 ? 4 : mean <= 10 ? 2 : 1; }

static double add_pair(const work *w, bool local, km_dim i, km_dim j, double total)
{
    const km_recipe_inputs *in = w->in;
    double of_x, of_y, sx = spread(w->x, in, i, j, &of_x), sy = spread(in->x_true, in, i, j, &of_y);
    double f = near_weight(local, of_y) * (local ? 1 : pair_weight(in, i, j, 6, 11)) / total;
    for (km_dim t = 0; t < in->T && sx > 0; t++) {
        double d = km_recipe_distance(frame(w->x, in, t), i, j) - of_x;
        km_recipe_push(frame(w->x, in, t), i, j, w->weight * 2 * f * (sx - sy) * d / (sx * (double)(in->T - 1)),
                       w->grad + t * in->A * 3);
    }
    return f * (sx - sy) * (sx - sy);
}

static double spreads(const work *w, bool local)
{
    const km_recipe_inputs *in = w->in;
    uint8_t *kept = KM_NEWN(uint8_t, (size_t)(in->A * in->A));
    double total = 0, sum = 0, mean;
    for (km_dim p = 0; p < in->A * in->A; p++) {
        kept[p] = counts(in, local, p / in->A, p % in->A);
        if (!kept[p]) continue;
        spread(in->x_true, in, p / in->A, p % in->A, &mean);
        total += near_weight(local, mean); /* weights of nearness have the mean 1 */
    }
    for (km_dim p = 0; p < in->A * in->A; p++)
        if (kept[p]) sum += add_pair(w, local, p / in->A, p % in->A, total);
    free(kept);
    return sum;
}

/* -- 3. atoms over frames */

static void mean_of(const float *x, const km_recipe_inputs *in, km_dim a, double mean[3])
{
    for (int k = 0; k < 3; k++) {
        mean[k] = 0;
        for (km_dim t = 0; t < in->T; t++) mean[k] += frame(x, in, t)[3 * a + k] / (double)in->T;
    }
}

static double fluctuation(const float *x, const km_recipe_inputs *in, km_dim a)
{
    double mean[3], square = 0;
    mean_of(x, in, a, mean);
    for (km_dim t = 0; t < in->T; t++)
        for (int k = 0; k < 3; k++) square += pow(frame(x, in, t)[3 * a + k] - mean[k], 2);
    return sqrt(square / (double)in->T + SMALL);
}

static double rmsf(const work *w)
{
    const km_recipe_inputs *in = w->in;
    double sum = 0, mean[3];
    for (km_dim a = 0; a < in->A; a++) {
        double fx = fluctuation(w->x, in, a), off = fx - fluctuation(in->x_true, in, a);
        double f = atom_weight(in, a) / (double)in->A;
        sum += f * off * off;
        mean_of(w->x, in, a, mean);
        for (km_dim i = 0; i < in->T * 3; i++) {
            km_dim at = (i / 3 * in->A + a) * 3 + i % 3;
            w->grad[at] += w->weight * 2 * f * off * (w->x[at] - mean[i % 3]) / (fx * (double)in->T);
        }
    }
    return sum;
}

/* The length of an atom's step from frame t to the next */
static double step_length(const float *x, const km_recipe_inputs *in, km_dim a, km_dim t)
{
    double square = SMALL;
    for (int k = 0; k < 3; k++) square += pow((double)frame(x, in, t + 1)[3 * a + k] - frame(x, in, t)[3 * a + k], 2);
    return sqrt(square);
}

static double velocity(const work *w)
{
    const km_recipe_inputs *in = w->in;
    const double steps = (double)(in->T - 1);
    double sum = 0;
    for (km_dim a = 0; a < in->A; a++) {
        double off = 0, f = atom_weight(in, a) / (double)in->A;
        for (km_dim t = 0; t < in->T - 1; t++)
            off += (step_length(w->x, in, a, t) - step_length(in->x_true, in, a, t)) / steps;
        sum += f * off * off;
        for (km_dim t = 0; t < in->T - 1; t++)
            for (int k = 0; k < 3; k++) {
                km_dim from = (t * in->A + a) * 3 + k, to = from + in->A * 3;
                double g = w->weight * 2 * f * off / steps * ((double)w->x[to] - w->x[from]) /
                           step_length(w->x, in, a, t);
                w->grad[to] += g, w->grad[from] -= g;
            }
    }
    return sum;
}

/* Displacements of traced atoms from their means, 0 for others: f [T, A, 3]; returns the sum of squares. */
static double displacements(const float *x, const km_recipe_inputs *in, double *f)
{
    double mean[3], sum = SMALL;
    for (km_dim a = 0; a < in->A; a++) {
        mean_of(x, in, a, mean);
        for (km_dim i = 0; i < in->T * 3; i++) {
            km_dim at = (i / 3 * in->A + a) * 3 + i % 3;
            f[at] = in->is_traced[a] && in->mask[a] != 0 ? x[at] - mean[i % 3] : 0;
            sum += f[at] * f[at];
        }
    }
    return sum;
}

static double product(const double *f, const km_recipe_inputs *in, km_dim lag)
{
    double sum = 0;
    for (km_dim i = 0; i < (in->T - lag) * in->A * 3; i++) sum += f[i] * f[i + lag * in->A * 3];
    return sum;
}

/* The gradient by displacements is that by coordinates: it adds up to 0 over frames but for what the ends lack. */
static void push_displacements(const work *w, const double *g)
{
    const km_recipe_inputs *in = w->in;
    for (km_dim i = 0; i < in->A * 3; i++) {
        double mean = 0;
        if (!in->is_traced[i / 3] || in->mask[i / 3] == 0) continue;
        for (km_dim t = 0; t < in->T; t++) mean += g[t * in->A * 3 + i] / (double)in->T;
        for (km_dim t = 0; t < in->T; t++) w->grad[t * in->A * 3 + i] += w->weight * (g[t * in->A * 3 + i] - mean);
    }
}

static double acf(const work *w)
{
    const km_recipe_inputs *in = w->in;
    const km_dim n = in->T * in->A * 3, frames = in->A * 3;
    const km_dim lags = in->acf_lags < in->T - 1 ? in->acf_lags : in->T - 1;
    double *fx = KM_NEWN(double, (size_t)n), *fy = KM_NEWN(double, (size_t)n), *g = KM_NEWN(double, (size_t)n), sum = 0;
    double of_x = displacements(w->x, in, fx), of_y = displacements(in->x_true, in, fy);
    for (km_dim lag = 1; lag <= lags; lag++) {
        double a = product(fx, in, lag) / of_x, off = a - product(fy, in, lag) / of_y, f = 2 * off / (double)lags;
        sum += off * off / (double)lags;
        for (km_dim i = 0; i < n; i++) {
            double around = (i + lag * frames < n ? fx[i + lag * frames] : 0) +
                            (i >= lag * frames ? fx[i - lag * frames] : 0);
            g[i] += f * (around - 2 * a * fx[i]) / of_x;
        }
    }
    push_displacements(w, g);
    free(fx), free(fy), free(g);
    return sum;
}

/* -- 4. all */

static double term(const work *w, km_recipe_term which)
{
    const km_recipe_inputs *in = w->in;
    switch (which) {
    case KM_RECIPE_MSE: return mse(w);
    case KM_RECIPE_LDDT: return lddt(w);
    case KM_RECIPE_BOND: return bonds(w, in->bonds, in->n_bonds);
    case KM_RECIPE_LIG_BOND: return bonds(w, in->lig_bonds, in->n_lig_bonds);
    case KM_RECIPE_CENTER: return center(w);
    case KM_RECIPE_RMSF: return rmsf(w);
    case KM_RECIPE_REL_RMSF: return spreads(w, false);
    case KM_RECIPE_LOCAL_RMSF: return spreads(w, true);
    case KM_RECIPE_VELOCITY: return velocity(w);
    default: return acf(w);
    }
}

double km_recipe_losses(const km_recipe_inputs *in, const double weights[KM_RECIPE_TERMS], const float *x,
                        double values[KM_RECIPE_TERMS], float *grad)
{
    const km_dim n = in->T * in->A * 3;
    double *sum = KM_NEWN(double, (size_t)n), total = 0;
    memset(values, 0, KM_RECIPE_TERMS * sizeof *values);
    for (int i = 0; i < KM_RECIPE_HMM; i++) {
        if (i >= KM_RECIPE_RMSF && in->T < 3) break;
        values[i] = term(&(work){in, x, weights[i], sum}, (km_recipe_term)i);
    }
    if (in->opt_markov && in->T >= 3) km_recipe_add_markov(in, weights, x, values, sum);
    for (int i = 0; i < KM_RECIPE_TERMS; i++) {
        if (!isfinite(values[i])) values[i] = 0;
        total += weights[i] * values[i];
    }
    for (km_dim i = 0; i < n; i++) grad[i] = isfinite(sum[i]) ? (float)sum[i] : 0;
    free(sum);
    return total;
}
