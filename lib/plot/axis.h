/* SPDX-License-Identifier: MIT
 * Axes: where a value stands, and at which round numbers the ticks are.
 * Tests: tests/unit/test_plot.c */
#ifndef LIB_PLOT_AXIS_H
#define LIB_PLOT_AXIS_H

#include <stdbool.h>

typedef struct km_axis {
    double from, to; /* finite, from < to; both positive when log */
    bool log;
    const char *label; /* with its unit: "lag, ps"; NULL: none */
    double step;       /* between the ticks of a linear axis; 0: chosen */
    bool bare;         /* ticks without numbers */
} km_axis;

/* Where v stands: 0 at from, 1 at to; what lies beyond is at the end; NaN where v is not finite or has no logarithm. */
double km_axis_share(const km_axis *a, double v);

/* Set from and to so that [low, high] is shown, widened to whole steps (log: to 1, 2 or 5 times a power of ten); to
 * something that can be drawn where low and high are equal or not finite. */
void km_axis_fit(km_axis *a, double low, double high);

typedef struct km_tick {
    double value;
    char text[24]; /* UTF-8, with a true minus sign and as many decimals as the ticks need */
} km_tick;
enum { KM_TICKS = 16 };
/* At most `most` (2 ... KM_TICKS) ticks within [from, to], ascending: multiples of 1, 2 or 5 times a power of ten, or
 * of the axis's own step; log: powers of ten, with 2 and 5 times them where they fit. Returns how many. */
int km_axis_ticks(const km_axis *a, int most, km_tick *ret);

#endif
