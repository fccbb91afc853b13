/* SPDX-License-Identifier: MIT
 * Any bytes as an alignment. Corpus: tests/data/fuzz/msa. */
#include <stdio.h>
#include <stdlib.h>

#include "formats/msa.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    km_alignment *a;
    km_err err;
    FILE *f = tmpfile();
    if (!f || fwrite(data, 1, size, f) != size) abort();
    for (int keys = 0; keys < 2; keys++) {
        rewind(f);
        if (km_alignment_read_file(f, "fuzz", &(km_alignment_options){100, keys}, &a, &err) < 0) continue;
        for (int64_t i = 0; i < (int64_t)a->n_rows * a->n_columns; i++)
            if ((a->letters[i] != '-' && (a->letters[i] < 'A' || a->letters[i] > 'Z')) || a->deletions[i] < 0) abort();
        km_alignment_free(a);
    }
    fclose(f);
    return 0;
}
