/* SPDX-License-Identifier: MIT
 * Any bytes as Boltz-2's input, YAML or FASTA. Corpus: tests/data/fuzz/schema. */
#include <stdlib.h>

#include "lib/chem/schema.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    km_library *l = km_library_new(NULL);
    km_schema in;
    km_err err;
    char *text = malloc(size + 1);
    for (size_t i = 0; i < size; i++) text[i] = (char)data[i];
    text[size] = '\0';
    if (km_schema_read(text, size, "fuzz", l, &in, &err) == KM_OK) {
        if (km_system_check(in.system, &err) < 0) abort(); /* what is accepted is sound */
        km_schema_clear(&in);
    }
    km_library_free(l);
    free(text);
    return 0;
}
