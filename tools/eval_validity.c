/* SPDX-License-Identifier: MIT
 * The panel of sound frames. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/traj/sound.h"
#include "tools/eval.h"

typedef struct scores {
    km_soundness mean;
    double val_ca_drift, bioemu_drift, bond_drift, clash_drift; /* last tenth less the first */
} scores;

#define MEAN(name) offsetof(scores, mean.name)
#define AT(name) offsetof(scores, name)
const km_metric km_validity_metrics[] = {
    {"clash_rate", NULL, 0, 0, MEAN(clash_rate), KM_BEST_LOW, .meaning = "CA clash rate: pairs below 3.0 A, of all"},
    {"val_clash", "clash", 6, 3, MEAN(val_clash), KM_BEST_HIGH, true,
     .meaning = "Val-Clash (CA): frames without a pair of CA below 3.0 Å"},
    {"frame_clash", "1.5A", 6, 3, MEAN(frame_clash), KM_BEST_HIGH, true,
     .meaning = "frames without a pair of CA below 1.5 Å (FrameDiff)"},
    {"break_rate", NULL, 0, 0, MEAN(break_rate), KM_BEST_LOW,
     .meaning = "CA break rate: consecutive CA above 4.2 A, of all"},
    {"val_break", "break", 6, 3, MEAN(val_break), KM_BEST_HIGH, true,
     .meaning = "Val-Break (CA): frames without consecutive CA above 4.2 Å"},
    {"val_ca", "val_CA", 6, 3, MEAN(val_ca), KM_BEST_HIGH, true, .meaning = "Val-CA: frames with neither"},
    {"val_ca_chain", "chain", 6, 3, MEAN(val_ca_chain), KM_BEST_HIGH, true,
     .meaning = "Val-CA of every chain alone: share of chains of frames"},
    {"pep_break", "pepbrk", 6, 3, MEAN(pep_break), KM_BEST_LOW,
     .meaning = "PepBond break: consecutive C-N above 1.4 Å, of all; dynamics are not at 0"},
    {"bioemu_ca", NULL, 0, 0, MEAN(bioemu_ca), KM_BEST_HIGH,
     .meaning = "frames with every consecutive CA-CA below 4.5 A"},
    {"bioemu_cn", NULL, 0, 0, MEAN(bioemu_cn), KM_BEST_HIGH, .meaning = "frames with every C-N below 2.0 A"},
    {"bioemu_clash", NULL, 0, 0, MEAN(bioemu_clash), KM_BEST_HIGH,
     .meaning = "frames without atoms of residues more than 2 apart within 1.0 A"},
    {"bioemu", "BioEmu", 6, 3, MEAN(bioemu), KM_BEST_HIGH, true, true, .meaning = "frames that BioEmu's filter keeps"},
    {"bioemu_chain", "chain", 6, 3, MEAN(bioemu_chain), KM_BEST_HIGH, true,
     .meaning = "that of every chain alone: share of chains of frames"},
    {"bond_mad", "bond_A", 6, 3, MEAN(bond_mad), KM_BEST_LOW, .first = true,
     .meaning = "mean absolute deviation of bond lengths from the dictionary", .unit = "A"},
    {"angle_mad", "angle", 6, 2, MEAN(angle_mad), KM_BEST_LOW, .meaning = "that of angles within residues",
     .unit = "degree"},
    {"bond_far", NULL, 0, 0, MEAN(bond_far), KM_BEST_LOW,
     .meaning = "share of bonds more than four standard deviations (0.08 A) off"},
    {"angle_far", NULL, 0, 0, MEAN(angle_far), KM_BEST_LOW,
     .meaning = "share of angles more than four standard deviations (8 degrees) off"},
    {"clash_score", "clsh/k", 6, 2, MEAN(clash_score), KM_BEST_LOW,
     .meaning = "atoms more than 3 bonds apart nearer than their radii less 0.4 Å, pairs per 1,000 atoms"},
    {"d_share", "D", 6, 3, MEAN(d_share), KM_BEST_LOW, .meaning = "share of CA centres that are D"},
    {"side_share", "side", 6, 3, MEAN(side_share), KM_BEST_LOW,
     .meaning = "share of chiral centres of side chains (ILE, THR) of the wrong hand"},
    {"cis_share", "cis", 6, 3, MEAN(cis_share), KM_BEST_LOW, .meaning = "share of cis bonds not before proline"},
    {"twist_share", "twist", 6, 3, MEAN(twist_share), KM_BEST_LOW,
     .meaning = "share of peptide bonds more than 30 degrees from flat"},
    {"helix_share", "helix", 6, 3, MEAN(helix_share), KM_BEST_NONE, .first = true,
     .meaning = "residues in helices (DSSP), mean over frames"},
    {"strand_share", "strand", 6, 3, MEAN(strand_share), KM_BEST_NONE, .meaning = "residues in strands"},
    {"ss_share", "SS", 6, 3, MEAN(ss_share), KM_BEST_NONE, .meaning = "residues in either"},
    {"val_ca_drift", NULL, 0, 0, AT(val_ca_drift), KM_BEST_NONE,
     .meaning = "val_ca of the last tenth less the first's"},
    {"bioemu_drift", NULL, 0, 0, AT(bioemu_drift), KM_BEST_NONE, .meaning = "the same of bioemu"},
    {"bond_drift", NULL, 0, 0, AT(bond_drift), KM_BEST_NONE, .meaning = "the same of bond_mad", .unit = "A"},
    {"clash_drift", NULL, 0, 0, AT(clash_drift), KM_BEST_NONE, .meaning = "the same of clash_score"},
    {0},
};

/* The mean over trajectories of what the last tenth has more than the first. */
static void add_drift(const km_soundness *frames, const km_clip *clips, int n, scores *s)
{
    for (int i = 0; i < n; frames += clips[i++].F) {
        int64_t F = clips[i].F, tenth = F >= 10 ? F / 10 : 1;
        km_soundness first = km_sound_mean(frames, tenth), last = km_sound_mean(frames + F - tenth, tenth);
        s->val_ca_drift += (last.val_ca - first.val_ca) / n, s->bioemu_drift += (last.bioemu - first.bioemu) / n;
        s->bond_drift += (last.bond_mad - first.bond_mad) / n;
        s->clash_drift += (last.clash_score - first.clash_score) / n;
    }
}

typedef struct work {
    const km_eval_case *c;
    km_sound *asked;
    km_soundness *frames;
} work;

static void take(void *arg, float *x, int64_t first, int64_t n)
{
    const work *w = arg;
#pragma omp parallel for schedule(dynamic, 8) num_threads(w->c->options->threads)
    for (int64_t i = 0; i < n; i++) km_sound_frame(w->asked, x + i * w->c->A * 3, &w->frames[first + i]);
}

static km_status measure(const km_eval_case *c, km_eval *e, km_eval_row *row, km_err *err)
{
    work w = {c, km_sound_new(c->system), KM_NEWN(km_soundness, (size_t)c->model_frames)};
    km_status status = km_eval_stream(c, c->model, c->n_model, take, &w, err);
    if (status == KM_OK) {
        scores s = {.mean = km_sound_mean(w.frames, c->model_frames)};
        add_drift(w.frames, c->model, c->n_model, &s);
        km_eval_take(e->panel, row, &s);
        if (isnan(s.mean.pep_break))
            km_eval_note(e, "%s: of CA alone, as it seems: bonds, hands and secondary structure are not defined",
                         row->name);
    }
    km_sound_free(w.asked);
    free(w.frames);
    return status;
}

km_status km_eval_validity(const km_eval_options *o, km_eval *e, km_err *err)
{
    return km_eval_each(o, e, KM_EVAL_OWN, measure, err);
}
