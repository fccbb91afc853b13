/* SPDX-License-Identifier: MIT
 * Metastable sets of a Markov chain: PCCA+ (Deuflhard & Weber 2005; Roeblitz & Weber 2013).
 * Tests: tests/unit/test_metastable.c (against deeptime's numbers) */
#ifndef LIB_TRAJ_PCCA_H
#define LIB_TRAJ_PCCA_H

#include <stdbool.h>

/* How far each of K states belongs to each of m sets: chi [K, m], rows of 0 to 1 with a sum of 1, of a reversible
 * connected chain with transitions t [K, K] and stationary distribution pi [K], nowhere 0. 2 <= m <= K. False where the
 * chain has no m different slow processes to tell sets by; chi is of no use then. */
bool km_pcca(const double *t, const double *pi, int K, int m, double *chi);

#endif
