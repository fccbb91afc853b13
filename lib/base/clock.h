/* SPDX-License-Identifier: MIT
 * Time that passes, for rates and progress; never for results.
 * Tests: tests/unit/test_base.c */
#ifndef KM_BASE_CLOCK_H
#define KM_BASE_CLOCK_H

/* Seconds since some moment; they never go back. */
double km_seconds(void);

#endif
