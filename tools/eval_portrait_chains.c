/* SPDX-License-Identifier: MIT
 * Of the page's figures: what chains are like, and the frames that are played. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/chem/geometry.h"
#include "lib/traj/dssp.h"
#include "lib/traj/peptide.h"
#include "lib/traj/sound.h"
#include "tools/eval_portrait.h"

/* Shares of all (phi, psi) pairs of all frames, [psi, phi]. */
static double *ramachandran(const km_portrait *p, const km_portrait_side *s)
{
    enum { BINS = KM_PAIR_BINS };
    km_torsion *t;
    int32_t n = km_chem_torsions(p->c->system, &t);
    double *out = KM_NEWN(double, BINS *BINS), all = 0;
    float *angles = KM_NEWN(float, (size_t)n + 1);
    for (int64_t f = 0; f < s->F; f++) {
        km_torsion_angles(t, n, s->x + f * p->c->A * 3, angles);
        for (int32_t i = 0; i < n; i++) {
            if (!km_torsion_pair(t, n, i)) continue;
            out[km_bin_of_angle(angles[i + 1], BINS) * BINS + km_bin_of_angle(angles[i], BINS)]++, all++;
        }
    }
    for (int b = 0; b < BINS * BINS && all > 0; b++) out[b] /= all;
    free(t), free(angles);
    return out;
}

/* The class of every residue at at most 200 frames of the first trajectory, [residue, frame]. */
static double *structure(const km_portrait *p, const km_portrait_side *s, int *ret_frames)
{
    enum { MOST = 200 };
    int n = s->lengths[0] < MOST ? (int)s->lengths[0] : MOST;
    km_backbone b = km_backbone_of(p->c->system);
    double *out = KM_NEWN(double, (size_t)n *(size_t)b.n_residues + 1);
    uint8_t *class = KM_NEWN(uint8_t, (size_t)b.n_residues);
    for (int i = 0; i < n; i++) {
        km_dssp(&b, s->x + s->lengths[0] * i / n * p->c->A * 3, class);
        for (int32_t r = 0; r < b.n_residues; r++) out[r * n + i] = class[r];
    }
    *ret_frames = n;
    km_backbone_clear(&b);
    free(class);
    return out;
}

/* Shares of sound frames in at most 50 stretches of the first trajectory: Val-CA, BioEmu's filter. */
static double *soundness(const km_portrait *p, const km_portrait_side *s, int *ret_n)
{
    enum { MOST = 50 };
    int n = s->lengths[0] < MOST ? (int)s->lengths[0] : MOST;
    km_sound *asked = km_sound_new(p->c->system);
    km_soundness *frames = KM_NEWN(km_soundness, (size_t)s->lengths[0]);
    double *out = KM_NEWN(double, 2 * (size_t)n);
#pragma omp parallel for schedule(dynamic, 8) num_threads(p->c->options->threads)
    for (int64_t f = 0; f < s->lengths[0]; f++) km_sound_frame(asked, s->x + f * p->c->A * 3, &frames[f]);
    for (int i = 0; i < n; i++) {
        int64_t from = s->lengths[0] * i / n, to = s->lengths[0] * (i + 1) / n;
        km_soundness mean = km_sound_mean(frames + from, to - from);
        out[i] = 100 * mean.val_ca, out[n + i] = 100 * mean.bioemu;
    }
    *ret_n = n;
    km_sound_free(asked);
    free(frames);
    return out;
}

/* At most 60 frames of the first trajectory: CA, then all that is no protein; [frame, 3 points]. */
static double *played(const km_portrait *p, const km_portrait_side *s, int *ret_frames, int *ret_points)
{
    enum { MOST = 60 };
    const km_system *system = p->c->system;
    int n = s->lengths[0] < MOST ? (int)s->lengths[0] : MOST, points = 0;
    int32_t *atoms = KM_NEWN(int32_t, (size_t)p->c->A);
    for (int32_t i = 0; i < p->n_ca; i++) atoms[points++] = p->ca[i];
    for (int32_t a = 0; a < p->c->A; a++)
        if (!km_eval_is_protein(system, system->atoms[a].residue)) atoms[points++] = a;
    double *out = KM_NEWN(double, (size_t)n *(size_t)points * 3);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 3 * points; k++)
            out[i * 3 * points + k] = s->x[(s->lengths[0] * i / n * p->c->A + atoms[k / 3]) * 3 + k % 3];
    *ret_frames = n, *ret_points = points;
    free(atoms);
    return out;
}

/* What is drawn between the points: i and j, and 0 between CA, 1 within what is no protein. */
static void keep_sticks(const km_portrait *p, km_eval_row *row)
{
    const km_system *s = p->c->system;
    int n = 0;
    int32_t others = 0, *which = KM_NEWN(int32_t, (size_t)p->c->A);
    double *out = KM_NEWN(double, 3 * ((size_t)p->n_ca + 8 * (size_t)p->c->A));
    for (int32_t i = 1; i < p->n_ca; i++) {
        const km_residue *a = &s->residues[s->atoms[p->ca[i - 1]].residue],
                         *b = &s->residues[s->atoms[p->ca[i]].residue];
        if (a->chain != b->chain || b->number - a->number > 1) continue;
        out[3 * n] = i - 1, out[3 * n + 1] = i, out[3 * n++ + 2] = 0;
    }
    for (int32_t a = 0; a < p->c->A; a++)
        if (!km_eval_is_protein(s, s->atoms[a].residue)) which[others++] = a;
    for (int32_t i = 0; i < others; i++)
        for (int32_t j = i + 1, most = 8; j < others && most > 0; j++) {
            if (km_chem_distance(p->c->start + 3 * which[i], p->c->start + 3 * which[j]) > 1.95) continue;
            out[3 * n] = p->n_ca + i, out[3 * n + 1] = p->n_ca + j, out[3 * n++ + 2] = 1, most--;
        }
    km_eval_keep(row, "sticks", out, 3, n);
    free(which);
}

void km_portrait_chains(const km_portrait *p, km_eval_row *row)
{
    const km_portrait_side *sides[2] = {&p->md, &p->model};
    for (int s = 0; s < 2; s++) {
        int n, points;
        double *y = structure(p, sides[s], &n);
        km_eval_keep(row, s ? "structure" : "md_structure", y, n, p->c->system->n_residues);
        km_eval_keep(row, s ? "rama" : "rama_md", ramachandran(p, sides[s]), KM_PAIR_BINS, KM_PAIR_BINS);
        y = soundness(p, sides[s], &n);
        km_eval_keep(row, s ? "sound" : "md_sound", y, n, 2);
        y = played(p, sides[s], &n, &points);
        km_eval_keep(row, s ? "played" : "md_played", y, 3 * points, n);
    }
    double *range = KM_NEWN(double, 4), *lengths = KM_NEWN(double, 2);
    range[0] = range[2] = -180, range[1] = range[3] = 180;
    km_eval_keep(row, "rama_range", range, 4, 1);
    lengths[0] = (double)p->md.lengths[0] * p->md.spacing, lengths[1] = (double)p->model.lengths[0] * p->model.spacing;
    km_eval_keep(row, "lengths", lengths, 2, 1);
    keep_sticks(p, row);
}
