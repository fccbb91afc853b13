/* SPDX-License-Identifier: MIT
 * Which sequence goes with which: alignments of proteins scored as Biopython's "blastp" (BLOSUM62, X against anything
 * -1, U as C; a gap costs 12 for its first residue and 1 for each further one, at the ends too), and assignment.
 * Tests: tests/unit/test_match.c */
#ifndef LIB_CHEM_MATCH_H
#define LIB_CHEM_MATCH_H

#include <stdint.h>

/* The score of the best global alignment of two sequences of one-letter codes. */
int32_t km_match_global(const char *a, const char *b);
/* The best local alignment without gaps: its score, 0 where nothing is alike, and by how much a's places have to be
 * moved to be b's (of several the first in a, then in b). */
int32_t km_match_offset(const char *a, const char *b, int32_t *ret_offset);
/* The assignment of rows to columns, each used at most once, min(n, m) of them, whose scores [n, m] have the largest
 * sum: column_of [n], -1 for a row that is left over. */
void km_match_assign(const int32_t *scores, int32_t n, int32_t m, int32_t *column_of);

#endif
