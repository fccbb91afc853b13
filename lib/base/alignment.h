/* SPDX-License-Identifier: MIT
 * What is known of a system beside itself: its sequence alignment and its templates, as the trunk reads them.
 *
 * Shapes: S alignment rows, T templates, N tokens.
 * Tests: tests/unit/test_system.c */
#ifndef KM_BASE_ALIGNMENT_H
#define KM_BASE_ALIGNMENT_H

#include <stdint.h>

#include "lib/base/err.h"

enum { KM_MSA_CLASSES = 33, KM_MSA_GAP = 1, KM_MSA_MAX_ROWS = 1 << 20, KM_TEMPLATES_MAX = 1 << 12 };

/* Row 0 is the query. Owned arrays. */
typedef struct km_msa {
    int32_t n_rows, n_tokens;
    uint8_t *residues;    /* [S, N] residue class (33) */
    uint8_t *paired;      /* [S, N] 1 where the row holds the same organism's sequence for several chains */
    int32_t *deletions;   /* [S, N] residues of the row deleted just before this column */
    float *profile;       /* [N, 33] mean over the rows, before any were left out */
    float *deletion_mean; /* [N] mean over them of pi/2 arctan(deletions / 3) */
} km_msa;
km_msa *km_msa_new(int32_t n_rows, int32_t n_tokens); /* all zero */
void km_msa_free(km_msa *m);
km_msa *km_msa_copy(const km_msa *opt_m); /* NULL of NULL */
/* Every class in range, paired 0 or 1, deletions not negative, numbers finite: KM_OK, or KM_INPUT that names it. */
km_status km_msa_check(const km_msa *m, km_err *err) KM_MUST_USE;

/* Owned arrays; angstrom. */
typedef struct km_templates {
    int32_t n_templates, n_tokens;
    int32_t *restype;                    /* [T, N] residue class; 0: nothing there */
    float *frame_rot, *frame_t;          /* [T, N, 3, 3], [T, N, 3] backbone frames */
    float *cb, *ca;                      /* [T, N, 3] */
    float *mask_cb, *mask_frame, *mask;  /* [T, N] 0/1 */
    int32_t *visibility_ids;             /* [T, N] pairs with equal ids see each other */
} km_templates;
km_templates *km_templates_new(int32_t n_templates, int32_t n_tokens); /* all zero */
void km_templates_free(km_templates *t);
km_templates *km_templates_copy(const km_templates *opt_t); /* NULL of NULL */
/* Every class in range, masks 0 or 1, numbers finite: KM_OK, or KM_INPUT that names it. */
km_status km_templates_check(const km_templates *t, km_err *err) KM_MUST_USE;

#endif
