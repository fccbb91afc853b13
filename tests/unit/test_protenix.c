/* SPDX-License-Identifier: MIT
 * Features of lib/model's second family against those that BioKinema's own featuriser makes of the same structure
 * (tests/data/protenix.txt, made by make_protenix.py). Conformers are turned at random there and here: what counts is
 * the distances within them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/chem/tokens.h"
#include "lib/model/model.h"
#include "tests/unit/tap.h"

#define DATA "tests/data/"
enum { MOST = 256, C8 = 52 /* the token of ATP's */ };

typedef struct theirs {
    int n_tokens, n_bonds, n_atoms;
    int token[MOST][5], bond[MOST][2]; /* restype, residue_index, asym_id, entity_id, sym_id */
    int atom[MOST][5];                 /* token, element - 1, charge, mask, uid */
    char name[MOST][8];
    float pos[MOST][3];
} theirs;

static theirs *read_theirs(void)
{
    FILE *f = fopen(DATA "protenix.txt", "r");
    theirs *t = KM_NEW(theirs);
    char line[256];
    while (f && fgets(line, sizeof line, f)) {
        int *k = t->token[t->n_tokens], *b = t->bond[t->n_bonds], *a = t->atom[t->n_atoms];
        float *x = t->pos[t->n_atoms];
        if (sscanf(line, "token %d %d %d %d %d", k, k + 1, k + 2, k + 3, k + 4) == 5) t->n_tokens++;
        else if (sscanf(line, "bond %d %d", b, b + 1) == 2) t->n_bonds++;
        else if (sscanf(line, "atom %d %d %d %d %7s %d %f %f %f", a, a + 1, a + 2, a + 3, t->name[t->n_atoms], a + 4, x,
                        x + 1, x + 2) == 9)
            t->n_atoms++;
    }
    if (f) fclose(f);
    return t;
}

static void test_tokens(const theirs *t, const km_features *f)
{
    int off[5] = {0}, bonds = 0, listed = 0;
    for (int n = 0; n < t->n_tokens; n++) {
        const int ours[5] = {f->res_type[n], f->residue_index[n], f->asym_id[n], f->entity_id[n], f->sym_id[n]};
        for (int k = 0; k < 5; k++) off[k] += ours[k] != t->token[n][k];
    }
    static const char *const names[5] = {"classes of residues", "residue numbers", "chains", "entities", "copies"};
    for (int k = 0; k < 5; k++) ok(off[k] == 0, "%s: %d differ", names[k], off[k]);
    for (km_dim i = 0; i < f->N; i++)
        for (km_dim j = 0; j < i; j++) bonds += f->token_bonds[i * f->N + j] != 0;
    for (int b = 0; b < t->n_bonds; b++) listed += f->token_bonds[t->bond[b][0] * f->N + t->bond[b][1]] != 0;
    /* Theirs takes a ligand's from distances, and C8 and N7 of ATP, 1.30 A apart, for too near. */
    ok(t->n_bonds > 30 && listed == t->n_bonds && bonds == listed + 1 && f->token_bonds[C8 * f->N + C8 + 1] != 0,
       "bonds between tokens: %d, %d of %d there", bonds, listed, t->n_bonds);
}

static double apart(const float *x, const float *y)
{
    return sqrt(pow(x[0] - y[0], 2) + pow(x[1] - y[1], 2) + pow(x[2] - y[2], 2));
}

static void test_atoms(const theirs *t, const km_features *f)
{
    int off[5] = {0}, names = 0;
    double worst = 0;
    for (int a = 0; a < t->n_atoms; a++) {
        const int ours[5] = {f->atom_token[a], f->ref_element[a] - 1, (int)f->ref_charge[a], f->ref_mask[a] != 0,
                             f->ref_space_uid[a]};
        char name[5] = "";
        for (int k = 0; k < 4; k++) name[k] = (char)(f->ref_name[4 * a + k] + 32);
        name[strcspn(name, " ")] = 0;
        for (int k = 0; k < 5; k++) off[k] += ours[k] != t->atom[a][k];
        names += strcmp(name, t->name[a]) != 0;
        for (int b = 0; b < a; b++)
            if (t->atom[a][4] == t->atom[b][4])
                worst = fmax(worst,
                             fabs(apart(t->pos[a], t->pos[b]) - apart(f->ref_pos + 3 * a, f->ref_pos + 3 * b)));
    }
    static const char *const what[5] = {"tokens of atoms", "elements", "charges", "what conformers know", "residues"};
    for (int k = 0; k < 5; k++) ok(off[k] == 0, "%s: %d differ", what[k], off[k]);
    ok(names == 0, "names: %d differ", names);
    ok(worst < 0.003, "distances within conformers: %.4f off at most", worst);
}

int main(void)
{
    km_structure *raw;
    km_tokenized t;
    km_err err = {0};
    km_library *library = km_library_new(DATA "oracle/features-components.cif");
    const km_token_options options = {.library = library};
    theirs *given = read_theirs();
    if (ok(km_structure_read(DATA "protenix.cif", 1, &raw, &err) == KM_OK, "read: %s", err.msg) &&
        ok(km_chem_tokenize_protenix(raw, &options, 1, &t, &err) == KM_OK, "tokenised: %s", err.msg)) {
        km_features *f = km_features_of(km_family_find("biokinema"), t.system, NULL, NULL);
        if (ok(f->N == given->n_tokens && f->A == given->n_atoms && f->token_bonds, "%d tokens and %d atoms, as many",
               (int)f->N, (int)f->A)) {
            test_tokens(given, f);
            test_atoms(given, f);
        }
        km_features_free(f);
        km_tokenized_clear(&t);
        km_structure_free(raw);
    }
    km_library_free(library);
    free(given);
    return tap_end();
}
