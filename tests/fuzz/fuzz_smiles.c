/* SPDX-License-Identifier: MIT
 * Any bytes as SMILES, where libkm-rdkit.so is built. Corpus: tests/data/fuzz/smiles. */
#include <math.h>
#include <stdlib.h>

#include "formats/smiles.h"
#include "tests/fuzz/fuzz.h"

enum { LONGEST = 200 }; /* conformers of more atoms take seconds */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    km_component *c;
    km_err err;
    if (size > LONGEST) return 0;
    char *text = malloc(size + 1);
    for (size_t i = 0; i < size; i++) text[i] = (char)data[i];
    text[size] = '\0';
    if (km_smiles_read(text, &c, &err) == KM_OK) {
        for (int i = 0; i < c->n_bonds; i++)
            if (c->bonds[i].a >= c->bonds[i].b || c->bonds[i].b >= c->n_atoms) abort();
        for (int i = 0; i < c->n_atoms; i++)
            if (!isfinite(c->atoms[i].pos[0] + c->atoms[i].pos[1] + c->atoms[i].pos[2])) abort();
        free(c);
    }
    free(text);
    return 0;
}
