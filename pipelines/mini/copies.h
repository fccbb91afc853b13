/* SPDX-License-Identifier: MIT
 * Dynamics of COPIES independent copies of one small molecule at once, a vector lane each: what OpenMM's processor
 * platform computes for NonbondedForce without a cutoff, GBSAOBCForce, harmonic bonds and angles, periodic torsions,
 * constraints and LangevinMiddleIntegrator; some fifty times faster, as a peptide's atoms leave an engine for large
 * systems little to do at a time. make_peptide_md.py builds the system with OpenMM, compares forces and energies with
 * OpenMM's before every run, and calls this through ctypes (copies.py).
 * Units are OpenMM's (nm, ps, amu, kJ/mol). Arrays of lanes lie at multiples of 64 bytes.
 * Tests: tests/unit/test_copies.c */
#ifndef PIPELINES_MINI_COPIES_H
#define PIPELINES_MINI_COPIES_H

#include <stdint.h>

enum { COPIES = 16 };

/* One molecule. Pairs i < j lie row by row; excluded ones hold zeros, scaled ones are scaled. */
struct copies_molecule {
    int32_t atoms, bonds, angles, torsions, constraints;
    const float *mass, *charge, *radius, *scale; // [atoms]; Born radius (nm), descreening factor
    const float *repulsion, *dispersion, *coulomb; // [pairs]: 4 eps sigma^12, 4 eps sigma^6, q q / (4 pi eps0)
    const int32_t *bond, *angle, *torsion, *constraint; // [][2], [][3], [][4], [][2]
    const float *bond_shape, *angle_shape, *torsion_shape; // [][2] rest, stiffness; [][3] period, phase, barrier
    const float *length; // [constraints]
};

/* Forces [atoms][3][COPIES] and potential energies [COPIES] at x [atoms][3][COPIES]. Returns 0; -1 without memory. */
int copies_forces(const struct copies_molecule *m, const float *x, float *force, float *energy);

/* Advances coordinates and velocities [atoms][3][COPIES] by `steps` of dt at kt (kJ/mol) and friction (1/ps). Each
 * copy's centre of mass is put back to the origin first, as float32 has no digits for a drift. state seeds the noise
 * and goes on with it; no column may be zeros. Returns 0; -1 without memory; -2 when constraints cannot be met. */
int copies_run(const struct copies_molecule *m, float *coordinates, float *velocities, uint32_t state[4][COPIES],
               int steps, float dt, float kt, float friction);

#endif
