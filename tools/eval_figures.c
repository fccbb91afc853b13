/* SPDX-License-Identifier: MIT
 * The list of km-eval's figures, and what they share. */
#include "tools/eval_figures.h"

#include <stdlib.h>

#include "lib/base/mem.h"

const km_eval_figure km_eval_figures[] = {
    {"ramachandran", "Ramachandran",
     "Share of the frames in each bin of 10° by 10°, all panels on one logarithmic scale; blank bins were never "
     "visited. A good model fills the basins that dynamics fills, as deeply, and little else (phi-psi in the table "
     "near that of a replica). The lightest bins hold single frames.",
     km_eval_has_pairs, "No residue has both φ and ψ; the torsions below tell what there is to tell.",
     km_eval_draw_ramachandran},
    {"torsions", "Torsions",
     "Share of the frames per 5°. Peaks belong where those of dynamics are, with the same areas: the areas are the "
     "populations of the rotamers. ω belongs at 180° (trans). The table's jsd_bb and jsd_sc are mean distances "
     "between these distributions, ω left out.",
     km_eval_has_torsions, "There are no torsions.", km_eval_draw_torsions},
    {"rmsf", "Fluctuations of the atoms",
     "Root-mean-square fluctuation of each heavy atom about the mean structure, frames superposed on the first by "
     "all atoms. A good model has dynamics' curve, in height as in shape; rmsf_r in the table tells of the shape "
     "alone.",
     NULL, NULL, km_eval_draw_rmsf},
    {"geometry", "Bond lengths and bond angles",
     "Deviation from the ideal values of the residue dictionary, over all bonds (angles) and frames. A good model "
     "is as narrow as dynamics and centred where it is; a force field has its own equilibrium values, so that this "
     "is not exactly zero. At most 2 % of a trajectory lie beyond the axes.",
     NULL, NULL, km_eval_draw_geometry},
    {"decorrelation", "Decorrelation of the torsions",
     "How much of a torsion is remembered after a lag, mean over torsions: 1 when all, 0 when nothing. A good "
     "model has dynamics' curve: below it, torsions move too fast or jump; above it, they are stuck. The right end "
     "of a curve (up to half of a trajectory) rests on few transitions.",
     km_eval_has_torsions, "There are no torsions.", km_eval_draw_decorrelation},
    {"validity", "Sound frames",
     "Share of the frames that pass each check of the table. Dynamics shows what can be reached; a model's frames "
     "are worth looking at in motion when nearly all of them are sound.",
     NULL, NULL, km_eval_draw_validity},
    {0},
};

const char *km_eval_label(const km_eval_row *row) { return row->kind == KM_EVAL_REFERENCE ? "MD" : row->name; }

km_look km_eval_look(const km_eval *e, const km_eval_row *row)
{
    static const uint8_t models[] = {KM_BLUE, KM_VERMILION, KM_GREEN, KM_PURPLE};
    int nth = 0;
    for (const km_eval_row *r = e->rows; r < row; r++) nth += r->kind == row->kind;
    switch (row->kind) {
    case KM_EVAL_MODEL: return (km_look){.colour = models[nth % 4], .dashed = nth / 4 % 2};
    case KM_EVAL_REPLICA: return (km_look){.colour = KM_GREY, .dashed = true};
    case KM_EVAL_REFERENCE: return (km_look){.colour = KM_INK};
    case KM_EVAL_BASELINE: break;
    }
    return (km_look){.colour = nth ? KM_SKY : KM_ORANGE};
}

const km_eval_row *km_eval_nth(const km_eval *e, int i)
{
    int models = 0, trajectories = km_eval_trajectories(e);
    while (e->rows[models].kind == KM_EVAL_MODEL) models++;
    if (i == models) return km_eval_reference(e);
    return &e->rows[i < models || i >= trajectories ? i : i - 1];
}

int km_eval_trajectories(const km_eval *e)
{
    int n = 0;
    while (n < e->n && e->rows[n].kind != KM_EVAL_BASELINE) n++;
    return n;
}

double km_eval_legend(const km_eval *e, int n, FILE *opt_out, double left, unsigned filled)
{
    km_entry *entries = KM_NEWN(km_entry, (size_t)n);
    for (int i = 0; i < n; i++) {
        const km_eval_row *row = km_eval_nth(e, i);
        entries[i] = (km_entry){km_eval_label(row), km_eval_look(e, row)};
        entries[i].look.filled = filled >> row->kind & 1;
    }
    double height = km_svg_legend(opt_out, left, 0, KM_FIGURE_WIDTH - left, entries, n);
    free(entries);
    return height;
}

void km_eval_residue(const km_system *s, int32_t residue, char out[40])
{
    const km_residue *r = &s->residues[residue];
    if (s->n_chains > 1) snprintf(out, 40, "%s:%s %d", s->chains[r->chain].name, r->name, r->number);
    else snprintf(out, 40, "%s %d", r->name, r->number);
}

bool km_eval_has_pairs(const km_eval *e) { return e->rows[0].profile.n_pairs > 0; }
bool km_eval_has_torsions(const km_eval *e) { return e->rows[0].profile.n_torsions > 0; }
