/* SPDX-License-Identifier: MIT
 * The assignment problem: who goes with whom at the least cost (Jonker & Volgenant 1987, shortest augmenting paths).
 * Tests: tests/unit/test_match.c, tests/unit/test_transport.c */
#ifndef KM_BASE_ASSIGN_H
#define KM_BASE_ASSIGN_H

#include <stdint.h>

/* Every row of cost [n, m], n <= m, gets a column of its own such that the sum of their costs is the least:
 * column_of [n]. Costs are finite. Time n^2 m. */
void km_assign(const double *cost, int32_t n, int32_t m, int32_t *column_of);

#endif
