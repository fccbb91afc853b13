/* SPDX-License-Identifier: MIT
 * What a system's shape is measured by: torsions, ideal bond lengths and angles, chirality, distances along the bonds.
 * Ideal values within a residue are those of the dictionary's ideal coordinates; between residues they are statistics
 * of small-molecule crystals (Engh & Huber 1991, Acta Cryst. A47, 392; Parkinson et al. 1996 for nucleic acids). Tests:
 * tests/unit/test_geometry.c */
#ifndef LIB_CHEM_GEOMETRY_H
#define LIB_CHEM_GEOMETRY_H

#include "lib/base/system.h"

typedef enum km_torsion_kind {
    KM_PHI = 0, KM_PSI, KM_OMEGA, KM_CHI1, KM_CHI2, KM_CHI3, KM_CHI4, KM_CHI5, KM_TORSION_KINDS,
} km_torsion_kind;

typedef struct km_torsion {
    int32_t atoms[4];
    int32_t residue; /* phi, psi and chi of this one; omega of the bond before it */
    uint8_t kind;    /* km_torsion_kind */
} km_torsion;

/* The torsions of all protein residues, by residue and kind; *ret is the caller's (free). Returns how many. */
int32_t km_chem_torsions(const km_system *s, km_torsion **ret);
/* "phi", "chi1" ... */
const char *km_chem_torsion_name(int kind);
/* The angle of four points in radians, in (-pi, pi]; 0 where three of them are in line. */
double km_chem_dihedral(const float *a, const float *b, const float *c, const float *d);
/* The angle a-vertex-c in radians, in [0, pi]; 0 where two of them coincide. */
double km_chem_angle(const float *a, const float *vertex, const float *c);
double km_chem_distance(const float *a, const float *b);

/* Ideal length of every bond, lengths [B] f32 angstrom; NaN for a bond of which nothing is known. */
void km_chem_bonds_ideal(const km_system *s, float *lengths);

typedef struct km_angle {
    int32_t atoms[3]; /* the middle one is the vertex */
    float ideal;      /* radians; NaN where nothing is known */
} km_angle;
/* Every pair of bonds that share an atom; *ret is the caller's. Returns how many. */
int32_t km_chem_angles(const km_system *s, km_angle **ret);

/* Chirality at CA of a residue: 1 L, -1 D, 0 none (glycine, not a protein). coords [A, 3]. */
int km_chem_chirality(const km_system *s, int32_t residue, const float *coords);

/* Pairs of atoms a < b more than `bonds` bonds apart (or not connected): *ret [n][2] is the caller's. Returns n. */
int64_t km_chem_pairs_beyond(const km_system *s, int bonds, int32_t (**ret)[2]);

#endif
