/* SPDX-License-Identifier: MIT
 * What km-eval measures, and the ways in which it is shown: the table as text, as JSON and in a page with figures.
 * Tests: tests/cli/eval.bats */
#ifndef TOOLS_EVAL_H
#define TOOLS_EVAL_H

#include <stdio.h>

#include "lib/base/io.h"
#include "lib/traj/profile.h"

typedef enum km_eval_kind { KM_EVAL_MODEL, KM_EVAL_REPLICA, KM_EVAL_REFERENCE, KM_EVAL_BASELINE } km_eval_kind;

/* One line of the table. */
typedef struct km_eval_row {
    const char *name;
    km_eval_kind kind;
    const char *path; /* NULL for a baseline */
    char *made;       /* by which program, weights and seed, as the stream says; NULL where it says nothing. Owned */
    int64_t frames, dt;
    km_peptide_scores scores;
    km_validity validity;
    km_profile profile; /* empty unless there is a page to draw */
} km_eval_row;

typedef struct km_eval {
    const km_system *system;
    km_eval_row *rows; /* models, replicas, the reference, baselines */
    int n;
} km_eval;

/* The reference's row. */
const km_eval_row *km_eval_reference(const km_eval *e);

/* What a column shows. */
typedef struct km_eval_column {
    const char *key;     /* in JSON */
    const char *heading; /* in tables; NULL: in JSON alone */
    int width, digits;
    size_t at; /* offset of the double in km_eval_row */
    enum { KM_BEST_LOW, KM_BEST_HIGH } best;
    bool share;          /* of frames that pass a check */
    bool first;          /* of a group */
    const char *meaning; /* one phrase */
} km_eval_column;
extern const km_eval_column km_eval_columns[]; /* ends with a key of NULL */
double km_eval_value(const km_eval_row *row, const km_eval_column *c);

void km_eval_print_text(const km_eval *e, FILE *out);
void km_eval_print_json(const km_eval *e, FILE *out);
/* A <table>, then a list of what its columns mean. */
void km_eval_print_html(const km_eval *e, FILE *out);

/* The figures, in their order; another one is a line more. draw writes an <svg> element. */
typedef struct km_eval_figure {
    const char *id, *title, *caption;
    bool (*applies)(const km_eval *e); /* NULL: always */
    const char *missing;               /* what is said where it does not apply */
    km_status (*draw)(const km_eval *e, FILE *out, km_err *err);
} km_eval_figure;
extern const km_eval_figure km_eval_figures[]; /* ends with an id of NULL */

/* Write the page. */
km_status km_eval_print_page(const km_eval *e, FILE *out, km_err *err) KM_MUST_USE;
/* Write every figure that applies as DIR/ID.svg; the directory is made where it is missing. */
km_status km_eval_write_figures(const km_eval *e, const char *dir, km_err *err) KM_MUST_USE;

#endif
