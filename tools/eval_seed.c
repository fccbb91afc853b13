/* SPDX-License-Identifier: MIT
 * The seed's own numbers, as the Python implementation computes them. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/superpose.h"
#include "lib/traj/plain.h"
#include "tools/eval.h"

#define AT(name) offsetof(km_plain_scores, name)
const km_metric km_seed_metrics[] = {
    {"ca_rmsf_r", "RMSFr", 6, 3, AT(ca_rmsf_r), KM_BEST_HIGH, .meaning = "CA RMSF correlation (the aim: above 0.7)"},
    {"plain_rmsd", "PwRMSD", 6, 2, AT(pairwise), KM_BEST_NONE,
     .meaning = "pairwise RMSD of all heavy atoms, mean over pairs of at most 300 frames", .unit = "A"},
    {"md_plain_rmsd", "mdPwR", 6, 2, AT(md_pairwise), KM_BEST_NONE, .meaning = "that of the reference", .unit = "A"},
    {"pooled_w2", "W2", 6, 3, AT(w2), KM_BEST_LOW,
     .meaning = "W2 of the distances of all pairs of atoms and frames pooled, of at most 2e8 of them", .unit = "A"},
    {"rama_favoured", "favour", 6, 3, AT(favoured), KM_BEST_HIGH, .first = true,
     .meaning = "residues of frames in the favoured rectangles of phi and psi"},
    {"rama_allowed", "allow", 6, 3, AT(allowed), KM_BEST_NONE, .meaning = "in the allowed ones"},
    {"rama_outlier", "outlie", 6, 3, AT(outlier), KM_BEST_LOW, .meaning = "in none"},
    {"md_rama_favoured", NULL, 0, 0, AT(md_favoured), KM_BEST_NONE, .meaning = "favoured in the reference"},
    {"md_rama_allowed", NULL, 0, 0, AT(md_allowed), KM_BEST_NONE, .meaning = "allowed in the reference"},
    {"md_rama_outlier", "mdoutl", 6, 3, AT(md_outlier), KM_BEST_NONE, .meaning = "outliers in the reference"},
    {"rama_jsd", "JSD", 6, 3, AT(jsd), KM_BEST_LOW,
     .meaning = "Jensen-Shannon distance of phi and psi, 50 x 50 bins, mean over residues"},
    {0},
};

typedef struct work {
    const km_eval_case *c;
    km_plain *side;
    float *ca; /* [A] weights: 1 for CA */
} work;

static void take(void *arg, float *x, int64_t first, int64_t n)
{
    const work *w = arg;
    (void)first;
#pragma omp parallel for schedule(static) num_threads(w->c->options->threads)
    for (int64_t f = 0; f < n; f++) {
        double rot[9], from[3], to[3];
        float *frame = x + f * w->c->A * 3;
        km_superpose(frame, w->c->start, w->ca, w->c->A, rot, from, to);
        km_superpose_apply(frame, w->c->A, rot, from, to, frame);
    }
    km_plain_add(w->side, x, n);
}

static km_status measure(const km_eval_case *c, km_eval *e, km_eval_row *row, km_err *err)
{
    km_plain md = km_plain_of(c->system, c->ref_frames), model = km_plain_of(c->system, c->model_frames);
    float *ca = KM_NEWN(float, (size_t)c->A);
    for (int32_t i = 0; i < md.n_ca; i++) ca[md.ca[i]] = 1;
    km_status status = KM_OK;
    if (md.n_ca < 3) {
        km_eval_note(e, "%s: nothing is computed: the panel needs three CA in common, there are %d", row->name,
                     md.n_ca);
    } else {
        status = km_eval_stream(c, c->ref, c->n_ref, take, &(work){c, &md, ca}, err);
        if (status == KM_OK) status = km_eval_stream(c, c->model, c->n_model, take, &(work){c, &model, ca}, err);
        if (status == KM_OK) {
            km_plain_scores scores;
            km_plain_compare(&md, &model, c->options->threads, &scores);
            km_eval_take(e->panel, row, &scores);
            if (!md.n_pairs) km_eval_note(e, "%s: no residue has phi and psi in common", row->name);
        }
    }
    km_plain_clear(&md), km_plain_clear(&model);
    free(ca);
    return status;
}

km_status km_eval_seed(const km_eval_options *o, km_eval *e, km_err *err)
{
    return km_eval_each(o, e, KM_EVAL_PROTEIN, measure, err);
}
