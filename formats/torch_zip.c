/* SPDX-License-Identifier: MIT
 * The members of a checkpoint's zip archive, stored as they are, and writing one (PKWARE's APPNOTE, sections 4.3 to
 * 4.5). */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "formats/torch_impl.h"
#include "formats/zip_impl.h"

enum {
    ALIGN = 64,
    VERSION = 45, /* the first that has zip64 */
};

/* A member that lies in the file as it is, by its directory entry. */
static km_status take_stored(const uint8_t *file, const km_zip_entry *e, size_t bytes, km_zip_member *m, km_err *err)
{
    uint64_t begin;
    if (e->encrypted || e->method != 0 || e->packed != e->size)
        return km_fail(err, KM_INPUT, "member '%.80s' is compressed or encrypted", e->name);
    KM_TRY(km_zip_data(file + e->offset, bytes - (size_t)e->offset, e, &begin, err));
    if (begin > bytes - e->offset || e->size > bytes - e->offset - begin)
        return km_fail(err, KM_INPUT, "member '%.80s': its %llu bytes do not lie within the file", e->name,
                       (unsigned long long)e->size);
    *m = (km_zip_member){e->name, file + e->offset + begin, e->size, e->crc};
    return KM_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const km_zip_member *)a)->name, ((const km_zip_member *)b)->name);
}

km_status km_zip_list(const uint8_t *file, size_t bytes, km_arena *arena, km_zip_member **ret, int *ret_n, km_err *err)
{
    km_zip_directory d;
    km_zip_entry *entries;
    KM_TRY(km_zip_locate(file, bytes, bytes, &d, err));
    KM_TRY(km_zip_entries(file + d.offset, &d, arena, &entries, err));
    km_zip_member *members = km_arena_zero(arena, ((size_t)d.count + 1) * sizeof *members);
    for (uint64_t i = 0; i < d.count; i++) KM_TRY(take_stored(file, &entries[i], bytes, &members[i], err));
    qsort(members, (size_t)d.count, sizeof *members, by_name);
    for (uint64_t i = 1; i < d.count; i++)
        if (strcmp(members[i - 1].name, members[i].name) == 0)
            return km_fail(err, KM_INPUT, "member '%.80s' is there twice", members[i].name);
    *ret = members;
    *ret_n = (int)d.count;
    return KM_OK;
}

const km_zip_member *km_zip_find(const km_zip_member *members, int n, const char *name)
{
    km_zip_member key = {.name = name};
    return bsearch(&key, members, (size_t)n, sizeof *members, by_name);
}

/* -- writing */

struct km_zip_writer {
    FILE *file;
    const char *prefix;
    uint8_t *directory;
    size_t n, room;
    uint64_t at, count;
};

km_zip_writer *km_zip_writer_new(FILE *f, const char *prefix)
{
    km_zip_writer *w = KM_NEW(km_zip_writer);
    w->file = f;
    w->prefix = prefix;
    return w;
}

void km_zip_writer_free(km_zip_writer *w)
{
    free(w->directory);
    free(w);
}

static uint8_t *put(uint8_t *p, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) *p++ = (uint8_t)(v >> 8 * i);
    return p;
}

static bool write_bytes(km_zip_writer *w, const void *p, size_t n)
{
    w->at += n;
    return n == 0 || fwrite(p, n, 1, w->file) == 1;
}

/* What a local header and a directory entry have in common: version needed to name length. Sizes are in the extra. */
static uint8_t *put_common(uint8_t *p, uint32_t crc, size_t name)
{
    p = put(p, VERSION, 2);
    p = put(p, 0, 4);                /* no flags, stored */
    p = put(p, 0x00210000, 4);       /* midnight, 1 January 1980 */
    p = put(p, crc, 4);
    p = put(p, 0xffffffffffffffff, 8);
    return put(p, name, 2);
}

bool km_zip_add(km_zip_writer *w, const char *name, const void *data, size_t bytes)
{
    char *full = km_asprintf("%s/%s", w->prefix, name);
    size_t len = strlen(full);
    uint32_t crc = (uint32_t)crc32_z(crc32_z(0, NULL, 0), data, bytes);
    uint64_t start = w->at, plain = start + LOCAL_BYTES + len + 20 + 4; /* where data would begin without padding */
    size_t pad = (size_t)((ALIGN - plain % ALIGN) % ALIGN), room = LOCAL_BYTES + len + 24 + pad;

    uint8_t *head = km_calloc(1, room), *p = put_common(put(head, local_sign, 4), crc, len);
    p = put(p, 24 + pad, 2);
    memcpy(p, full, len);
    p = put(put(put(put(p + len, 1, 2), 16, 2), bytes, 8), bytes, 8);
    put(put(p, 0x4246, 2), pad, 2); /* a field that readers pass over, as PyTorch pads */
    bool good = write_bytes(w, head, room) && write_bytes(w, data, bytes);
    free(head);

    if (w->n + ENTRY_BYTES + len + 28 > w->room) {
        w->room = 2 * w->room + ENTRY_BYTES + len + 28;
        w->directory = km_realloc(w->directory, w->room);
    }
    p = put_common(put(put(w->directory + w->n, entry_sign, 4), VERSION, 2), crc, len);
    p = put(put(put(p, 28, 2), 0, 2), 0, 8); /* extra, comment, disk, attributes */
    p = put(p, UINT32_MAX, 4);
    memcpy(p, full, len);
    p = put(put(put(put(put(p + len, 1, 2), 24, 2), bytes, 8), bytes, 8), start, 8);
    w->n = (size_t)(p - w->directory);
    w->count++;
    free(full);
    return good;
}

bool km_zip_end(km_zip_writer *w)
{
    uint8_t tail[END64_BYTES + LOCATOR_BYTES + END_BYTES];
    uint64_t offset = w->at;
    uint32_t count = w->count < 65535 ? (uint32_t)w->count : 65535;
    uint8_t *p = put(put(put(tail, end64_sign, 4), END64_BYTES - 12, 8), VERSION, 2);
    p = put(put(put(put(p, VERSION, 2), 0, 8), w->count, 8), w->count, 8);
    p = put(put(p, w->n, 8), offset, 8);
    p = put(put(put(put(p, locator_sign, 4), 0, 4), offset + w->n, 8), 1, 4);
    p = put(put(put(put(p, end_sign, 4), 0, 4), count, 2), count, 2);
    p = put(put(p, w->n < UINT32_MAX ? w->n : UINT32_MAX, 4), offset < UINT32_MAX ? offset : UINT32_MAX, 4);
    p = put(p, 0, 2);
    KM_ASSERT(p == tail + sizeof tail);
    return write_bytes(w, w->directory, w->n) && write_bytes(w, tail, sizeof tail);
}
