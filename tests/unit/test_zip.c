/* SPDX-License-Identifier: MIT */
#include "formats/zip.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/tap.h"

static uint8_t *load(const char *path, size_t *n)
{
    uint8_t *p = km_alloc(1 << 16);
    FILE *f = fopen(path, "rb");
    *n = f ? fread(p, 1, 1 << 16, f) : 0;
    if (f) fclose(f);
    return p;
}

/* As from afar: only the last bytes, in memory of just that size. */
static km_status list(const uint8_t *file, size_t n, size_t tail, km_arena *a, km_zip_entry **ret, km_zip_directory *d,
                      km_err *err)
{
    uint8_t *last = memcpy(km_alloc(tail), file + n - tail, tail);
    km_status status = km_zip_locate(last, tail, n, d, err);
    free(last);
    return status == KM_OK ? km_zip_entries(file + d->offset, d, a, ret, err) : status;
}

static void test_read(const char *path, size_t tail)
{
    size_t n;
    uint8_t *file = load(path, &n);
    km_arena *arena = km_arena_new();
    km_zip_entry *e = NULL;
    km_zip_directory d = {0};
    km_err err = {0};
    if (ok(list(file, n, tail, arena, &e, &d, &err) == KM_OK && d.count == 4, "%s: by its last %zu bytes: %s", path,
           tail, err.msg)) {
        ok(!strcmp(e[0].name, "a/") && !e[0].regular && !strcmp(e[1].name, "a/text") && e[1].regular && e[1].size == 6,
           "a folder, a file");
        ok(!strcmp(e[2].name, "b/link") && !e[2].regular, "a link is no file");
        ok(e[3].size == 1000 && e[3].packed < 100 && e[3].method == 8 && e[3].crc == 0x13b9d7e7, "sizes and checksum");
        uint64_t begin;
        ok(km_zip_data(file + e[3].offset, n - e[3].offset, &e[3], &begin, &err) == KM_OK && begin >= 36, "its data");
        ok(km_zip_data(file + e[3].offset, n - e[3].offset, &e[1], &begin, &err) == KM_INPUT, "another's header");
        ok(km_zip_data(file + e[3].offset, 20, &e[3], &begin, &err) == KM_INPUT, "a cut header");
    }
    km_arena_free(arena);
    free(file);
}

/* Cut anywhere there is no directory at the end; a changed byte leads nowhere outside. */
static void test_damage(const char *path)
{
    size_t n;
    uint8_t *file = load(path, &n);
    km_zip_entry *e;
    km_zip_directory d;
    km_err err;
    int wrong = 0, outside = 0;
    for (size_t k = 0; k < n; k++) {
        km_arena *arena = km_arena_new();
        wrong += list(file, k, k, arena, &e, &d, &err) != KM_INPUT;
        km_arena_free(arena);
    }
    ok(n > 400 && wrong == 0, "%s: %d of %zu cuts are taken for whole", path, wrong, n);
    for (size_t k = 0; k < n * 8; k++) {
        km_arena *arena = km_arena_new();
        file[k / 8] ^= (uint8_t)(1 << k % 8);
        if (list(file, n, n, arena, &e, &d, &err) == KM_OK)
            for (uint64_t i = 0; i < d.count; i++) outside += e[i].offset > n || e[i].packed > n - e[i].offset;
        file[k / 8] ^= (uint8_t)(1 << k % 8);
        km_arena_free(arena);
    }
    ok(outside == 0, "%s: a changed bit leads outside %d times", path, outside);
    free(file);
}

int main(void)
{
    static const char plain[] = "tests/data/fuzz/zip/plain.zip", large[] = "tests/data/fuzz/zip/zip64.zip";
    test_read(plain, 200);
    test_read(large, 400);
    test_damage(plain);
    test_damage(large);
    return tap_end();
}
