/* SPDX-License-Identifier: MIT
 * Cutting systems that are too large: which tokens stay (Abramson et al. 2024, supplement 2.7), and the system of
 * them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/rng.h"
#include "lib/chem/select.h"
#include "lib/train/data.h"

typedef struct choice {
    const km_train_system *whole;
    const km_system *system;
    bool *keep; /* [tokens] */
    int kept, most;
    km_rng rng;
    uint32_t draws;
} choice;

static double uniform(choice *c)
{
    double u[4];
    km_rng_uniform4(&c->rng, c->draws++, u);
    return u[0];
}

static int below(choice *c, int n)
{
    int i = (int)(uniform(c) * n);
    return i < n ? i : n - 1;
}

static void keep(choice *c, int token)
{
    c->kept += !c->keep[token];
    c->keep[token] = true;
}

static bool of_ligand(const choice *c, int token)
{
    return c->whole->mol_type[c->system->tokens[token].repr_atom] == KM_NONPOLYMER;
}

/* The ligand's tokens where they leave room for others. */
static void keep_ligand(choice *c)
{
    int n = 0;
    for (int i = 0; i < c->system->n_tokens; i++) n += of_ligand(c, i);
    for (int i = 0; i < c->system->n_tokens && n < c->most; i++)
        if (of_ligand(c, i)) keep(c, i);
}

typedef struct distance {
    double d;
    int token;
} distance;

static int nearer(const void *a, const void *b)
{
    const distance *p = a, *q = b;
    return p->d < q->d ? -1 : p->d > q->d ? 1 : p->token - q->token;
}

/* What is nearest to a random token, one of the ligand's where it was kept; a token without a place comes last. */
static void keep_near(choice *c, const float *x)
{
    const km_system *s = c->system;
    int n = s->n_tokens, of = c->kept ? c->kept : n, number = below(c, of), centre = 0;
    for (int i = 0; i < n; i++)
        if ((c->keep[i] || c->kept == 0) && number-- == 0) centre = i;
    distance *list = KM_NEWN(distance, (size_t)n);
    const float *at = x + 3 * (size_t)s->tokens[centre].repr_atom;
    for (int i = 0; i < n; i++) {
        const float *y = x + 3 * (size_t)s->tokens[i].repr_atom;
        double d = pow(y[0] - at[0], 2) + pow(y[1] - at[1], 2) + pow(y[2] - at[2], 2);
        list[i] = (distance){c->whole->atom_mask[s->tokens[i].repr_atom] != 0 ? d : INFINITY, i};
    }
    qsort(list, (size_t)n, sizeof *list, nearer);
    for (int i = 0; i < n && c->kept < c->most; i++) keep(c, list[i].token);
    free(list);
}

/* One run of tokens of every chain, chains in random order. */
static void keep_runs(choice *c)
{
    const km_system *s = c->system;
    int *first = KM_NEWN(int, (size_t)s->n_tokens + 1), chains = 0, left = s->n_tokens - c->kept;
    for (int i = 0; i < s->n_tokens; i++)
        if (i == 0 || s->tokens[i].asym_id != s->tokens[i - 1].asym_id) first[chains++] = i;
    bool *done = KM_NEWN(bool, (size_t)chains);
    for (int round = 0; round < chains; round++) {
        int chain = 0, number = below(c, chains - round);
        while (done[chain] || number-- > 0) chain++;
        done[chain] = true;
        int begin = first[chain], end = chain + 1 < chains ? first[chain + 1] : s->n_tokens, n = end - begin;
        if (c->keep[begin]) continue; /* a ligand */
        left -= n;
        int room = c->most - c->kept, most = n < room ? n : room, least = room - left > 0 ? room - left : 0;
        if (least > most) least = most;
        int size = least + below(c, most - least + 1), from = begin + below(c, n - size + 1);
        for (int i = from; i < from + size; i++) keep(c, i);
    }
    free(done), free(first);
}

static km_train_system *make_cut(const choice *c, bool all_bonds, int32_t **ret_atoms)
{
    const km_system *s = c->system;
    bool *mask = KM_NEWN(bool, (size_t)s->n_atoms);
    int32_t *atoms = KM_NEWN(int32_t, (size_t)s->n_atoms), *mol_type = KM_NEWN(int32_t, (size_t)s->n_atoms), n = 0;
    for (int a = 0; a < s->n_atoms; a++) {
        mask[a] = s->atoms[a].token >= 0 && c->keep[s->atoms[a].token];
        if (mask[a]) mol_type[n] = c->whole->mol_type[a], atoms[n++] = a;
    }
    km_system *cut = km_chem_cut(s, mask);
    km_train_system *t = KM_NEW(km_train_system);
    *t = (km_train_system){.path = c->whole->path, .file = c->whole->file, .dt = c->whole->dt, .set = c->whole->set,
                           .residues = c->whole->residues,
                           .features = km_features_of(km_family_of(cut), cut, NULL, NULL)};
    km_train_system_fill(t, cut, mol_type, all_bonds);
    km_system_free(cut);
    free(mask), free(mol_type);
    *ret_atoms = atoms;
    return t;
}

km_train_system *km_train_crop(const km_train_system *whole, int most, bool spatial, bool all_bonds, const float *x,
                               uint64_t seed, uint32_t number, int32_t **ret_atoms, int32_t **ret_tokens)
{
    const km_system *s = km_h5md_system(whole->file);
    choice c = {.whole = whole, .system = s, .keep = KM_NEWN(bool, (size_t)s->n_tokens), .most = most,
                .rng = km_rng_of(seed, KM_RNG_SAMPLE, number, -2, 0)};
    keep_ligand(&c);
    if (spatial) keep_near(&c, x);
    else keep_runs(&c);
    km_train_system *t = make_cut(&c, all_bonds, ret_atoms);
    *ret_tokens = KM_NEWN(int32_t, (size_t)c.kept);
    for (int i = 0, n = 0; i < s->n_tokens; i++)
        if (c.keep[i]) (*ret_tokens)[n++] = i;
    free(c.keep);
    return t;
}
