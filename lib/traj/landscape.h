/* SPDX-License-Identifier: MIT
 * Two sets of points on one map of 10 x 10 bins, whose edges span the reference's points (as bytedance/ConfDiff has
 * it; the metrics are those that ConfRover and STAR-MD print).
 * Tests: tests/unit/test_landscape.c (against numpy's and scipy's numbers) */
#ifndef LIB_TRAJ_LANDSCAPE_H
#define LIB_TRAJ_LANDSCAPE_H

#include <stdint.h>

enum { KM_MAP_BINS = 10 };

typedef struct km_landscape {
    double jsd;       /* Jensen-Shannon distance, natural logarithm, 1e-6 added to every count; points outside lost */
    double recall;    /* share of the reference's bins that the model visits */
    double precision; /* share of the model's bins that the reference visits */
    double f1;
    double hit;      /* share of the model's points in the reference's bins; those outside are in none */
    double recovery; /* share of the reference's points in the model's bins */
} km_landscape;

/* ref [n, 2], model [m, 2]. NaN where the reference's points do not span both directions. */
void km_landscape_compare(const double *ref, int64_t n, const double *model, int64_t m, km_landscape *ret);

#endif
