/* SPDX-License-Identifier: MIT */
#include "formats/slurp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/base/io.h"
#include "lib/base/mem.h"

#define MAX_BYTES ((size_t)4 << 30)
enum { BLOCK = 1 << 20 };

typedef struct text {
    char *data;
    size_t n, size;
} text;

/* Room for a block and the NUL. */
static void make_room(text *t)
{
    if (t->size - t->n > BLOCK) return;
    t->size = 2 * t->size + 2 * BLOCK;
    t->data = km_realloc(t->data, t->size);
}

static km_status read_plain(FILE *f, const char *name, text *t, km_err *err)
{
    size_t got = 1;
    /* not again after a failure: a read that a signal broke off would wait once more */
    while (!ferror(f) && got > 0 && t->n < MAX_BYTES) {
        make_room(t);
        t->n += got = fread(t->data + t->n, 1, BLOCK, f);
    }
    if (ferror(f)) return km_fail(err, KM_SYSTEM, "%.150s: cannot read: %s", name, strerror(errno));
    return KM_OK;
}

static km_status unpack(const text *packed, const char *name, text *t, km_err *err)
{
    z_stream z = {0};
    int code = Z_OK;
    size_t at = 0;
    if (inflateInit2(&z, 15 + 16) != Z_OK) return km_fail(err, KM_SYSTEM, "%.150s: cannot start zlib", name);
    while (t->n < MAX_BYTES) {
        if (z.avail_in == 0) {
            z.next_in = (Bytef *)packed->data + at;
            z.avail_in = packed->n - at < BLOCK ? (uInt)(packed->n - at) : BLOCK;
            at += z.avail_in;
        }
        make_room(t);
        z.next_out = (Bytef *)t->data + t->n, z.avail_out = BLOCK;
        code = inflate(&z, Z_NO_FLUSH);
        t->n += BLOCK - z.avail_out;
        if (code == Z_STREAM_END && (z.avail_in > 0 || at < packed->n)) code = inflateReset(&z);
        else if (code != Z_OK) break;
    }
    inflateEnd(&z);
    if (code == Z_BUF_ERROR) return km_fail(err, KM_INPUT, "%.150s: truncated gzip data", name);
    if (code != Z_STREAM_END && t->n < MAX_BYTES) return km_fail(err, KM_INPUT, "%.150s: damaged gzip data", name);
    return KM_OK;
}

km_status km_slurp_file(FILE *f, const char *name, char **ret_text, size_t *ret_n, km_err *err)
{
    text raw = {0}, plain = {0};
    km_status status = read_plain(f, name, &raw, err);
    if (status == KM_OK && raw.n > 1 && !memcmp(raw.data, "\x1f\x8b", 2)) {
        status = unpack(&raw, name, &plain, err);
        free(raw.data);
        raw = plain;
    }
    if (status == KM_OK && raw.n >= MAX_BYTES) status = km_fail(err, KM_INPUT, "%.150s: 4 GiB or larger", name);
    if (status < 0) {
        free(raw.data);
        return status;
    }
    raw.data[raw.n] = '\0';
    *ret_text = raw.data;
    *ret_n = raw.n;
    return KM_OK;
}

km_status km_slurp(const char *path, char **ret_text, size_t *ret_n, km_err *err)
{
    FILE *f;
    KM_TRY(km_input_open(path, &f, err));
    km_status status = km_slurp_file(f, path, ret_text, ret_n, err);
    km_input_close(f);
    return status;
}
