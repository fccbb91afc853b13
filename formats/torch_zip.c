/* SPDX-License-Identifier: MIT
 * The central directory of a zip archive, with or without zip64 records (PKWARE's APPNOTE, sections 4.3 to 4.5), and
 * writing one. Local headers are looked at for where their data begins, and must have the directory's name. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "formats/torch_impl.h"

enum {
    END_BYTES = 22,
    END64_BYTES = 56,
    LOCATOR_BYTES = 20,
    ENTRY_BYTES = 46,
    LOCAL_BYTES = 30,
    ALIGN = 64,
    VERSION = 45, /* the first that has zip64 */
};
static const uint32_t end_sign = 0x06054b50, end64_sign = 0x06064b50, locator_sign = 0x07064b50,
                      entry_sign = 0x02014b50, local_sign = 0x04034b50;

static uint64_t get(const uint8_t *p, int bytes)
{
    uint64_t v = 0;
    while (bytes-- > 0) v = v << 8 | p[bytes];
    return v;
}

/* The end record, which an archive's comment may follow; NULL: there is none. */
static const uint8_t *find_end(const uint8_t *file, size_t bytes)
{
    for (size_t comment = 0; comment <= 65535 && comment + END_BYTES <= bytes; comment++) {
        const uint8_t *p = file + bytes - comment - END_BYTES;
        if (get(p, 4) == end_sign && get(p + 20, 2) == comment) return p;
    }
    return NULL;
}

typedef struct directory {
    uint64_t count, size, offset;
} directory;

static km_status find_directory(const uint8_t *file, size_t bytes, directory *d, km_err *err)
{
    const uint8_t *end = find_end(file, bytes);
    if (!end) return km_fail(err, KM_INPUT, "truncated: the archive's directory is not at its end");
    *d = (directory){get(end + 10, 2), get(end + 12, 4), get(end + 16, 4)};
    size_t at = (size_t)(end - file);
    if (at >= LOCATOR_BYTES && get(end - LOCATOR_BYTES, 4) == locator_sign) {
        uint64_t where = get(end - LOCATOR_BYTES + 8, 8);
        if (where > at || at - where < END64_BYTES || get(file + where, 4) != end64_sign)
            return km_fail(err, KM_INPUT, "byte %zu: bad zip64 record", at - LOCATOR_BYTES);
        *d = (directory){get(file + where + 32, 8), get(file + where + 40, 8), get(file + where + 48, 8)};
    }
    if (d->offset > at || d->size > at - d->offset || d->count > d->size / ENTRY_BYTES)
        return km_fail(err, KM_INPUT, "byte %zu: the archive's directory lies outside of it", at);
    return KM_OK;
}

/* Sizes and offset that do not fit 32 bits stand in an extra field, in this order, those that do not fit alone. */
static bool take_zip64(const uint8_t *extra, size_t n, uint64_t *values[3])
{
    while (n >= 4) {
        size_t len = get(extra + 2, 2);
        const uint8_t *p = extra + 4, *end = p + len;
        if (len > n - 4) return false;
        if (get(extra, 2) == 1) {
            for (int i = 0; i < 3; i++) {
                if (*values[i] != UINT32_MAX) continue;
                if (end - p < 8) return false;
                *values[i] = get(p, 8);
                p += 8;
            }
            return true;
        }
        extra = end;
        n -= 4 + len;
    }
    return true;
}

/* The member that the directory's entry at p says, and the entry's length; left: bytes of the directory from p on. */
static km_status read_entry(const uint8_t *file, size_t bytes, const uint8_t *p, size_t left, km_arena *arena,
                            km_zip_member *m, size_t *ret_length, km_err *err)
{
    long long at = p - file;
    if (left < ENTRY_BYTES || get(p, 4) != entry_sign)
        return km_fail(err, KM_INPUT, "byte %lld: no directory entry", at);
    size_t name = get(p + 28, 2), extra = get(p + 30, 2), length = ENTRY_BYTES + name + extra + get(p + 32, 2);
    uint64_t packed = get(p + 20, 4), offset = get(p + 42, 4);
    m->size = get(p + 24, 4);
    m->crc = (uint32_t)get(p + 16, 4);
    if (length > left || !take_zip64(p + ENTRY_BYTES + name, extra, (uint64_t *[]){&m->size, &packed, &offset}))
        return km_fail(err, KM_INPUT, "byte %lld: bad directory entry", at);
    char *text = km_arena_zero(arena, name + 1);
    memcpy(text, p + ENTRY_BYTES, name);
    m->name = text;
    if (get(p + 8, 2) & 1 || get(p + 10, 2) != 0 || packed != m->size)
        return km_fail(err, KM_INPUT, "member '%.80s' is compressed or encrypted", m->name);
    if (offset > bytes || bytes - offset < LOCAL_BYTES + name || get(file + offset, 4) != local_sign ||
        get(file + offset + 26, 2) != name || memcmp(file + offset + LOCAL_BYTES, text, name) != 0)
        return km_fail(err, KM_INPUT, "member '%.80s': not at byte %llu", m->name, (unsigned long long)offset);
    uint64_t data = offset + LOCAL_BYTES + name + get(file + offset + 28, 2);
    if (data > bytes || m->size > bytes - data)
        return km_fail(err, KM_INPUT, "member '%.80s': its %llu bytes do not lie within the file", m->name,
                       (unsigned long long)m->size);
    m->data = file + data;
    *ret_length = length;
    return KM_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const km_zip_member *)a)->name, ((const km_zip_member *)b)->name);
}

km_status km_zip_list(const uint8_t *file, size_t bytes, km_arena *arena, km_zip_member **ret, int *ret_n, km_err *err)
{
    directory d = {0};
    KM_TRY(find_directory(file, bytes, &d, err));
    if (d.count > 10000000) return km_fail(err, KM_INPUT, "%llu members", (unsigned long long)d.count);
    km_zip_member *members = km_arena_zero(arena, ((size_t)d.count + 1) * sizeof *members);
    size_t at = 0;
    for (uint64_t i = 0; i < d.count; i++) {
        size_t length = 0;
        KM_TRY(read_entry(file, bytes, file + d.offset + at, (size_t)d.size - at, arena, &members[i], &length, err));
        at += length;
    }
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
