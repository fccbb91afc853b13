/* SPDX-License-Identifier: MIT
 * Any bytes as the directory of a zip archive. Corpus: tests/data/fuzz/zip. */
#include <stdlib.h>
#include <string.h>

#include "formats/zip.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    km_zip_directory d;
    km_zip_entry *entries;
    km_err err;
    size_t n = size < KM_ZIP_TAIL ? size : KM_ZIP_TAIL;
    if (km_zip_locate(data + size - n, n, size, &d, &err) < 0) return 0;
    km_arena *arena = km_arena_new();
    if (km_zip_entries(data + d.offset, &d, arena, &entries, &err) == KM_OK)
        for (uint64_t i = 0; i < d.count; i++) {
            const km_zip_entry *e = &entries[i];
            uint64_t begin;
            if (e->offset > size || e->packed > size || (e->regular && !*e->name)) abort();
            if (km_zip_data(data + e->offset, size - e->offset, e, &begin, &err) == KM_OK && begin < strlen(e->name))
                abort();
        }
    km_arena_free(arena);
    return 0;
}
