/* SPDX-License-Identifier: MIT
 * What the processor can do.
 * Tests: tests/unit/test_io.c */
#ifndef KM_BASE_CPU_H
#define KM_BASE_CPU_H

#include <stdbool.h>

/* Whether code compiled for the instruction set "base", "avx2" or "avx512" runs here; false for any other name. */
bool km_cpu_has(const char *isa);
/* The best of the three. */
const char *km_cpu_isa(void);
/* Cores this process may run on: at least 1. */
int km_cpu_count(void);

#endif
