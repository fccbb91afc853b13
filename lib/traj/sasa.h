/* SPDX-License-Identifier: MIT
 * Solvent-accessible surface (Shrake & Rupley 1973), with the radii and the golden-spiral points of MDTraj.
 * Tests: tests/unit/test_sasa.c (against MDTraj's numbers) */
#ifndef LIB_TRAJ_SASA_H
#define LIB_TRAJ_SASA_H

#include <stdint.h>

enum { KM_SASA_POINTS = 960 };

/* The radius of an element, angstrom; of an unknown one 1.70. */
double km_sasa_radius(int element);
/* Area of every atom, out [A] square angstrom, at x [A, 3] with this probe's radius. */
void km_sasa(const float *x, const uint8_t *elements, int32_t n_atoms, double probe, double *out);

#endif
