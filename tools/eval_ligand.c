/* SPDX-License-Identifier: MIT
 * The panel of ligands in their pockets. */
#include <stddef.h>
#include <stdlib.h>

#include "lib/base/mem.h"
#include "tools/eval_complex.h"

#define AT(name) offsetof(km_ligand_scores, name)
const km_metric km_ligand_metrics[] = {
    {"ims", "IMS", 6, 3, AT(ims), KM_BEST_HIGH,
     .meaning = "interaction map similarity: Pearson of the shares of frames in which atoms are nearer than 4.5 Å, all "
                "pairs of protein and ligand"},
    {"ims_touched", "touch", 6, 3, AT(ims_touched), KM_BEST_HIGH,
     .meaning = "the same of pairs that touch on either side"},
    {"ims_residue", "resid", 6, 3, AT(ims_residue), KM_BEST_HIGH, .meaning = "the same of residues with the ligand"},
    {"ligand_rmsf_r", "RMSFr", 6, 3, AT(rmsf_r), KM_BEST_HIGH, .first = true,
     .meaning = "correlation of the fluctuations of the ligand's atoms"},
    {"protein_rmsf_r", "protr", 6, 3, AT(protein_rmsf_r), KM_BEST_HIGH, .meaning = "that of the protein's heavy atoms"},
    {"ligand_rmsf", "RMSF", 6, 2, AT(rmsf), KM_BEST_NONE,
     .meaning = "mean fluctuation of the ligand's atoms, protein superposed", .unit = "A"},
    {"md_ligand_rmsf", "mdRMSF", 6, 2, AT(md_rmsf), KM_BEST_NONE, .meaning = "that of the reference", .unit = "A"},
    {"ligand_rmsf_symmetric", "RMSFs", 6, 2, AT(rmsf_best), KM_BEST_NONE,
     .meaning = "the ligand's RMSF, atoms that a symmetry of it exchanges taken where they are nearest to the start",
     .unit = "A"},
    {"md_ligand_rmsf_symmetric", NULL, 0, 0, AT(md_rmsf_best), KM_BEST_NONE, .meaning = "that of the reference",
     .unit = "A"},
    {"ligand_rmsf_symmetric_r", NULL, 0, 0, AT(rmsf_best_r), KM_BEST_HIGH, .meaning = "correlation of the two"},
    {"ligand_rmsd", "RMSD", 6, 2, AT(rmsd), KM_BEST_NONE,
     .meaning = "mean RMSD of the ligand from the start structure, protein superposed", .unit = "A"},
    {"md_ligand_rmsd", "mdRMSD", 6, 2, AT(md_rmsd), KM_BEST_NONE, .meaning = "that of the reference", .unit = "A"},
    {"ligand_bond_mae", "bonds", 6, 3, AT(bond_mae), KM_BEST_LOW, .first = true,
     .meaning = "mean absolute deviation of the ligand's bonds from the start structure's", .unit = "A"},
    {"md_ligand_bond_mae", NULL, 0, 0, AT(md_bond_mae), KM_BEST_NONE, .meaning = "that of the reference", .unit = "A"},
    {"ligand_angle_mae", "angles", 6, 3, AT(angle_mae), KM_BEST_LOW, .meaning = "the same of its angles",
     .unit = "radian"},
    {"md_ligand_angle_mae", NULL, 0, 0, AT(md_angle_mae), KM_BEST_NONE, .meaning = "that of the reference",
     .unit = "radian"},
    {"ligand_clash", "clash", 6, 3, AT(clash), KM_BEST_LOW,
     .meaning = "frames with atoms of the ligand more than 2 bonds apart nearer than 2.0 Å"},
    {"md_ligand_clash", NULL, 0, 0, AT(md_clash), KM_BEST_NONE, .meaning = "that of the reference"},
    {"ligand_out", "out", 6, 3, AT(out), KM_BEST_NONE,
     .meaning = "frames in which the ligand is out: every atom beyond 6 Å of the protein, or its centre 15 Å away"},
    {"md_ligand_out", "mdout", 6, 3, AT(md_out), KM_BEST_NONE, .meaning = "that of the reference"},
    {0},
};

typedef struct work {
    const km_eval_case *c;
    const km_eval_complex *complex;
    km_ligand *side;
} work;

static void take(void *arg, float *x, int64_t first, int64_t n)
{
    const work *w = arg;
    (void)first;
    km_eval_complex_superpose(w->c, w->complex, x, n);
    km_ligand_add(w->side, x, n);
}

/* Shares of frames in which each residue touches the ligand, for the page. */
static double *touching(const km_ligand *l)
{
    double *out = KM_NEWN(double, (size_t)l->complex->n_residues);
    for (int32_t r = 0; r < l->complex->n_residues; r++) out[r] = (double)l->residues[r] / (double)l->frames;
    return out;
}

static km_status measure(const km_eval_case *c, km_eval *e, km_eval_row *row, km_err *err)
{
    km_eval_complex complex;
    km_status status = KM_OK;
    if (km_eval_complex_of(c, e, row, &complex)) {
        km_ligand md = km_ligand_of(&complex.list), model = km_ligand_of(&complex.list);
        status = km_eval_stream(c, c->ref, c->n_ref, take, &(work){c, &complex, &md}, err);
        if (status == KM_OK) status = km_eval_stream(c, c->model, c->n_model, take, &(work){c, &complex, &model}, err);
        if (status == KM_OK) {
            km_ligand_scores scores;
            km_ligand_compare(&md, &model, &scores);
            km_eval_take(e->panel, row, &scores);
            if (c->options->profile) {
                km_eval_keep(row, "md_touching", touching(&md), c->system->n_residues, 1);
                km_eval_keep(row, "touching", touching(&model), c->system->n_residues, 1);
            }
        }
        km_ligand_clear(&md), km_ligand_clear(&model);
    }
    km_eval_complex_clear(&complex);
    return status;
}

km_status km_eval_ligand(const km_eval_options *o, km_eval *e, km_err *err)
{
    return km_eval_each(o, e, KM_EVAL_ALL, measure, err);
}
