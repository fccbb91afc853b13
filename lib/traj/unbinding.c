/* SPDX-License-Identifier: MIT */
#include "lib/traj/unbinding.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

void km_frames_nearest(const float *a, int64_t F, const float *b, int64_t G, const km_symmetry *s, int threads,
                       double *out)
{
    ptrdiff_t n = (ptrdiff_t)s->n_atoms * 3;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t f = 0; f < F; f++) {
        double best = INFINITY;
        for (int64_t g = 0; g < G; g++) best = fmin(best, km_symmetry_distance(s, a + f * n, b + g * n, best, NULL));
        out[f] = sqrt(best / s->n_atoms);
    }
}

static double distance(const double *p, const double *q)
{
    return sqrt(pow(p[0] - q[0], 2) + pow(p[1] - q[1], 2) + pow(p[2] - q[2], 2));
}

void km_path_of(const float *x, int64_t F, int n_atoms, double *out)
{
    double *centres = KM_NEWN(double, (size_t)F * 3), *along = KM_NEWN(double, (size_t)F);
    for (int64_t f = 0; f < F; f++) {
        for (int i = 0; i < 3 * n_atoms; i++) centres[3 * f + i % 3] += (double)x[f * 3 * n_atoms + i] / n_atoms;
        if (f) along[f] = along[f - 1] + distance(centres + 3 * f, centres + 3 * (f - 1));
    }
    for (int64_t i = 0, f = 0; i < KM_PATH_POINTS; i++) {
        double mark = along[F - 1] * (double)i / (KM_PATH_POINTS - 1);
        while (f + 2 < F && along[f + 1] < mark) f++;
        double step = F > 1 ? along[f + 1] - along[f] : 0, share = step > 0 ? (mark - along[f]) / step : 0;
        for (int k = 0; k < 3; k++)
            out[3 * i + k] =
                centres[3 * f + k] + (step > 0 ? share * (centres[3 * (f + 1) + k] - centres[3 * f + k]) : 0);
    }
    free(centres), free(along);
}

/* Eiter & Mannila 1994. */
double km_path_frechet(const double *p, const double *q)
{
    double reach[KM_PATH_POINTS][KM_PATH_POINTS];
    for (int i = 0; i < KM_PATH_POINTS; i++)
        for (int j = 0; j < KM_PATH_POINTS; j++) {
            double before = i && j ? fmin(reach[i - 1][j - 1], fmin(reach[i - 1][j], reach[i][j - 1])) : 0;
            if (i && !j) before = reach[i - 1][j];
            if (j && !i) before = reach[i][j - 1];
            reach[i][j] = fmax(before, distance(p + (ptrdiff_t)3 * i, q + (ptrdiff_t)3 * j));
        }
    return reach[KM_PATH_POINTS - 1][KM_PATH_POINTS - 1];
}

double km_path_rmsd(const double *p, const double *q)
{
    double sum = 0;
    for (int i = 0; i < 3 * KM_PATH_POINTS; i++) sum += (p[i] - q[i]) * (p[i] - q[i]);
    return sqrt(sum / KM_PATH_POINTS);
}
