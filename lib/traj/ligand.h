/* SPDX-License-Identifier: MIT
 * A ligand in its pocket: which atoms touch, how it moves, whether it stays itself. Frames arrive superposed on the
 * protein, angstrom.
 * Tests: tests/unit/test_ligand.c (against numpy's and mdtraj's numbers) */
#ifndef LIB_TRAJ_LIGAND_H
#define LIB_TRAJ_LIGAND_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/system.h"
#include "lib/traj/symmetry.h"

#define KM_CONTACT_RANGE 4.5 /* angstrom: nearer than this atoms touch */
#define KM_LIGAND_CLASH 2.0  /* unbonded atoms more than 2 bonds apart do not come nearer */
#define KM_EXIT_DISTANCE 6.0 /* a ligand with every atom further than this from the protein is out, */
#define KM_EXIT_CENTRE 15.0  /* and one whose centre is further than this from where it was */

/* The heavy atoms of a complex, borrowed while measures live. */
typedef struct km_complex {
    int32_t n_atoms, n_ligand, n_protein;
    const int32_t *ligand, *protein; /* [n_ligand], [n_protein] their places */
    const int32_t *residue;          /* [A] which residue an atom is of, 0 ... n_residues - 1 */
    int32_t n_residues, n_bonds;
    const int32_t (*bonds)[2]; /* [n_bonds] of the ligand: places among its atoms */
    const float *start;        /* [A, 3] whose bonds and angles are the truth */
    const km_symmetry *symmetry; /* of the ligand */
} km_complex;

/* What is gathered of one side. */
typedef struct km_ligand {
    const km_complex *complex;
    int64_t frames;
    int32_t *contacts;     /* [n_protein, n_ligand] frames in which they touch */
    int32_t *residues;     /* [n_residues] frames in which any two of their atoms do */
    double *sum, *square;  /* [A, 3] and [A] of the distance from the start */
    double *sum_best, *square_best; /* [n_ligand, 3] and [n_ligand] the same, symmetric atoms exchanged to be nearest */
    double bonds, angles;  /* sums over frames of mean absolute deviations: angstrom, radians */
    int64_t clashes, outs; /* frames */
    double rmsd;           /* sum over frames of the ligand's from the start, symmetric atoms exchanged */
    int32_t n_angles, n_far;
    int32_t (*angle)[3], (*far)[2]; /* the middle one is the vertex; pairs more than 2 bonds apart */
} km_ligand;

km_ligand km_ligand_of(const km_complex *c);
void km_ligand_add(km_ligand *l, const float *x, int64_t n); /* x [n, A, 3] */
void km_ligand_clear(km_ligand *l);

/* Is the ligand out of the protein in this frame x [A, 3]? */
bool km_ligand_is_out(const km_complex *c, const float *x);

typedef struct km_ligand_scores {
    double ims;                                   /* Pearson of the touching frequencies of all pairs of atoms */
    double ims_touched;                           /* of those that touch on either side */
    double ims_residue;                           /* of residues with the ligand */
    double rmsf_r, protein_rmsf_r, rmsf, md_rmsf; /* Pearson over atoms; the ligand's means, angstrom */
    double rmsf_best_r, rmsf_best, md_rmsf_best;  /* the same, symmetric atoms exchanged to be nearest to the start */
    double bond_mae, md_bond_mae, angle_mae, md_angle_mae; /* angstrom, radians; NaN without bonds */
    double clash, md_clash, out, md_out;                   /* shares of frames */
    double rmsd, md_rmsd;
} km_ligand_scores;
void km_ligand_compare(const km_ligand *md, const km_ligand *model, km_ligand_scores *ret);

#endif
