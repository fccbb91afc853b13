/* SPDX-License-Identifier: MIT
 * Any bytes as a component dictionary, mmCIF or BinaryCIF. Corpus: tests/data/fuzz/ccd. */
#include <stdlib.h>

#include "formats/ccd.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    km_ccd *d;
    km_err err;
    char *text = malloc(size + 1); /* readers are promised a NUL behind it */
    for (size_t i = 0; i < size; i++) text[i] = (char)data[i];
    text[size] = '\0';
    if (km_ccd_parse(text, size, "fuzz", &d, &err) == KM_OK) {
        for (int i = 0; i < km_ccd_count(d) && i < 100; i++) {
            km_name name;
            km_component *c;
            km_ccd_name(d, i, name);
            if (km_ccd_find(d, name, &c, &err) != 1) abort();
            free(c);
        }
        km_ccd_close(d);
    }
    free(text);
    return 0;
}
