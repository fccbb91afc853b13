/* SPDX-License-Identifier: MIT
 * What raw frames must be to be kept: finite, bonds of possible length, chains unbroken, atoms apart, no leap in time.
 * The limits are this project's own, such that real dynamics passes (largest distance of neighbouring CA in ATLAS: 4.19
 * angstrom).
 * Tests: tests/unit/test_clean.c */
#ifndef LIB_TRAJ_CLEAN_H
#define LIB_TRAJ_CLEAN_H

#include "lib/base/system.h"

typedef struct km_clean_limits {
    double bond_low, bond_high;      /* times a bond's median over the trajectory */
    double bond_most, bond_most_far; /* angstrom; far: with bromine, iodine or a metal */
    double ideal;                    /* a median may differ from the ideal length by so much, angstrom */
    double ca_ca, peptide;           /* of neighbours in a chain, angstrom */
    double clash;                    /* two atoms of residues more than two apart are not nearer, angstrom */
    double leap, leap_least;         /* median displacement: times that of the trajectory, and angstrom */
    double dropped;                  /* share of a trajectory's frames */
} km_clean_limits;
extern const km_clean_limits km_clean_defaults;

typedef enum km_fault {
    KM_FAULT_NONE = 0,
    KM_FAULT_NUMBER,
    KM_FAULT_BOND,
    KM_FAULT_CA,
    KM_FAULT_PEPTIDE,
    KM_FAULT_CLASH,
    KM_FAULTS
} km_fault;
const char *km_fault_name(km_fault f); /* "a bond", "a clash" ... */

typedef struct km_clean km_clean;
km_clean *km_clean_new(const km_system *s, const km_clean_limits *limits);
void km_clean_free(km_clean *c);
/* Learn the medians of a trajectory from n of its frames, coords [n, A, 3]; the even ones are each followed by its
 * neighbour in time. KM_NEGATIVE names a bond whose median is not a bond's. */
km_status km_clean_learn(km_clean *c, const float *coords, int64_t n, km_err *err) KM_MUST_USE;
/* The first fault of a frame and the atoms at fault. For several threads at once. */
km_fault km_clean_check(const km_clean *c, const float *coords, int32_t opt_atoms[2]);
/* Do most atoms leap from one frame to the next, however the one is laid on the other? */
bool km_clean_leaps(const km_clean *c, const float *before, const float *coords);
/* "CA of ALA 1 A" */
void km_clean_label(const km_system *s, int32_t atom, char out[40]);

/* The bonds of ligands as one frame has them: KM_NEGATIVE where two atoms that are not bonded are as near as bonded
 * ones (a ring that was not closed), or bonded ones are not. */
km_status km_clean_ligands(const km_system *s, const float *coords, km_err *err) KM_MUST_USE;

#endif
