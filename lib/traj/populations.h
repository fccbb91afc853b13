/* SPDX-License-Identifier: MIT
 * Populations of a sampler without time: free energies on a plane, how much of a protein is folded (the definitions of
 * microsoft/bioemu-benchmarks). kcal/mol.
 * Tests: tests/unit/test_populations.c (against that code's numbers) */
#ifndef LIB_TRAJ_POPULATIONS_H
#define LIB_TRAJ_POPULATIONS_H

#include <stdbool.h>
#include <stdint.h>

/* -- free energies on a plane: both sides resampled to a million points with noise of 0.25, 50 x 50 bins that span the
 * reference's, those of it that lie within 4 kcal/mol of its minimum at 300 K */

typedef struct km_surface_scores {
    double mae, rmse;         /* over bins where the model is too, after the best shift */
    double coverage;          /* their share */
    double mae_all, rmse_all; /* over all bins, the model nowhere more than 4 kcal/mol above its minimum */
} km_surface_scores;
/* Points ref [n, 2] and model [m, 2], at least one each. NaN where the model is in none of the bins. */
void km_surface_compare(const double *ref, int64_t n, const double *model, int64_t m, uint64_t seed,
                        km_surface_scores *ret);

/* -- native contacts: pairs of CA more than three residues apart and at most 10 A in the native structure */

typedef struct km_native {
    int32_t n, (*pairs)[2];
    double *lengths; /* [n] */
} km_native;
/* ca [n_ca, 3]; residues [n_ca] are their places in the sequence. */
km_native km_native_of(const float *ca, const int32_t *residues, int32_t n_ca);
void km_native_clear(km_native *c);
/* The mean over them of 1 / (1 + exp(5 (d - 1.2 d0))) in a frame; NaN without any. */
double km_native_fraction(const km_native *c, const float *ca);
/* The contacts of a region that may unfold on its own: pairs of CA nearer than 8 A in the native structure, three apart
 * by number at least, one of them at least in the region. */
km_native km_native_of_region(const float *ca, const int32_t *numbers, const bool *region, int32_t n_ca);
/* The share of them that are nearer than 8 A in a frame; NaN without any. */
double km_native_kept(const km_native *c, const float *ca);
/* How far a frame with that fraction counts as folded: 1 / (1 + exp(-20 (q - 0.5))). */
double km_foldedness(double q);
/* -kT ln(p / (1 - p)) at 295 K, p the mean of that over frames: negative where the protein is folded. */
double km_folding_energy(double p);

/* -- conformations */

/* The mean distance of the points in the region of x from those of y, both [n, 3], after superposition by the points
 * with a weight; what is called RMSD there of regions. */
double km_region_distance(const float *x, const float *y, const float *weights, const bool *region, int32_t n);

#endif
