/* SPDX-License-Identifier: MIT
 * A case as a protein with a ligand. */
#include "tools/eval_complex.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/superpose.h"
#include "lib/chem/geometry.h"

static bool is_backbone(const char *name)
{
    return !strcmp(name, "N") || !strcmp(name, "CA") || !strcmp(name, "C") || !strcmp(name, "O");
}

/* What is no protein, or the chain that is named. */
static bool is_ligand(const km_eval_case *c, int32_t residue)
{
    const km_system *s = c->system;
    const char *chain = c->options->ligand;
    return chain ? !strcmp(s->chains[s->residues[residue].chain].name, chain) : !km_eval_is_protein(s, residue);
}

static void take_atoms(const km_eval_case *c, km_eval_complex *x)
{
    const km_system *s = c->system;
    for (int32_t a = 0; a < c->A; a++) {
        x->residue[a] = s->atoms[a].residue;
        if (is_ligand(c, s->atoms[a].residue)) {
            x->ligand[x->list.n_ligand++] = a;
            continue;
        }
        x->protein[x->list.n_protein++] = a;
        if (is_backbone(s->atoms[a].name)) x->fit[a] = 1, x->n_fit++;
    }
}

static void add_bond(km_eval_complex *x, int32_t i, int32_t j)
{
    x->bonds = km_realloc(x->bonds, (size_t)(x->list.n_bonds + 1) * sizeof *x->bonds);
    x->bonds[x->list.n_bonds][0] = i, x->bonds[x->list.n_bonds++][1] = j;
}

/* Those of the file; without any, heavy atoms near enough in the start structure. */
static void take_bonds(const km_eval_case *c, km_eval_complex *x)
{
    const double reach = 1.95, halogens = 2.3; /* C-C to C-S; C-Br, C-I, S-S */
    const km_system *s = c->system;
    int32_t *place = KM_NEWN(int32_t, (size_t)c->A);
    for (int32_t i = 0; i < x->list.n_ligand; i++) place[x->ligand[i]] = i + 1;
    for (int32_t b = 0; b < s->n_bonds; b++)
        if (place[s->bonds[b].a] && place[s->bonds[b].b])
            add_bond(x, place[s->bonds[b].a] - 1, place[s->bonds[b].b] - 1);
    x->guessed = !x->list.n_bonds;
    for (int32_t i = 0; i < x->list.n_ligand && x->guessed; i++)
        for (int32_t j = i + 1; j < x->list.n_ligand; j++) {
            int32_t a = x->ligand[i], b = x->ligand[j];
            bool large = s->atoms[a].element > 15 && s->atoms[b].element > 15;
            large |= s->atoms[a].element > 20 || s->atoms[b].element > 20;
            if (km_chem_distance(c->start + 3 * a, c->start + 3 * b) < (large ? halogens : reach)) add_bond(x, i, j);
        }
    free(place);
}

bool km_eval_complex_of(const km_eval_case *c, km_eval *e, const km_eval_row *row, km_eval_complex *ret)
{
    size_t A = (size_t)c->A;
    *ret = (km_eval_complex){.ligand = KM_NEWN(int32_t, A),
                             .protein = KM_NEWN(int32_t, A),
                             .residue = KM_NEWN(int32_t, A),
                             .fit = KM_NEWN(float, A)};
    take_atoms(c, ret);
    take_bonds(c, ret);
    ret->list.n_atoms = c->A, ret->list.n_residues = c->system->n_residues, ret->list.start = c->start;
    ret->list.ligand = ret->ligand, ret->list.protein = ret->protein, ret->list.residue = ret->residue;
    ret->list.bonds = (const int32_t(*)[2])ret->bonds;
    uint8_t *elements = KM_NEWN(uint8_t, A);
    for (int32_t i = 0; i < ret->list.n_ligand; i++) elements[i] = c->system->atoms[ret->ligand[i]].element;
    ret->symmetry = km_symmetry_of(elements, ret->list.n_ligand, ret->list.bonds, ret->list.n_bonds);
    ret->list.symmetry = &ret->symmetry;
    free(elements);
    if (ret->symmetry.cut)
        km_eval_note(e, "%s: of the ways to exchange the ligand's symmetric atoms %d are tried", row->name,
                     KM_SYMMETRY_MOST);
    if (!ret->list.n_ligand || ret->n_fit < 3) {
        km_eval_note(e, "%s: nothing is computed: %s", row->name,
                     ret->list.n_ligand ? "the protein has fewer than three atoms of backbone in common"
                                        : "there is no ligand in common");
        return false;
    }
    if (!ret->list.n_bonds)
        km_eval_note(e, "%s: the ligand has no bonds: their lengths, angles and clashes are not defined", row->name);
    else if (ret->guessed)
        km_eval_note(e, "%s: the ligand's bonds are those that the start structure's distances suggest", row->name);
    return true;
}

void km_eval_complex_superpose(const km_eval_case *c, const km_eval_complex *x, float *frames, int64_t n)
{
#pragma omp parallel for schedule(static) num_threads(c->options->threads)
    for (int64_t f = 0; f < n; f++) {
        double rot[9], from[3], to[3];
        float *frame = frames + f * c->A * 3;
        km_superpose(frame, c->start, x->fit, c->A, rot, from, to);
        km_superpose_apply(frame, c->A, rot, from, to, frame);
    }
}

void km_eval_complex_clear(km_eval_complex *x)
{
    free(x->ligand), free(x->protein), free(x->residue), free(x->fit), free(x->bonds);
    km_symmetry_clear(&x->symmetry);
    *x = (km_eval_complex){0};
}
