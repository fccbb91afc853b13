/* SPDX-License-Identifier: MIT
 * Superposition, fluctuations, principal components, contacts and torsions beside MDAnalysis' (make_mdanalysis.py). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/superpose.h"
#include "lib/traj/linear.h"
#include "lib/traj/peptide.h"
#include "lib/traj/stats.h"
#include "tests/unit/second.h"
#include "tests/unit/tap.h"

static void check(const char *name, const char *what, double got, double allowed)
{
    char key[64];
    snprintf(key, sizeof key, "mda.%s.%s", name, what);
    second_check(key, got, allowed);
}

static void check_rmsd(const char *name, float *ca, int64_t F, int32_t n, const float *start)
{
    double mean = 0, rmsd = 0, rot[9], from[3], to[3];
    for (int64_t f = 0; f < F; f++) {
        float *x = ca + f * n * 3;
        rmsd = km_superpose(x, start, NULL, n, rot, from, to);
        km_superpose_apply(x, n, rot, from, to, x);
        mean += rmsd / (double)F;
        if (f == 0) check(name, "rmsd.first", rmsd, 1e-4);
    }
    check(name, "rmsd.mean", mean, 1e-4);
    check(name, "rmsd.last", rmsd, 1e-4);
}

static double *check_places(const char *name, const float *ca, int64_t F, int32_t n)
{
    double *rmsf = KM_NEWN(double, (size_t)n), *x = KM_NEWN(double, 3 * (size_t)(F * n)), values[2];
    double *cov = KM_NEWN(double, 9 * (size_t)n * (size_t)n), near = 0;
    double most = 0;
    km_moments m = km_moments_of(3 * n);
    for (int64_t i = 0; i < 3 * F * n; i++) x[i] = ca[i];
    km_moments_add(&m, x, F, 1);
    km_moments_covariance(&m, cov, NULL);
    for (int32_t i = 0; i < n; i++) {
        const double *row = cov + 9 * (ptrdiff_t)i * n + 3 * i, *next = row + 3 * (ptrdiff_t)n + 1;
        rmsf[i] = sqrt(row[0] + next[0] + next[3 * n + 1]);
        most = fmax(most, rmsf[i]);
    }
    check(name, "rmsf.mean", km_mean(rmsf, n), 1e-4), check(name, "rmsf.most", most, 1e-4);
    km_eigen_largest(cov, 3 * n, 2, values, NULL);
    check(name, "pca.first", values[0], 1e-3), check(name, "pca.second", values[1], 1e-3);
    for (int64_t f = 0; f < F; f++)
        for (int32_t i = 0; i < n * n; i++) {
            const float *a = ca + (f * n + i / n) * 3, *b = ca + (f * n + i % n) * 3;
            near += hypot(hypot((double)a[0] - b[0], (double)a[1] - b[1]), (double)a[2] - b[2]) < 8;
        }
    check(name, "contacts", near / (double)(F * n * n), 1e-9);
    km_moments_clear(&m);
    free(x), free(cov);
    return rmsf;
}

static void check_torsions(const char *name, const km_system *s)
{
    int64_t F;
    km_torsion *t;
    float *x = second_frames(name, &F);
    int32_t n = km_chem_torsions(s, &t), pairs = 0;
    float *angles = KM_NEWN(float, (size_t)n);
    double phi = 0, psi = 0;
    for (int32_t i = 0; i < n; i++) pairs += km_torsion_pair(t, n, i);
    for (int64_t f = 0; f < F; f++) {
        km_torsion_angles(t, n, x + f * s->n_atoms * 3, angles);
        for (int32_t i = 0; i < n; i++)
            if (km_torsion_pair(t, n, i)) phi += cos(angles[i]), psi += sin(angles[i + 1]);
    }
    check(name, "phi", phi / (double)(F * pairs), 1e-5), check(name, "psi", psi / (double)(F * pairs), 1e-5);
    free(x), free(t), free(angles);
}

int main(void)
{
    static const char *const names[2] = {"md", "model"};
    km_structure *s = second_start();
    double *rmsf[2];
    int32_t n = 0;
    for (int k = 0; k < 2; k++) {
        int64_t F;
        float *ca = second_ca(names[k], &F, &n), start[3 * 64];
        for (int32_t a = 0, i = 0; a < s->system->n_atoms; a++)
            if (!strcmp(s->system->atoms[a].name, "CA")) memcpy(start + 3 * i++, s->coords + 3 * a, 3 * sizeof *start);
        check_rmsd(names[k], ca, F, n, start);
        rmsf[k] = check_places(names[k], ca, F, n);
        check_torsions(names[k], s->system);
        free(ca);
    }
    second_check("mda.rmsf_r", km_pearson(rmsf[0], rmsf[1], n), 1e-4);
    free(rmsf[0]), free(rmsf[1]);
    km_structure_free(s);
    return tap_end();
}
