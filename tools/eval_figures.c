/* SPDX-License-Identifier: MIT
 * The list of km-eval's figures, and what they share. */
#include "tools/eval_figures.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tools/eval_draw.h"

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
     km_eval_has_lags, "There are no torsions, or no trajectory's spacing is known.", km_eval_draw_decorrelation},
    {"validity", "Sound frames",
     "Share of the frames that pass each check of the table. Dynamics shows what can be reached; a model's frames "
     "are worth looking at in motion when nearly all of them are sound.",
     NULL, NULL, km_eval_draw_validity},
    {0},
};

static const km_eval_figure portrait[] = {
    {"player", "In motion",
     "CA from the first residue (blue) to the last (red), and what is no protein in grey; drag to turn, wheel to "
     "zoom. At most 60 frames of the first trajectory, superposed on the start structure.",
     .draw = km_draw_player, .key = "played"},
    {"rmsf-sequence", "Fluctuations along the sequence",
     "Root-mean-square fluctuation of CA about their mean, frames superposed on the start structure. A good model has "
     "dynamics' curve, in height as in shape.",
     .draw = km_draw_rmsf, .key = "rmsf"},
    {"rmsd-time", "RMSD over time", "CA of the first trajectory from the start structure.", .draw = km_draw_drift,
     .key = "drift"},
    {"rmsd-lag", "RMSD against the lag",
     "Mean RMSD of frames a lag apart: how far things get in a time. Above dynamics' curve motion is too fast.",
     .draw = km_draw_lag, .key = "lag"},
    {"pairwise-rmsd", "Pairwise RMSD",
     "Of CA, every pair superposed, at most 80 frames. Squares along the diagonal are states.", .draw = km_draw_pairs,
     .key = "pairs"},
    {"surface-pca", "Free-energy surface on principal components",
     "Those of the reference's CA; a factor of e in population is 1 kT. Empty bins were never visited.",
     .draw = km_draw_pca, .key = "pca"},
    {"surface-tica", "Free-energy surface on the slowest components",
     "Time-lagged independent components of the reference's CA distances, lag one frame of those drawn.",
     .draw = km_draw_tica, .key = "tica"},
    {"ramachandran-all", "Ramachandran", "All residues and frames together.", .draw = km_draw_rama, .key = "rama"},
    {"contacts", "Contact maps", "Share of frames in which two CA are nearer than 8 Å.", .draw = km_draw_contacts,
     .key = "contacts"},
    {"structure", "Secondary structure over time", "By hydrogen bonds (DSSP), the first trajectory.",
     .draw = km_draw_structure, .key = "structure"},
    {"validity-time", "Soundness over time",
     "Frames of the first trajectory without clash or break of CA (Val-CA), in stretches of equal length.",
     .draw = km_draw_sound, .key = "sound"},
    {0},
};

static const km_eval_figure kinetics[] = {
    {"time-scales", "Implied time scales",
     "The three slowest against the lag; where a curve is flat the chain is Markovian.", .draw = km_draw_scales,
     .key = "scales"},
    {"passages", "Mean first passage times",
     "Between all pairs of states; on the line the model is as fast as dynamics.", .draw = km_draw_passages,
     .key = "mfpt"},
    {"memory", "Autocorrelation", "Of the slowest component.", .draw = km_draw_memory, .key = "acf"},
    {0},
};

static const km_eval_figure ligand[] = {
    {"touching", "Residues that touch the ligand", "Share of frames in which heavy atoms are nearer than 4.5 Å.",
     .draw = km_draw_touching, .key = "touching"},
    {0},
};

static const km_eval_figure unbinding[] = {
    {"ways", "Precision and recall of frames", "Of the first model's frames, by the distance that counts as near.",
     .draw = km_draw_ways, .key = "precision"},
    {0},
};

const km_eval_figure *km_eval_figures_of(const km_eval_panel *p)
{
    static const km_eval_figure none[] = {{0}};
    static const struct {
        const char *panel;
        const km_eval_figure *figures;
    } all[] = {{"peptide", km_eval_figures},
               {"portrait", portrait},
               {"kinetics", kinetics},
               {"ligand", ligand},
               {"unbinding", unbinding}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!strcmp(all[i].panel, p->name)) return all[i].figures;
    return none;
}

bool km_eval_figure_applies(const km_eval_figure *f, const km_eval *e)
{
    if (f->applies && !f->applies(e)) return false;
    for (int i = 0; i < e->n && f->key; i++)
        if (e->rows[i].kind == KM_EVAL_MODEL && km_eval_kept(&e->rows[i], f->key)) return true;
    return !f->key;
}

const char *km_eval_label(const km_eval_row *row) { return row->kind == KM_EVAL_REFERENCE ? "MD" : row->name; }

km_look km_eval_look(const km_eval *e, const km_eval_row *row)
{
    static const uint8_t models[] = {KM_BLUE, KM_VERMILION, KM_GREEN, KM_PURPLE};
    int nth = 0;
    for (const km_eval_row *r = e->rows; r < row; r++) nth += r->kind == row->kind;
    switch (row->kind) {
    case KM_EVAL_MODEL:
        return (km_look){.colour = models[nth % 4], .dashed = nth / 4 % 2};
    case KM_EVAL_REPLICA:
        return (km_look){.colour = KM_GREY, .dashed = true};
    case KM_EVAL_REFERENCE:
        return (km_look){.colour = KM_INK};
    case KM_EVAL_BASELINE:
        break;
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

bool km_eval_has_lags(const km_eval *e)
{
    int lags = 0;
    for (int i = 0; i < e->n; i++) lags += e->rows[i].profile.n_lags;
    return lags > 0 && km_eval_has_torsions(e);
}
