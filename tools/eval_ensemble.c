/* SPDX-License-Identifier: MIT
 * The ensemble panel. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/traj/ensemble.h"
#include "lib/traj/stats.h"
#include "tools/eval.h"

#define AT(name) offsetof(km_ensemble_scores, name)
const km_metric km_ensemble_metrics[] = {
    {"md_pairwise_rmsd", "mdPwR", 6, 2, AT(md_pairwise_rmsd), KM_BEST_NONE,
     .meaning = "MD pairwise RMSD: CA, mean over pairs of two draws of the reference", .unit = "A"},
    {"pairwise_rmsd", "PwRMSD", 6, 2, AT(pairwise_rmsd), KM_BEST_NONE,
     .meaning = "Pairwise RMSD: the same of the model with itself", .unit = "A"},
    {"md_rmsf", "mdRMSF", 6, 2, AT(md_rmsf), KM_BEST_NONE,
     .meaning = "MD RMSF: median over heavy atoms, all frames of the reference", .unit = "A"},
    {"rmsf", "RMSF", 6, 2, AT(rmsf), KM_BEST_NONE, .meaning = "RMSF: that of the model", .unit = "A"},
    {"rmsf_r", "RMSFr", 6, 3, AT(rmsf_r), KM_BEST_HIGH, .meaning = "Per target RMSF r: Pearson over heavy atoms",
     .first = true},
    {"rmwd", "RMWD", 6, 2, AT(rmwd), KM_BEST_LOW, .meaning = "root mean Wasserstein distance of the atoms' positions",
     .unit = "A"},
    {"rmwd_trans", "trans", 6, 2, AT(rmwd_trans), KM_BEST_LOW, .meaning = "its translation part", .unit = "A"},
    {"rmwd_var", "var", 6, 2, AT(rmwd_var), KM_BEST_LOW, .meaning = "its variance part", .unit = "A"},
    {"md_pca_w2", "PCA-W2", 6, 2, AT(md_pca_w2), KM_BEST_LOW,
     .meaning = "MD PCA W2: in two components of the reference's PCA", .unit = "A"},
    {"joint_pca_w2", "jntW2", 6, 2, AT(joint_pca_w2), KM_BEST_LOW, .meaning = "Joint PCA W2: in those of both together",
     .unit = "A"},
    {"pc_sim", "PCsim", 6, 3, AT(pc_sim), KM_BEST_HIGH, .meaning = "cosine of the first components"},
    {"weak_contacts", "weakJ", 6, 3, AT(weak_contacts), KM_BEST_HIGH,
     .meaning = "Weak contacts J: of the start structure, below 0.9 of the frames", .first = true},
    {"transient_contacts", "trnsJ", 6, 3, AT(transient_contacts), KM_BEST_HIGH,
     .meaning = "Transient contacts J: not of the start structure, above 0.1"},
    {"exposed", "expJ", 6, 3, AT(exposed), KM_BEST_HIGH,
     .meaning = "Exposed residue J: buried at the start, exposed in over 0.1 of the frames"},
    {"mi_rho", "MIrho", 6, 3, AT(mi_rho), KM_BEST_HIGH,
     .meaning = "Exposed MI matrix rho: Spearman of the mutual information of exposures"},
    {"md_pairwise_rms", NULL, 0, 0, AT(md_pairwise_rms), KM_BEST_NONE,
     .meaning = "root-mean-square over the pairs of md_pairwise_rmsd", .unit = "A"},
    {"pairwise_rms", NULL, 0, 0, AT(pairwise_rms), KM_BEST_NONE,
     .meaning = "root-mean-square over the pairs of pairwise_rmsd", .unit = "A"},
    {"md_self_rmsd", NULL, 0, 0, AT(md_self_rmsd), KM_BEST_NONE,
     .meaning = "mean over pairs of one draw of the reference with itself", .unit = "A"},
    {"md_self_rms", NULL, 0, 0, AT(md_self_rms), KM_BEST_NONE, .meaning = "root-mean-square over the same",
     .unit = "A"},
    {"rmsf_rho", NULL, 0, 0, AT(rmsf_rho), KM_BEST_HIGH, .meaning = "Spearman of the fluctuations"},
    {"rmsf_tau", NULL, 0, 0, AT(rmsf_tau), KM_BEST_HIGH, .meaning = "Kendall's tau-b of the fluctuations"},
    {"rmwd_clamped", NULL, 0, 0, AT(rmwd_clamped), KM_BEST_NONE,
     .meaning = "atoms whose covariances' product has a negative eigenvalue, taken as 0", .unit = "atoms"},
    {"md_pca_w2_trans", NULL, 0, 0, AT(md_pca_w2_trans), KM_BEST_LOW, .meaning = "distance of the means", .unit = "A"},
    {"md_pca_w2_rest", NULL, 0, 0, AT(md_pca_w2_rest), KM_BEST_LOW, .meaning = "sqrt(W2^2 - trans^2)", .unit = "A"},
    {"md_pca_w2_md", NULL, 0, 0, AT(md_pca_w2_md), KM_BEST_NONE, .meaning = "md_pca_w2 of two draws of the reference",
     .unit = "A"},
    {"md_pca_start", NULL, 0, 0, AT(md_pca_start), KM_BEST_NONE,
     .meaning = "root-mean-square distance of the reference to the start structure there", .unit = "A"},
    {"pca_start", NULL, 0, 0, AT(pca_start), KM_BEST_NONE, .meaning = "that of the model", .unit = "A"},
    {"joint_pca_w2_trans", NULL, 0, 0, AT(joint_pca_w2_trans), KM_BEST_LOW, .meaning = "distance of the means",
     .unit = "A"},
    {"joint_pca_w2_rest", NULL, 0, 0, AT(joint_pca_w2_rest), KM_BEST_LOW, .meaning = "sqrt(W2^2 - trans^2)",
     .unit = "A"},
    {"own_pca_w2", NULL, 0, 0, AT(own_pca_w2), KM_BEST_LOW, .meaning = "W2 in the model's own PCA", .unit = "A"},
    {"md_variance1", NULL, 0, 0, AT(md_variance1), KM_BEST_NONE,
     .meaning = "variance of the reference's first component", .unit = "A^2"},
    {"md_variance2", NULL, 0, 0, AT(md_variance2), KM_BEST_NONE, .meaning = "of its second", .unit = "A^2"},
    {"variance1", NULL, 0, 0, AT(variance1), KM_BEST_NONE, .meaning = "of the model's first", .unit = "A^2"},
    {"variance2", NULL, 0, 0, AT(variance2), KM_BEST_NONE, .meaning = "of its second", .unit = "A^2"},
    {0},
};

/* -- over targets: the first model of each */

static const km_eval_row *model_of(const km_eval *e)
{
    return e->n && e->rows[0].kind == KM_EVAL_MODEL && e->rows[0].atom_pairs[0] ? &e->rows[0] : NULL;
}

/* Two columns of numbers over the targets that have a model. */
typedef struct columns {
    double *a, *b;
    int64_t n;
} columns;

static void append(columns *c, const double *a, const double *b, int64_t n)
{
    c->a = km_realloc(c->a, (size_t)(c->n + n) * sizeof *c->a),
    c->b = km_realloc(c->b, (size_t)(c->n + n) * sizeof *c->b);
    memcpy(c->a + c->n, a, (size_t)n * sizeof *a), memcpy(c->b + c->n, b, (size_t)n * sizeof *b);
    c->n += n;
}

static columns pooled_rmsf(const km_eval *const *results, int n)
{
    columns c = {0};
    for (int i = 0; i < n; i++) {
        const km_eval_row *r = model_of(results[i]);
        if (r) append(&c, r->atom_pairs[0], r->atom_pairs[1], r->atoms);
    }
    return c;
}

static double pairwise_r(const km_eval *const *results, int n)
{
    columns c = {0};
    for (int i = 0; i < n; i++) {
        const km_eval_row *r = model_of(results[i]);
        if (r) append(&c, &r->values[0], &r->values[1], 1);
    }
    double v = c.n > 1 ? km_pearson(c.a, c.b, c.n) : NAN;
    free(c.a), free(c.b);
    return v;
}

static double of_pool(const km_eval *const *results, int n, double (*number)(const columns *c))
{
    columns c = pooled_rmsf(results, n);
    double v = c.n ? number(&c) : NAN;
    free(c.a), free(c.b);
    return v;
}

static double correlation(const columns *c) { return km_pearson(c->a, c->b, c->n); }
static double median_of_md(const columns *c) { return km_median(c->a, c->n); }
static double median_of_model(const columns *c) { return km_median(c->b, c->n); }
static double global_r(const km_eval *const *results, int n) { return of_pool(results, n, correlation); }
static double md_rmsf(const km_eval *const *results, int n) { return of_pool(results, n, median_of_md); }
static double rmsf(const km_eval *const *results, int n) { return of_pool(results, n, median_of_model); }

/* Over the targets with a model: 100 times the share whose value of a metric is above the bound (NaN: is not one). */
static double share(const km_eval *const *results, int n, const char *key, bool of_nan)
{
    int models = 0, yes = 0;
    for (int i = 0; i < n; i++) {
        const km_eval_row *r = model_of(results[i]);
        if (!r) continue;
        double v = km_eval_value(results[i], r, key);
        models++, yes += of_nan ? isnan(v) : v > 0.5;
    }
    return models ? (double)yes / models : NAN;
}

static double pc_sim(const km_eval *const *results, int n) { return 100 * share(results, n, "pc_sim", false); }
static double weak_nans(const km_eval *const *results, int n) { return share(results, n, "weak_contacts", true); }
static double transient_nans(const km_eval *const *results, int n)
{
    return share(results, n, "transient_contacts", true);
}

const km_eval_over km_ensemble_over[] = {
    {"pairwise_rmsd_r", "Pairwise RMSD r: Pearson over targets of MD's and the model's", pairwise_r},
    {"global_rmsf_r", "Global RMSF r: Pearson over the atoms of all targets", global_r},
    {"md_rmsf_pooled", "MD RMSF: median over the atoms of all targets", md_rmsf},
    {"rmsf_pooled", "RMSF: median over the atoms of all targets", rmsf},
    {"pc_sim_percent", "PC sim > 0.5 %: share of targets with pc_sim above 0.5", pc_sim},
    {"weak_nans", "Weak contacts nans: share of targets without any", weak_nans},
    {"transient_nans", "Transient contacts nans: share of targets without any", transient_nans},
    {0},
};

/* -- one trajectory */

typedef struct atoms {
    km_ensemble_atoms list;
    int32_t *ca, *residue;
    uint8_t *elements;
    bool *side;
} atoms;

static atoms atoms_of(const km_eval_case *c)
{
    const km_system *s = c->system;
    size_t A = (size_t)c->A;
    atoms a = {{.n_atoms = c->A, .n_residues = s->n_residues, .start = c->start},
               KM_NEWN(int32_t, A),
               KM_NEWN(int32_t, A),
               KM_NEWN(uint8_t, A),
               KM_NEWN(bool, A)};
    for (int32_t i = 0; i < c->A; i++) {
        static const char *const backbone[] = {"CA", "C", "N", "O", "OXT"};
        const char *name = s->atoms[i].name;
        a.side[i] = true;
        for (int k = 0; k < 5; k++) a.side[i] &= strcmp(name, backbone[k]) != 0;
        if (!strcmp(name, "CA")) a.ca[a.list.n_ca++] = i;
        a.residue[i] = s->atoms[i].residue, a.elements[i] = s->atoms[i].element;
    }
    a.list.ca = a.ca, a.list.residue = a.residue, a.list.elements = a.elements, a.list.side = a.side;
    return a;
}

static void take_reference(void *arg, float *x, int64_t first, int64_t n)
{
    (void)first;
    km_ensemble_add_reference(arg, x, n);
}

static km_status measure(const km_eval_case *c, km_eval *e, km_eval_row *row, km_err *err)
{
    float *model;
    atoms a = atoms_of(c);
    km_ensemble_scores scores;
    km_status status = KM_OK;
    if (a.list.n_ca < 2) {
        km_eval_note(e, "%s: nothing is computed: the ensemble panel needs two CA in common, there are %d", row->name,
                     a.list.n_ca);
    } else {
        km_ensemble *all = km_ensemble_new(&a.list, c->ref_frames, c->model_frames, c->options->threads);
        status = km_eval_stream(c, c->ref, c->n_ref, take_reference, all, err);
        if (status == KM_OK) status = km_eval_read(c, c->model, c->n_model, NULL, 0, &model, err);
        if (status == KM_OK) {
            km_ensemble_finish(all, model, &scores);
            km_eval_take(e->panel, row, &scores);
            row->atom_pairs[0] = scores.rmsf_of_md, row->atom_pairs[1] = scores.rmsf_of_model;
            free(model);
        }
        km_ensemble_free(all);
    }
    int32_t sides = 0;
    for (int32_t i = 0; i < c->A; i++) sides += a.side[i];
    if (!sides) km_eval_note(e, "%s: nothing of exposure: no atom of a side chain is in common", row->name);
    if (c->ref_frames == 1)
        km_eval_note(e, "%s: the reference is a single frame, which has no fluctuations or components", row->name);
    if (c->model_frames == 1)
        km_eval_note(e,
                     "%s: a single frame fluctuates in nothing: its RMSF, correlations and components are not defined",
                     row->name);
    free(a.ca), free(a.residue), free(a.elements), free(a.side);
    return status;
}

km_status km_eval_ensemble(const km_eval_options *o, km_eval *e, km_err *err)
{
    return km_eval_each(o, e, KM_EVAL_PROTEIN, measure, err);
}
