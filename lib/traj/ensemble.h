/* SPDX-License-Identifier: MIT
 * The ensemble panel: the analysis of ATLAS in AlphaFlow (Jing, Berger, Jaakkola 2024, bjing2016/alphaflow), draw for
 * draw. The reference streams through in pieces of frames; what is kept of it does not grow with its length but by four
 * bytes a frame.
 *
 * All coordinates are those of the common heavy atoms, angstrom. Sums in double. A number that is not defined is NaN.
 * Tests: tests/unit/test_ensemble.c (against that analysis run on the same frames) */
#ifndef LIB_TRAJ_ENSEMBLE_H
#define LIB_TRAJ_ENSEMBLE_H

#include <stdbool.h>
#include <stdint.h>

/* The atoms. Borrowed while the ensemble lives. */
typedef struct km_ensemble_atoms {
    int32_t n_atoms, n_ca, n_residues;
    const int32_t *ca;       /* [n_ca] */
    const int32_t *residue;  /* [A] which of the residues, 0-based */
    const uint8_t *elements; /* [A] */
    const bool *side;        /* [A] of a side chain: not CA C N O OXT */
    const float *start;      /* [A, 3] what frames are superposed on, and whose contacts are the crystal's */
} km_ensemble_atoms;

typedef struct km_ensemble_scores {
    double md_pairwise_rmsd, pairwise_rmsd; /* mean over pairs, CA */
    double md_pairwise_rms, pairwise_rms;   /* root-mean-square over the same pairs */
    double md_self_rmsd, md_self_rms;       /* RAND1 with itself */
    double md_rmsf, rmsf;                   /* medians over atoms */
    double rmsf_r, rmsf_rho, rmsf_tau;      /* Pearson, Spearman, Kendall over atoms */
    double rmwd, rmwd_trans, rmwd_var;
    double rmwd_clamped; /* atoms whose product of covariances had a negative eigenvalue, taken as 0 */
    /* W2 in two components: of the reference's PCA, of the joint one, of the model's own. trans: distance of the means;
     * rest: sqrt(W2^2 - trans^2); md: between the reference's two draws; start: root-mean-square distance to the start
     * structure. */
    double md_pca_w2, md_pca_w2_trans, md_pca_w2_rest, md_pca_w2_md, md_pca_start, pca_start;
    double joint_pca_w2, joint_pca_w2_trans, joint_pca_w2_rest, own_pca_w2;
    double pc_sim;                                             /* |dot| of the first components */
    double md_variance1, md_variance2, variance1, variance2;   /* of these components, (n - 1), square A per CA */
    double weak_contacts, transient_contacts, exposed, mi_rho; /* Jaccard, Jaccard, Jaccard, Spearman */
    double *rmsf_of_md, *rmsf_of_model;                        /* [A] */
} km_ensemble_scores;

typedef struct km_ensemble km_ensemble;
/* n_ref and n_model frames will come; at least one of each, two CA. */
km_ensemble *km_ensemble_new(const km_ensemble_atoms *atoms, int64_t n_ref, int64_t n_model, int threads);
void km_ensemble_free(km_ensemble *e);
/* The next n frames x [n, A, 3] of the reference, in order; x is overwritten. */
void km_ensemble_add_reference(km_ensemble *e, float *x, int64_t n);
/* All frames [n_model, A, 3] of the model, overwritten, after the whole reference. The arrays in ret are the
 * caller's. */
void km_ensemble_finish(km_ensemble *e, float *model, km_ensemble_scores *ret);
void km_ensemble_scores_clear(km_ensemble_scores *s);

#endif
