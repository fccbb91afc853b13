/* SPDX-License-Identifier: MIT
 * Any bytes as SDF or MOL. Corpus: tests/data/fuzz/sdf. */
#include <stdlib.h>
#include <string.h>

#include "formats/sdf.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    km_component *c;
    km_err err;
    char *text = malloc(size + 1);
    for (size_t i = 0; i < size; i++) text[i] = (char)data[i];
    text[size] = '\0';
    if (km_sdf_parse(text, "fuzz", &c, &err) == KM_OK) {
        for (int i = 0; i < c->n_bonds; i++)
            if (c->bonds[i].a >= c->bonds[i].b || c->bonds[i].b >= c->n_atoms) abort();
        free(c);
    }
    free(text);
    return 0;
}
