/* SPDX-License-Identifier: MIT
 * The stream's reader: the bytes as a stream, as a packed system, and as a message behind a good system (where
 * checksums would keep made-up bytes from getting further). */
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include "formats/km.h"
#include "lib/base/mem.h"
#include "tests/fuzz/fuzz.h"

static void drain(const void *data, size_t size)
{
    if (size == 0) return;
    km_msg m;
    km_err err;
    FILE *f = fmemopen((void *)data, size, "rb");
    km_reader *r = km_reader_new(f, "fuzz");
    while (km_reader_next(r, &m, &err) == 1) continue;
    km_reader_free(r);
    fclose(f);
}

/* A stream of this system and this message. */
static void behind(const km_system *s, const uint8_t *data, size_t size)
{
    char *stream = NULL;
    size_t n = 0, bound = ZSTD_compressBound(size);
    km_err err;
    FILE *f = open_memstream(&stream, &n);
    km_writer *w = km_writer_new(f, "fuzz");
    char *packed = km_alloc(bound);
    ZSTD_CCtx *z = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
    if (km_writer_system(w, s, &err) == KM_OK) fwrite(packed, 1, ZSTD_compress2(z, packed, bound, data, size), f);
    ZSTD_freeCCtx(z);
    free(packed);
    km_writer_free(w);
    fclose(f);
    drain(stream, n);
    free(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    km_err err;
    km_system *s, *empty = km_system_new();
    drain(data, size);
    behind(empty, data, size);
    if (km_system_unpack(data, size, &s, &err) == KM_OK) {
        void *again;
        size_t n;
        if (km_system_pack(s, &again, &n, &err) < 0) abort(); /* what is read can be written */
        free(again);
        behind(s, data, size);
        km_system_free(s);
    }
    km_system_free(empty);
    return 0;
}
