/* SPDX-License-Identifier: MIT
 * What the figures of km-eval share. */
#ifndef TOOLS_EVAL_FIGURES_H
#define TOOLS_EVAL_FIGURES_H

#include "lib/plot/panel.h"
#include "tools/eval.h"

enum { KM_FIGURE_WIDTH = 1080 };

/* How a row is drawn everywhere: models in colours, dynamics black, replicas grey and dashed, baselines pale. */
km_look km_eval_look(const km_eval *e, const km_eval_row *row);
/* The row's name in legends and beside panels: "MD" for the reference. */
const char *km_eval_label(const km_eval_row *row);
/* The rows in the order in which figures name them: models, the reference, replicas, baselines. */
const km_eval_row *km_eval_nth(const km_eval *e, int i);
/* How many of them are trajectories: all but the baselines. */
int km_eval_trajectories(const km_eval *e);
/* The legend of the first n at the top; filled: bits 1 << kind of those that are areas. Returns the height it takes;
 * without out it is only measured. */
double km_eval_legend(const km_eval *e, int n, FILE *opt_out, double left, unsigned filled);
/* "GLY 2", with the chain where there are several. */
void km_eval_residue(const km_system *s, int32_t residue, char out[40]);

bool km_eval_has_pairs(const km_eval *e);
bool km_eval_has_torsions(const km_eval *e);
bool km_eval_has_lags(const km_eval *e);
km_status km_eval_draw_ramachandran(const km_eval *e, FILE *out, km_err *err);
km_status km_eval_draw_torsions(const km_eval *e, FILE *out, km_err *err);
km_status km_eval_draw_decorrelation(const km_eval *e, FILE *out, km_err *err);
km_status km_eval_draw_rmsf(const km_eval *e, FILE *out, km_err *err);
km_status km_eval_draw_geometry(const km_eval *e, FILE *out, km_err *err);
km_status km_eval_draw_validity(const km_eval *e, FILE *out, km_err *err);

#endif
