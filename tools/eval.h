/* SPDX-License-Identifier: MIT
 * What km-eval measures, and the ways in which it is shown: tables as text, as JSON and in a page with figures.
 *
 * A panel is a set of metrics; a target is one system with its reference and its models; a result is one panel of one
 * target: a row a trajectory, a value a metric.
 * Tests: tests/cli/eval.bats, tests/cli/eval_panels.bats */
#ifndef TOOLS_EVAL_H
#define TOOLS_EVAL_H

#include <stdio.h>

#include "lib/base/io.h"
#include "lib/base/opt.h"
#include "lib/traj/common.h"
#include "lib/traj/profile.h"
#include "tools/reel.h"

/* -- what is asked for */

typedef struct km_eval_target {
    char *name;
    km_opt_list models, refs; /* files; the first of refs is the reference, with what follows (see the panel) */
    const char *top;          /* or NULL */
    double dg;                /* measured free energy of folding, kcal/mol; NaN: not known */
    const char *region, *fit; /* residues whose conformation is asked for, upon which they are laid; NULL: all */
} km_eval_target;

typedef struct km_eval_options {
    int64_t dt;         /* 0: as it is */
    km_opt_range range; /* of times, fs */
    int stride, threads;
    int trajectory;          /* of a stream or H5MD file; -1: all, but the first for the panel of peptides */
    bool baselines, profile; /* profile: what figures need is wanted too */
    bool no_ceiling;         /* do without dynamics against themselves */
    int states;              /* of the panel kinetics; */
    int64_t lag;             /* its lag, fs; 0: the model's spacing; */
    bool root;               /* the reference's matrix as the tenth root of that at ten lags */
    double within;           /* angstrom: nearer than that to a conformation is at it (panel bioemu) */
    bool paths;              /* the models are transition paths (panel peptide) */
    const char *ligand;      /* a chain that is one whatever it is of, or NULL (panels ligand and unbinding) */
} km_eval_options;

/* -- what comes out */

typedef enum km_eval_kind { KM_EVAL_MODEL, KM_EVAL_REPLICA, KM_EVAL_REFERENCE, KM_EVAL_BASELINE } km_eval_kind;

/* Numbers that are drawn, [ny, nx]. */
typedef struct km_eval_array {
    char key[24];
    double *values;
    int nx, ny;
} km_eval_array;

/* One line of the table. */
typedef struct km_eval_row {
    const char *name;
    km_eval_kind kind;
    const char *path; /* NULL where it is not one file */
    char *made;       /* by which program, weights and seed, as the stream says; NULL where it says nothing. Owned */
    int64_t frames, dt;
    int32_t atoms;
    double *values;      /* one a metric of the panel */
    km_profile profile;  /* empty unless there is a page to draw */
    km_eval_array *kept; /* [n_kept] nothing unless there is a page to draw */
    int n_kept;
    double *atom_pairs[2]; /* [atoms] numbers of the reference and of the model to be pooled over targets, or NULL */
} km_eval_row;

typedef struct km_eval {
    const struct km_eval_panel *panel;
    const km_eval_target *target;
    km_system *system; /* of the reference */
    int64_t ref_frames;
    km_eval_row *rows; /* models, replicas, the reference, baselines */
    int n;
    char **notes; /* what was left out, what could not be computed, and why */
    int n_notes;
    bool left_out; /* could not be computed: no rows, no system, the last note says why */
} km_eval;

void km_eval_note(km_eval *e, const char *fmt, ...) KM_PRINTF(2, 3);
/* A row more, its values NaN. */
km_eval_row *km_eval_add_row(km_eval *e, const char *name, km_eval_kind kind);
void km_eval_clear(km_eval *e);
/* Do without a panel that failed: its notes stay, and why is one more. */
void km_eval_leave_out(km_eval *e, const char *why);
/* The reference's row. */
const km_eval_row *km_eval_reference(const km_eval *e);

/* Keep values [ny, nx], the row's from now on, under a key; and find them again, or NULL. */
void km_eval_keep(km_eval_row *row, const char *key, double *values, int nx, int ny);
const km_eval_array *km_eval_kept(const km_eval_row *row, const char *key);
/* The first two of dims numbers of points, as KEY_md and KEY: shares of the points in bins of KEY_range (x from and to,
 * y from and to), which spans both; at most KM_EVAL_MAP a side, fewer for few points. */
enum { KM_EVAL_MAP = 40 };
void km_eval_keep_map(km_eval_row *row, const char *key, const double *md, int64_t n_md, const double *model,
                      int64_t n_model, int dims);

/* -- panels */

/* A number of a panel. */
typedef struct km_metric {
    const char *key;     /* in JSON and --fail-if */
    const char *heading; /* in tables; NULL: in JSON alone */
    int width, digits;
    size_t at; /* offset of the double in what the panel's measure fills */
    enum { KM_BEST_LOW, KM_BEST_HIGH, KM_BEST_NONE } best;
    bool share;          /* of frames that pass a check */
    bool first;          /* of a group */
    const char *meaning; /* one phrase */
    const char *unit;    /* "A", or NULL */
} km_metric;

/* A number over all targets that is no mean or median of a metric. */
typedef struct km_eval_over {
    const char *key, *meaning;
    double (*value)(const km_eval *const *results, int n); /* NaN where it is not defined */
} km_eval_over;

typedef struct km_eval_panel {
    const char *name, *title;
    const char *head;         /* what the table's first line says of it */
    const char *published;    /* what the published values are, NULL without any; */
    const char *shown[3];     /* whose stand beside, from km_published_values */
    const km_metric *metrics; /* ends with a key of NULL */
    const km_eval_over *over; /* likewise; or NULL */
    km_status (*measure)(const km_eval_options *o, km_eval *e, km_err *err);
} km_eval_panel;
extern const km_eval_panel km_eval_panels[]; /* ends with a name of NULL */
/* No numbers: what the page draws of a target's proteins. */
extern const km_eval_panel km_eval_portrait;
int km_eval_metrics(const km_eval_panel *p);
/* Take what measure filled into a row's values. */
void km_eval_take(const km_eval_panel *p, km_eval_row *row, const void *filled);
/* The value of this metric; NaN without it. */
double km_eval_value(const km_eval *e, const km_eval_row *row, const char *key);

extern const km_metric km_peptide_metrics[], km_ensemble_metrics[], km_trajectory_metrics[], km_validity_metrics[],
    km_kinetics_metrics[], km_ligand_metrics[], km_unbinding_metrics[], km_seed_metrics[],
    km_bioemu_metrics[];
extern const km_eval_over km_ensemble_over[], km_bioemu_over[];
km_status km_eval_peptide(const km_eval_options *o, km_eval *e, km_err *err) KM_MUST_USE;
km_status km_eval_ensemble(const km_eval_options *o, km_eval *e, km_err *err) KM_MUST_USE;
km_status km_eval_trajectory(const km_eval_options *o, km_eval *e, km_err *err) KM_MUST_USE;
km_status km_eval_kinetics(const km_eval_options *o, km_eval *e, km_err *err) KM_MUST_USE;
km_status km_eval_ligand(const km_eval_options *o, km_eval *e, km_err *err) KM_MUST_USE;
km_status km_eval_unbinding(const km_eval_options *o, km_eval *e, km_err *err) KM_MUST_USE;
km_status km_eval_bioemu(const km_eval_options *o, km_eval *e, km_err *err) KM_MUST_USE;
km_status km_eval_seed(const km_eval_options *o, km_eval *e, km_err *err) KM_MUST_USE;
km_status km_eval_validity(const km_eval_options *o, km_eval *e, km_err *err) KM_MUST_USE;

/* -- reading a target for a panel that matches atoms by name */

/* The frames of a reel that the options choose, a clip a trajectory, put behind the n clips; their atoms are to be set.
 * KM_INPUT where none is left, or where it is about times and these are not known; KM_USAGE for a --dt that is no
 * multiple of the spacing. */
km_status km_eval_choose(const km_eval_options *o, const km_reel *r, km_clip **clips, int *n, km_err *err) KM_MUST_USE;
int64_t km_eval_frames_in(const km_clip *clips, int n);
/* fs; 0 where it is not known, or not the same in all that are more than a frame. */
int64_t km_eval_spacing_of(const km_clip *clips, int n);
/* The first half of a clip stays. False with fewer than two frames in it. */
bool km_eval_halve(km_clip *c, km_clip *second);

/* A model (its trajectories) beside its reference: their common atoms, in the reference's order. */
typedef struct km_eval_case {
    const km_eval_options *options;
    const km_system *system; /* of the common atoms */
    int32_t A;
    const km_clip *ref, *model; /* [n_ref], one a replica; [n_model] */
    int n_ref, n_model;
    int64_t ref_frames, model_frames;
    int64_t ref_dt, model_dt; /* fs, 0 where the spacing is not known or not the same in all */
    float *start;             /* [A, 3] the topology's coordinates, or the reference's first frame */
} km_eval_case;
/* How many frames of the reference lie between two of the model; 0 where that is no whole number or not known. */
int64_t km_eval_frames_between(const km_eval_case *c);
/* The file's name without its directories. */
const char *km_eval_base_name(const char *path);
/* The last program with weights, the weights and the seed, as the stream tells them. NULL or the caller's. */
char *km_eval_made_by(const km_system *s);
/* All frames of n clips, [F, atoms, 3]; the caller frees it. opt_atoms [n_atoms]: these of the common atoms alone. */
km_status km_eval_read(const km_eval_case *c, const km_clip *clips, int n, const int32_t *opt_atoms, int32_t n_atoms,
                       float **ret, km_err *err) KM_MUST_USE;
/* The same in pieces of at most KM_EVAL_PIECE frames x [n, A, 3], which take may overwrite; first counts from 0. */
enum { KM_EVAL_PIECE = 256 };
typedef void km_eval_taker(void *arg, float *x, int64_t first, int64_t n);
km_status km_eval_stream(const km_eval_case *c, const km_clip *clips, int n, km_eval_taker *take, void *arg,
                         km_err *err) KM_MUST_USE;
/* Measure every model, and the dynamics against themselves, at the model's number of frames: each replica against the
 * others; of a single one its halves, of more than KM_EVAL_REPLICAS every other one against the rest. measure fills row
 * and may add notes. */
enum { KM_EVAL_REPLICAS = 6 };
typedef km_status km_eval_measure(const km_eval_case *c, km_eval *e, km_eval_row *row, km_err *err);
typedef enum km_eval_atoms {
    KM_EVAL_PROTEIN, /* which of the common ones */
    KM_EVAL_ALL,
    KM_EVAL_OWN, /* of protein; where nothing is in common the model's own, without reference and start structure */
} km_eval_atoms;
km_status km_eval_each(const km_eval_options *o, km_eval *e, km_eval_atoms which, km_eval_measure *measure,
                       km_err *err) KM_MUST_USE;
/* Is this a residue of a protein: a standard one, or one with a peptide's backbone? */
bool km_eval_is_protein(const km_system *s, int32_t residue);

/* Distances are taken between at most so many CA. */
enum { KM_EVAL_MOST_CA = 45 };
typedef struct km_eval_side {
    const km_clip *clips; /* [n_runs] */
    int64_t *lengths, F, longest;
    int n_runs;
} km_eval_side;
/* CA of both sides; nothing is held of their frames. */
typedef struct km_eval_ca {
    int n;
    int32_t *atoms; /* [n] among the common ones */
    float *start;   /* [n, 3] */
    km_eval_side md, model;
} km_eval_ca;
/* Likewise the backbone (N, CA, C, O), whatever of it there is. */
km_eval_ca km_eval_backbone_of(const km_eval_case *c);
/* False, with a note, with fewer than three. To be cleared either way. */
bool km_eval_ca_of(const km_eval_case *c, km_eval *e, const km_eval_row *row, km_eval_ca *ret);
void km_eval_ca_clear(km_eval_ca *ca);
/* Frames at ... at + n - 1 of a run, number first ... of all, superposed on the start structure. */
typedef struct km_eval_piece {
    const float *x; /* [n, CA, 3] */
    int64_t n, at, length, first;
} km_eval_piece;
typedef void km_eval_ca_taker(void *arg, const km_eval_piece *p);
/* All frames of a side in order, in pieces of one run each. */
km_status km_eval_ca_stream(const km_eval_case *c, const km_eval_ca *ca, const km_eval_side *side,
                            km_eval_ca_taker *take, void *arg, km_err *err) KM_MUST_USE;

/* -- targets */

typedef struct km_eval_targets {
    km_eval_target *items;
    int n;
    char **owned; /* every path made for them */
    int n_owned;
} km_eval_targets;
/* From the table PAIRS (target, model, reference[,replica...], topology or nothing; blanks between, # begins a comment;
 * paths from where the table lies). */
km_status km_eval_read_pairs(const char *path, km_eval_targets *ret, km_err *err) KM_MUST_USE;
/* Every trajectory NAME.* of a directory beside REF/NAME.*, REF/NAME_*, and all that lies in REF/NAME/. */
km_status km_eval_pair_directories(const char *models, const char *refs, km_eval_targets *ret, km_err *err) KM_MUST_USE;
/* The targets' free energies of folding from the table PATH: a name and a number a line. KM_INPUT for other lines;
 * names that are no target's are passed over. */
km_status km_eval_read_energies(const char *path, km_eval_targets *t, km_err *err) KM_MUST_USE;
/* The targets' residues to be compared, and to be laid upon each other, from the table PATH: a name, ranges A-B, A- or
 * A with commas between, and perhaps as many more. As above otherwise. */
km_status km_eval_read_regions(const char *path, km_eval_targets *t, km_err *err) KM_MUST_USE;
/* Is this residue number in such ranges? In NULL everything is. */
bool km_eval_in_ranges(const char *opt_ranges, int32_t number);
void km_eval_targets_clear(km_eval_targets *t);

/* -- over targets */

typedef struct km_summary {
    int n, nan; /* targets with a number, and without */
    double median, mean;
} km_summary;
/* Of a metric over the models (or replicas) of n results of one panel, a target's own rows averaged first. */
km_summary km_eval_summary(const km_eval *const *results, int n, km_eval_kind kind, int metric);
/* Do all of these hold? Each is KEY<NUMBER, with > <= >= as well, of a metric's median over targets or a number over
 * them. KM_NEGATIVE with the first that does not; KM_USAGE for what is none, checked before anything is computed where
 * results is NULL. */
km_status km_eval_check(const km_opt_list *conditions, const km_eval_panel *const *panels, int n_panels,
                        const km_eval *const *opt_results, int n_targets, km_err *err) KM_MUST_USE;

/* -- showing */

/* results [n_panels, n_targets] */
typedef struct km_eval_results {
    const km_eval_panel *const *panels;
    int n_panels, n_targets;
    const km_eval *const *results;
    const km_eval *const *portraits; /* [n_targets], or NULL */
} km_eval_results;
void km_eval_print_text(const km_eval_results *r, FILE *out);
void km_eval_print_json(const km_eval_results *r, FILE *out);
/* A <table> of a panel and target, its notes, and perhaps a list of what its columns mean. */
void km_eval_print_html(const km_eval *e, bool meanings, FILE *out);
/* A <table> of a panel with a line for each target's models. */
void km_eval_print_html_targets(const km_eval_results *r, int panel, FILE *out);
/* A <table> a panel of medians, means and published values over targets. */
void km_eval_print_html_over(const km_eval_results *r, FILE *out);

/* A published value of a panel's metric or number over targets, median over ATLAS's 82 test proteins where nothing else
 * is said. */
typedef struct km_published {
    const char *panel, *key, *model;
    double value;
    const char *source;
    enum { KM_PRIMARY, KM_REPRODUCED, KM_SECONDARY } kind;
} km_published;
extern const km_published km_published_values[]; /* ends with a panel of NULL */
extern const char *const km_published_kinds[];

/* The figures, in their order; another one is a line more. draw writes an <svg> element. */
typedef struct km_eval_figure {
    const char *id, *title, *caption;
    bool (*applies)(const km_eval *e); /* NULL: always */
    const char *missing;               /* what is said where it does not apply */
    km_status (*draw)(const km_eval *e, FILE *out, km_err *err);
    const char *key; /* what rows have to have kept, or the figure is left out without a word; NULL: nothing */
} km_eval_figure;
extern const km_eval_figure km_eval_figures[]; /* of the panel of peptides; ends with an id of NULL */
/* Those of a panel; none are one that ends at once. */
const km_eval_figure *km_eval_figures_of(const km_eval_panel *p);
bool km_eval_figure_applies(const km_eval_figure *f, const km_eval *e);

/* Write the page. */
km_status km_eval_print_page(const km_eval_results *r, FILE *out, km_err *err) KM_MUST_USE;
/* Write every figure that applies as DIR/ID.svg; the directory is made where it is missing. */
km_status km_eval_write_figures(const km_eval *e, const char *dir, km_err *err) KM_MUST_USE;

#endif
