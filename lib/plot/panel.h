/* SPDX-License-Identifier: MIT
 * A panel: a box with two axes within a figure, and what is drawn in it. km_panel_frame first, then the series, in the
 * order in which they cover each other. Values that are not finite are left out, values beyond an axis are drawn at its
 * end.
 * Tests: tests/unit/test_plot.c */
#ifndef LIB_PLOT_PANEL_H
#define LIB_PLOT_PANEL_H

#include "lib/plot/axis.h"
#include "lib/plot/svg.h"

typedef struct km_panel {
    FILE *out;
    double left, top, width, height; /* of the box; numbers and labels stand outside, 54 to the left, 36 below */
    km_axis x, y;
    int x_ticks, y_ticks; /* at most so many; 0: none */
    const char *title;    /* above, or NULL */
} km_panel;

/* Pixels of a value. */
double km_panel_x(const km_panel *p, double v);
double km_panel_y(const km_panel *p, double v);

/* The box, its ticks and labels. */
void km_panel_frame(const km_panel *p);
/* A line through n points, broken where one is not finite; with dots on the points if its look says so. */
void km_panel_line(const km_panel *p, const double *x, const double *y, int n, km_look look);
void km_panel_points(const km_panel *p, const double *x, const double *y, int n, km_look look);
/* A histogram: n equal bins over [from, to] of the x axis; bins with their middle outside of the axis are left out. */
void km_panel_steps(const km_panel *p, double from, double to, const double *values, int n, km_look look);
/* A bar from the foot of the panel to y. */
void km_panel_bar(const km_panel *p, double from, double to, double y, km_look look);
/* Thin dotted lines across the panel. */
void km_panel_rule_x(const km_panel *p, double x);
void km_panel_rule_y(const km_panel *p, double y);

/* Values [ny, nx] over the whole panel, row 0 at the foot, in KM_LEVELS colours along the colour axis; bins without a
 * colour stay blank. */
void km_panel_density(const km_panel *p, const double *values, int nx, int ny, const km_axis *colour);
/* The level of a value: 0 ... KM_LEVELS - 1, or -1 for none: not finite, or not above zero. */
int km_density_level(const km_axis *colour, double v);
/* The colours beside their numbers: a bar, 12 wide, its axis's label turned along it. */
void km_svg_colour_bar(FILE *out, double left, double top, double height, const km_axis *colour);

#endif
