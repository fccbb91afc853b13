/* SPDX-License-Identifier: MIT
 * What the figures of proteins share: they draw what rows have kept. */
#ifndef TOOLS_EVAL_DRAW_H
#define TOOLS_EVAL_DRAW_H

#include "tools/eval_figures.h"

/* A line of a figure: the reference's or a model's. */
typedef struct km_curve {
    const char *name;
    const double *x, *y; /* x NULL: 1, 2, ... */
    int n;
    km_look look;
} km_curve;
enum { KM_MOST_CURVES = 9 };
/* The curve md_y over md_x of the reference, as the first row has kept it, and y over x of every row (at most eight);
 * NULL keys of x count. Returns how many. */
int km_curves_of(const km_eval *e, const char *x, const char *y, const char *md_x, const char *md_y,
                 km_curve out[KM_MOST_CURVES]);
/* A figure of one panel with these curves; low: the axis reaches down to it at least, NaN: it goes where it likes. */
km_status km_curves_draw(const km_curve *curves, int n, const char *title, const char *x_label, const char *y_label,
                         double low, FILE *out, km_err *err);

km_status km_draw_rmsf(const km_eval *e, FILE *out, km_err *err);
km_status km_draw_drift(const km_eval *e, FILE *out, km_err *err);
km_status km_draw_lag(const km_eval *e, FILE *out, km_err *err);
km_status km_draw_sound(const km_eval *e, FILE *out, km_err *err);
km_status km_draw_pairs(const km_eval *e, FILE *out, km_err *err);
km_status km_draw_contacts(const km_eval *e, FILE *out, km_err *err);
km_status km_draw_pca(const km_eval *e, FILE *out, km_err *err);
km_status km_draw_tica(const km_eval *e, FILE *out, km_err *err);
km_status km_draw_rama(const km_eval *e, FILE *out, km_err *err);
km_status km_draw_structure(const km_eval *e, FILE *out, km_err *err);
km_status km_draw_scales(const km_eval *e, FILE *out, km_err *err);
km_status km_draw_memory(const km_eval *e, FILE *out, km_err *err);
km_status km_draw_passages(const km_eval *e, FILE *out, km_err *err);
km_status km_draw_touching(const km_eval *e, FILE *out, km_err *err);
km_status km_draw_ways(const km_eval *e, FILE *out, km_err *err);
/* The frames in motion: canvases and their numbers; and, once on a page, what drives all of them. */
km_status km_draw_player(const km_eval *e, FILE *out, km_err *err);
void km_eval_print_player(FILE *out);

#endif
