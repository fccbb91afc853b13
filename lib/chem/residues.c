/* SPDX-License-Identifier: MIT */
#include "lib/chem/residues.h"

#include <string.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))
#include "lib/chem/residues_data.inc"

const km_component *km_chem_component(const char *name)
{
    for (int i = 0; i < COUNT(components); i++)
        if (strcmp(components[i].name, name) == 0) return &components[i];
    return NULL;
}

const km_component *km_chem_component_of_class(int res_type)
{
    int i = res_type - KM_RES_FIRST;
    return i >= 0 && i < COUNT(components) ? &components[i] : NULL;
}

const km_component *km_chem_component_of_letter(char letter, int mol_type)
{
    for (int i = 0; i < COUNT(components); i++)
        if (components[i].letter == letter && components[i].mol_type == mol_type) return &components[i];
    return NULL;
}

int km_chem_component_atom(const km_component *c, const char *name)
{
    for (int i = 0; i < c->n_atoms; i++)
        if (strcmp(c->atoms[i].name, name) == 0) return i;
    return -1;
}

void km_chem_component_frame(const km_component *c, int out[3])
{
    bool protein = c->mol_type == KM_PROTEIN;
    out[0] = km_chem_component_atom(c, protein ? "N" : "C4'");
    out[1] = km_chem_component_atom(c, protein ? "CA" : "C1'");
    out[2] = km_chem_component_atom(c, protein ? "C" : "C3'");
}
