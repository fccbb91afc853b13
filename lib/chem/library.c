/* SPDX-License-Identifier: MIT */
#include "lib/chem/library.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/sdf.h"
#include "formats/smiles.h"
#include "lib/base/mem.h"
#include "lib/chem/aromatic.h"
#include "lib/chem/perceive.h"
#include "lib/chem/residues.h"

typedef struct drawn {
    char *chain, *path;
    km_component *molecule;
    bool used;
} drawn;

struct km_library {
    char *path;
    km_ccd *dictionary;
    km_component **molecules, **cut; /* owned: from the dictionary; less some of their atoms, or known by no name */
    const km_component **whole;      /* of cut[i]: where it comes from, for those that lost their leaving atoms */
    drawn *drawn;
    int n_molecules, n_cut, n_drawn;
};

km_library *km_library_new(const char *opt_path)
{
    km_library *l = KM_NEW(km_library);
    if (opt_path) l->path = km_strdup(opt_path);
    return l;
}

void km_library_free(km_library *l)
{
    if (!l) return;
    for (int i = 0; i < l->n_molecules; i++) free(l->molecules[i]);
    for (int i = 0; i < l->n_cut; i++) free(l->cut[i]);
    for (int i = 0; i < l->n_drawn; i++)
        free(l->drawn[i].chain), free(l->drawn[i].path), free(l->drawn[i].molecule);
    free(l->drawn), free(l->molecules), free(l->cut), free(l->whole), free(l->path);
    km_ccd_close(l->dictionary);
    free(l);
}

static const km_component *keep(km_library *l, km_component *c)
{
    l->molecules = km_realloc(l->molecules, (size_t)(l->n_molecules + 1) * sizeof *l->molecules);
    return l->molecules[l->n_molecules++] = c;
}

/* An ion is its name; no dictionary is needed. */
static km_component *make_ion(const char *name)
{
    int charge, element = km_chem_ion(name, &charge);
    if (!element) return NULL;
    km_component *c = km_calloc(1, sizeof *c + sizeof(km_component_atom));
    km_component_atom *a = (km_component_atom *)(c + 1);
    *c = (km_component){.letter = 'X', .mol_type = KM_NONPOLYMER, .n_atoms = 1, .atoms = a};
    *a = (km_component_atom){.element = (uint8_t)element, .charge = (int8_t)charge};
    snprintf(c->name, sizeof c->name, "%s", name);
    snprintf(a->name, sizeof a->name, "%s", name);
    for (char *p = a->name; *p; p++)
        if (*p >= '0' && *p <= '9') *p = '\0'; /* the atom of FE2 is FE */
    return c;
}

static km_status from_dictionary(km_library *l, const char *name, km_component **ret, km_err *err)
{
    if (!l->path) return 0;
    if (!l->dictionary) KM_TRY(km_ccd_open(l->path, &l->dictionary, err));
    km_status status = km_ccd_find(l->dictionary, name, ret, err);
    if (status <= 0) return status;
    km_component *c = *ret;
    if (c->n_atoms == 0) {
        free(c);
        return km_fail(err, KM_INPUT, "component %s has no heavy atoms", name);
    }
    if (c->unplaced && c->n_atoms > 1) {
        free(c);
        return km_fail(err, KM_INPUT, "component %s has no coordinates in %.150s", name, l->path);
    }
    km_chem_find_aromatic(c->atoms, c->n_atoms, (km_component_bond *)c->bonds, c->n_bonds);
    return 1;
}

km_status km_library_molecule(km_library *l, const char *name, const km_component **ret, km_err *err)
{
    km_component *c = NULL;
    for (int i = 0; i < l->n_molecules; i++)
        if (strcmp(l->molecules[i]->name, name) == 0) return *ret = l->molecules[i], KM_OK;
    km_status status = from_dictionary(l, name, &c, err);
    if (status == 0) c = make_ion(name), status = c != NULL;
    if (status == 0 && l->path) return km_fail(err, KM_INPUT, "component %.20s is not in %.150s", name, l->path);
    if (status == 0)
        return km_fail(err, KM_INPUT,
                       "component %.20s is not built in (needs --ccd or $KM_CCD: a component dictionary)", name);
    if (status < 0) return status;
    *ret = keep(l, c);
    return KM_OK;
}

static const km_component *keep_cut(km_library *l, km_component *c)
{
    l->cut = km_realloc(l->cut, (size_t)(l->n_cut + 1) * sizeof *l->cut);
    l->whole = km_realloc(l->whole, (size_t)(l->n_cut + 1) * sizeof *l->whole);
    l->whole[l->n_cut] = NULL;
    return l->cut[l->n_cut++] = c;
}

const km_component *km_library_without(km_library *l, const km_component *c, const bool *leave)
{
    km_component *k = km_calloc(1, sizeof *k + (size_t)c->n_atoms * sizeof *c->atoms +
                                       (size_t)c->n_bonds * sizeof *c->bonds);
    km_component_atom *atoms = (km_component_atom *)(k + 1);
    km_component_bond *bonds = (km_component_bond *)(atoms + c->n_atoms);
    int *to = KM_NEWN(int, (size_t)c->n_atoms);
    *k = *c;
    k->atoms = atoms, k->bonds = bonds;
    k->n_atoms = k->n_bonds = 0;
    for (int i = 0; i < c->n_atoms; i++) {
        to[i] = leave[i] ? -1 : k->n_atoms;
        if (!leave[i]) atoms[k->n_atoms++] = c->atoms[i];
    }
    for (int i = 0; i < c->n_bonds; i++) {
        int a = to[c->bonds[i].a], b = to[c->bonds[i].b];
        if (a >= 0 && b >= 0) bonds[k->n_bonds++] = (km_component_bond){(uint16_t)a, (uint16_t)b, c->bonds[i].type};
    }
    free(to);
    return keep_cut(l, k);
}

km_status km_library_draw(km_library *l, const char *chain, const char *path, km_err *err)
{
    km_component *c;
    if (km_library_drawn(l, chain, false)) return km_fail(err, KM_USAGE, "chain %.20s is given two ligands", chain);
    KM_TRY(km_sdf_read(path, &c, err));
    km_chem_find_aromatic(c->atoms, c->n_atoms, (km_component_bond *)c->bonds, c->n_bonds);
    l->drawn = km_realloc(l->drawn, (size_t)(l->n_drawn + 1) * sizeof *l->drawn);
    l->drawn[l->n_drawn++] = (drawn){km_strdup(chain), km_strdup(path), c, false};
    return KM_OK;
}

const km_component *km_library_drawn(km_library *l, const char *chain, bool use)
{
    for (int i = 0; i < l->n_drawn; i++) {
        if (strcmp(l->drawn[i].chain, chain) != 0) continue;
        l->drawn[i].used = l->drawn[i].used || use;
        return l->drawn[i].molecule;
    }
    return NULL;
}

km_status km_library_check_used(const km_library *l, const char *opt_chain, km_err *err)
{
    for (int i = 0; i < l->n_drawn; i++)
        if (!l->drawn[i].used && (!opt_chain || strcmp(l->drawn[i].chain, opt_chain) == 0))
            return km_fail(err, KM_INPUT, "chain %.20s has no ligand with the atoms and bonds of %.150s",
                           l->drawn[i].chain, l->drawn[i].path);
    return KM_OK;
}

km_status km_library_smiles(km_library *l, const char *smiles, const km_component **ret, km_err *err)
{
    km_component *c;
    KM_TRY(km_smiles_read(smiles, &c, err));
    *ret = keep_cut(l, c);
    return KM_OK;
}

km_status km_library_perceive(km_library *l, const km_structure *raw, int32_t residue, const km_component **ret,
                              km_err *err)
{
    km_component *c;
    KM_TRY(km_chem_perceive_raw(raw, residue, &c, err));
    *ret = keep_cut(l, c);
    return KM_OK;
}

const km_component *km_library_named(km_library *l, const km_component *c, const km_name *names, const float *pos)
{
    bool *none = KM_NEWN(bool, (size_t)c->n_atoms);
    km_component *k = (km_component *)km_library_without(l, c, none);
    km_component_atom *atoms = (km_component_atom *)k->atoms;
    for (int i = 0; i < k->n_atoms; i++) {
        memcpy(atoms[i].name, names[i], sizeof atoms->name);
        if (c->unplaced) memcpy(atoms[i].pos, pos + 3 * i, sizeof atoms->pos);
    }
    k->unplaced = false;
    free(none);
    return k;
}

km_status km_library_residue(km_library *l, const char *name, const km_component **ret, km_err *err)
{
    const km_component *c = km_chem_component(name);
    if (c) return *ret = c, KM_OK;
    KM_TRY(km_library_molecule(l, name, &c, err));
    for (int i = 0; i < l->n_cut; i++)
        if (l->whole[i] == c) return *ret = l->cut[i], KM_OK;
    bool *leave = KM_NEWN(bool, (size_t)c->n_atoms);
    for (int i = 0; i < c->n_atoms; i++) leave[i] = c->atoms[i].leaves;
    *ret = km_library_without(l, c, leave);
    l->whole[l->n_cut - 1] = c;
    free(leave);
    return KM_OK;
}
