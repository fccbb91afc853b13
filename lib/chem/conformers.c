/* SPDX-License-Identifier: MIT */
#include "lib/chem/conformers.h"

#include <string.h>

#include "lib/base/system.h"
#include "lib/chem/conformers_data.inc"

const float *km_chem_conformer_place(const char *residue, const char *atom)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (strcmp(places[i].residue, residue) == 0 && strcmp(places[i].atom, atom) == 0) return places[i].pos;
    return NULL;
}
