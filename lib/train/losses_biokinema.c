/* SPDX-License-Identifier: MIT
 * Contents: 1. weights  2. pairs that stay near  3. terms */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/train/losses_impl.h"

#define NEAR 15.0
#define NOISY 1e-3 /* angstrom: a frame of less is a condition */

typedef struct work {
    km_ctx *cx;
    const km_loss_config *c;
    const km_loss_inputs *in;
    const km_tensor *x;
    bool parts;
    km_tensor *total;
    /* in the arena: they must outlive backward */
    float *every, *frame, *noisy; /* [T] 1; the level's weight over the number of frames; 0/1 */
    float *atom, *each;           /* [A] an atom's weight, 0 for an invalid one; over the number of all atoms */
    int32_t *valid_type;          /* [A] its type, that of a protein for an invalid one */
} work;

/* -- 1. weights */

static void make_weights(work *w)
{
    const km_loss_inputs *in = w->in;
    size_t T = (size_t)in->T * sizeof(float), A = (size_t)in->A * sizeof(float);
    w->every = km_arena_zero(w->cx->arena, T), w->frame = km_arena_zero(w->cx->arena, T);
    w->noisy = km_arena_zero(w->cx->arena, T);
    w->atom = km_arena_zero(w->cx->arena, A), w->each = km_arena_zero(w->cx->arena, A);
    w->valid_type = km_arena_zero(w->cx->arena, A);
    double valid = 1e-6, sd = w->c->sigma_data;
    for (km_dim t = 0; t < in->T; t++) {
        double s = in->sigma[t];
        w->every[t] = 1, w->noisy[t] = s > NOISY;
        if (s > 0) w->frame[t] = (float)((s * s + sd * sd) / (s * s * sd * sd * (double)in->T));
    }
    for (km_dim a = 0; a < in->A; a++) valid += in->atom_mask[a] != 0;
    for (km_dim a = 0; a < in->A; a++) {
        if (in->atom_mask[a] == 0) continue;
        double weight = w->c->mol_weights[in->mol_type[a]];
        w->atom[a] = (float)(weight / (3 * valid)), w->each[a] = (float)(weight / (double)in->A);
        w->valid_type[a] = in->mol_type[a];
    }
}

/* -- 2. pairs that stay near */

typedef struct pair_list {
    km_dim n, room;
    int32_t *pairs; /* [n, 2] */
    float *weight;  /* [n] */
} pair_list;

static double distance(const float *x, const int32_t pair[2])
{
    double d[3];
    for (int k = 0; k < 3; k++) d[k] = (double)x[3 * pair[0] + k] - x[3 * pair[1] + k];
    return sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
}

/* Atoms of nucleotides look twice as far. */
static double reach(const km_loss_inputs *in, int32_t a)
{
    return in->mol_type[a] == 1 || in->mol_type[a] == 2 ? 2 * NEAR : NEAR;
}

/* In how many of its two orders a pair is near in every frame; the mean distance. */
static int stays_near(const km_loss_inputs *in, const int32_t pair[2], double *ret_mean)
{
    double most = 0, sum = 0;
    for (km_dim t = 0; t < in->T; t++) {
        double d = distance(in->x_gt + t * in->A * 3, pair);
        most = fmax(most, d), sum += d;
    }
    *ret_mean = sum / (double)in->T;
    return (most < reach(in, pair[0])) + (most < reach(in, pair[1]));
}

static bool is_wanted(const km_loss_inputs *in, bool local, km_dim i, km_dim j)
{
    if (in->atom_mask[i] == 0 || in->atom_mask[j] == 0) return false;
    return local ? in->residue[i] == in->residue[j] : in->opt_traced[i] != 0 && in->opt_traced[j] != 0;
}

/* A ligand's atoms count more: by 5 and 10, on top of the 1 of all. */
static double type_weight(const km_loss_inputs *in, const int32_t pair[2])
{
    int ligands = (in->mol_type[pair[0]] == 3) + (in->mol_type[pair[1]] == 3);
    return ligands == 0 ? 1 : ligands == 1 ? 6 : 11;
}

static void put_pair(pair_list *l, const int32_t pair[2], double weight)
{
    if (l->n == l->room) {
        l->room = l->room ? 2 * l->room : 1024;
        l->pairs = km_realloc(l->pairs, (size_t)l->room * 2 * sizeof *l->pairs);
        l->weight = km_realloc(l->weight, (size_t)l->room * sizeof *l->weight);
    }
    memcpy(l->pairs + 2 * l->n, pair, 2 * sizeof *pair);
    l->weight[l->n++] = (float)weight;
}

/* Within residues all alike; between traced atoms 4, 2 or 1 for up to 5 A, 10 A and beyond, of mean 1, times the
 * types'. */
static km_tensor *spread(const work *w, bool local)
{
    const km_loss_inputs *in = w->in;
    pair_list list = {0};
    double all = 0, mean;
    for (int32_t i = 0; i < in->A; i++)
        for (int32_t j = i + 1; j < in->A; j++) {
            const int32_t pair[2] = {i, j};
            int orders = is_wanted(in, local, i, j) ? stays_near(in, pair, &mean) : 0;
            if (orders == 0) continue;
            double near = local ? orders : orders * (mean <= 5 ? 4 : mean <= 10 ? 2 : 1);
            all += near;
            put_pair(&list, pair, local ? near : near * type_weight(in, pair));
        }
    int32_t *pairs = km_arena_get(w->cx->arena, (size_t)(2 * list.n + 1) * sizeof *pairs);
    float *weight = km_arena_get(w->cx->arena, (size_t)(list.n + 1) * sizeof *weight);
    for (km_dim p = 0; p < list.n; p++) {
        memcpy(pairs + 2 * p, list.pairs + 2 * p, 2 * sizeof *pairs);
        weight[p] = (float)(list.weight[p] / all);
    }
    free(list.pairs), free(list.weight);
    return km_loss_spread(w->cx, w->x, in->x_gt, pairs, weight, list.n);
}

/* -- 3. terms */

static km_tensor *bonds(const work *w, const int32_t *bonds, km_dim n)
{
    return km_loss_bond(w->cx, w->x, w->in->x_gt, w->frame, bonds, NULL, NULL, n);
}

static km_tensor *motion(const work *w, float speed, float memory, float reach)
{
    const float *chosen = w->in->opt_traced ? w->in->opt_traced : w->in->atom_mask;
    return km_loss_motion(w->cx, w->x, w->in->x_gt, w->every, w->each, chosen, (float[3]){speed, memory, reach},
                          w->c->lags);
}

/* A term's value, and its part in the total. */
static double add(work *w, double weight, float *ret_value, km_tensor *y)
{
    *ret_value = km_read(w->cx, y)[0];
    km_tensor *part = weight > 0 ? km_scale(w->cx, y, (float)weight) : NULL;
    if (part) w->total = w->total ? km_add(w->cx, w->total, part) : part;
    return weight * *ret_value;
}

static bool wants(const work *w, double weight) { return weight > 0 || w->parts; }

static void add_frames(work *w, km_loss_values *v)
{
    const km_loss_config *c = w->c;
    const km_loss_inputs *in = w->in;
    add(w, 1, &v->structure, km_loss_struct(w->cx, w->x, in->x_gt, w->frame, w->atom));
    if (in->n_bonds > 0 && wants(w, c->alpha_bond)) add(w, c->alpha_bond, &v->bond, bonds(w, in->bonds, in->n_bonds));
    if (in->n_ligand_bonds > 0 && wants(w, c->alpha_ligand_bond))
        add(w, c->alpha_ligand_bond, &v->ligand_bond, bonds(w, in->ligand_bonds, in->n_ligand_bonds));
    if (wants(w, c->alpha_lddt))
        add(w, c->alpha_lddt, &v->lddt,
            km_loss_lddt(w->cx, w->x, in->x_gt, w->noisy, in->atom_mask, in->mol_type, (float)NEAR));
    if (wants(w, c->beta_center))
        add(w, c->beta_center, &v->center, km_loss_center(w->cx, w->x, in->x_gt, w->frame, w->valid_type));
}

static void add_ensemble(work *w, km_loss_values *v)
{
    const km_loss_config *c = w->c;
    const double flex = c->ensemble * c->beta_flex, abs = flex * c->beta_abs, global = flex * c->beta_rel_g,
                 local = flex * c->beta_rel_l, speed = c->ensemble * c->velocity,
                 memory = c->ensemble * c->autocorrelation;
    double sum = 0;
    if (wants(w, abs)) sum += add(w, abs, &v->flex_abs, motion(w, 0, 0, 1));
    if (wants(w, global)) sum += add(w, global, &v->flex_global, spread(w, false));
    if (wants(w, local)) sum += add(w, local, &v->flex_local, spread(w, true));
    v->flex = flex > 0 ? (float)(sum / flex) : 0;
    if (wants(w, speed)) add(w, speed, &v->velocity, motion(w, 1, 0, 0));
    if (wants(w, memory)) add(w, memory, &v->autocorrelation, motion(w, 0, 1, 0));
    if (w->in->opt_markov && wants(w, c->tica))
        add(w, c->ensemble * c->tica, &v->tica,
            km_loss_markov(w->cx, w->x, w->in->x_gt, w->every, w->in->opt_markov, w->in->opt_population,
                           c->tica_parts));
}

km_tensor *km_losses_biokinema(km_ctx *cx, const km_loss_config *c, const km_loss_inputs *in, const km_tensor *x,
                               bool parts, km_loss_values *v)
{
    work w = {.cx = cx, .c = c, .in = in, .x = x, .parts = parts};
    make_weights(&w);
    add_frames(&w, v);
    add_ensemble(&w, v);
    v->total = km_read(cx, w.total)[0];
    return w.total;
}
