/* SPDX-License-Identifier: MIT
 * The plain numbers that a Python implementation of this model prints (briney/kinematic): CA fluctuations, pairwise
 * RMSD, the distribution of all distances, Ramachandran rectangles. Frames arrive superposed, angstrom.
 * Tests: tests/unit/test_plain.c (against numpy's and mdtraj's numbers) */
#ifndef LIB_TRAJ_PLAIN_H
#define LIB_TRAJ_PLAIN_H

#include "lib/chem/geometry.h"

enum { KM_RAMA_FAVOURED = 0, KM_RAMA_ALLOWED, KM_RAMA_OUTLIER, KM_RAMA_CLASSES, KM_RAMA_BINS = 50 };
/* In which rectangles phi and psi (degrees) lie. */
int km_rama_class(double phi, double psi);

/* What is gathered of one side. */
typedef struct km_plain {
    const km_system *system;
    km_torsion *torsions;
    int32_t n_torsions, n_ca, n_pairs; /* pairs of phi and psi */
    int32_t *ca, *phi;                 /* [n_ca]; [n_pairs] phi among the torsions, psi is the next */
    int64_t frames, each;              /* of which every each-th is kept for pairs and distances */
    double *sum, *square;              /* [n_ca, 3], [n_ca] */
    double classes[KM_RAMA_CLASSES];
    double *maps; /* [n_pairs, KM_RAMA_BINS^2] counts */
    float *kept;  /* [n_kept, A, 3] */
    int64_t n_kept;
    double *distances; /* counts of distances in bins of 0.002 A */
} km_plain;

/* frames will come: so many of them are kept that there are at most 300, and at most 2e8 distances. */
km_plain km_plain_of(const km_system *s, int64_t frames);
void km_plain_add(km_plain *p, const float *x, int64_t n); /* x [n, A, 3] */
void km_plain_clear(km_plain *p);

typedef struct km_plain_scores {
    double ca_rmsf_r;             /* Pearson over CA */
    double pairwise, md_pairwise; /* mean over pairs of kept frames, all atoms */
    double w2;                    /* of the pooled distances of all pairs of atoms, by 10,000 quantiles */
    double favoured, allowed, outlier, md_favoured, md_allowed, md_outlier; /* of residues of frames */
    double jsd;                                                             /* of (phi, psi), mean over residues */
} km_plain_scores;
/* Both have the same atoms; distances are counted here. */
void km_plain_compare(km_plain *md, km_plain *model, int threads, km_plain_scores *ret);

#endif
