/* SPDX-License-Identifier: MIT */
#include "formats/zip_impl.h"

#include <string.h>

enum { MOST_ENTRIES = 10000000, UNIX = 3 };

static uint64_t get(const uint8_t *p, int bytes)
{
    uint64_t v = 0;
    while (bytes-- > 0) v = v << 8 | p[bytes];
    return v;
}

/* The end record, which an archive's comment may follow; NULL: there is none. */
static const uint8_t *find_end(const uint8_t *tail, size_t n)
{
    for (size_t comment = 0; comment <= 65535 && comment + END_BYTES <= n; comment++) {
        const uint8_t *p = tail + n - comment - END_BYTES;
        if (get(p, 4) == end_sign && get(p + 20, 2) == comment) return p;
    }
    return NULL;
}

km_status km_zip_locate(const uint8_t *tail, size_t n, uint64_t total, km_zip_directory *ret, km_err *err)
{
    const uint8_t *end = find_end(tail, n);
    if (!end) return km_fail(err, KM_INPUT, "truncated: the archive's directory is not at its end");
    km_zip_directory d = {get(end + 10, 2), get(end + 12, 4), get(end + 16, 4)};
    uint64_t before = total - n, at = before + (uint64_t)(end - tail);
    if (end - tail >= LOCATOR_BYTES && get(end - LOCATOR_BYTES, 4) == locator_sign) {
        uint64_t where = get(end - LOCATOR_BYTES + 8, 8);
        const uint8_t *p = where < before || where > at || at - where < END64_BYTES ? NULL : tail + (where - before);
        if (!p || get(p, 4) != end64_sign)
            return km_fail(err, KM_INPUT, "byte %llu: bad zip64 record", (unsigned long long)at - LOCATOR_BYTES);
        d = (km_zip_directory){get(p + 32, 8), get(p + 40, 8), get(p + 48, 8)};
    }
    if (d.offset > at || d.size > at - d.offset || d.count > d.size / ENTRY_BYTES)
        return km_fail(err, KM_INPUT, "byte %llu: the archive's directory lies outside of it", (unsigned long long)at);
    if (d.count > MOST_ENTRIES) return km_fail(err, KM_INPUT, "%llu members", (unsigned long long)d.count);
    *ret = d;
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

static bool is_regular(const uint8_t *p, const char *name, size_t n)
{
    uint64_t type = get(p + 5, 1) == UNIX ? get(p + 40, 2) & 0170000 : 0;
    return (type == 0 || type == 0100000) && n > 0 && name[n - 1] != '/';
}

/* The entry at p, of which `left` bytes are there, and its length; at: of the byte in the archive. */
static km_status read_entry(const uint8_t *p, uint64_t left, uint64_t at, km_arena *arena, km_zip_entry *e,
                            uint64_t *ret_length, km_err *err)
{
    if (left < ENTRY_BYTES || get(p, 4) != entry_sign)
        return km_fail(err, KM_INPUT, "byte %llu: no directory entry", (unsigned long long)at);
    size_t name = get(p + 28, 2), extra = get(p + 30, 2);
    *ret_length = ENTRY_BYTES + name + extra + get(p + 32, 2);
    e->size = get(p + 24, 4);
    e->packed = get(p + 20, 4);
    e->offset = get(p + 42, 4);
    if (*ret_length > left || memchr(p + ENTRY_BYTES, 0, name) ||
        !take_zip64(p + ENTRY_BYTES + name, extra, (uint64_t *[]){&e->size, &e->packed, &e->offset}))
        return km_fail(err, KM_INPUT, "byte %llu: bad directory entry", (unsigned long long)at);
    char *text = km_arena_zero(arena, name + 1);
    memcpy(text, p + ENTRY_BYTES, name);
    e->name = text;
    e->crc = (uint32_t)get(p + 16, 4);
    e->method = (uint16_t)get(p + 10, 2);
    e->encrypted = get(p + 8, 2) & 1;
    e->regular = is_regular(p, text, name);
    return KM_OK;
}

km_status km_zip_entries(const uint8_t *bytes, const km_zip_directory *d, km_arena *arena, km_zip_entry **ret,
                         km_err *err)
{
    KM_ASSERT(d->count <= d->size / ENTRY_BYTES); /* as km_zip_locate gives it */
    km_zip_entry *entries = km_arena_zero(arena, ((size_t)d->count + 1) * sizeof *entries);
    uint64_t at = 0;
    for (uint64_t i = 0; i < d->count; i++) {
        uint64_t length = 0;
        KM_TRY(read_entry(bytes + at, d->size - at, d->offset + at, arena, &entries[i], &length, err));
        if (entries[i].offset > d->offset || d->offset - entries[i].offset < LOCAL_BYTES ||
            entries[i].packed > d->offset - entries[i].offset - LOCAL_BYTES)
            return km_fail(err, KM_INPUT, "member '%.80s': its %llu bytes do not lie within the archive",
                           entries[i].name, (unsigned long long)entries[i].packed);
        at += length;
    }
    *ret = entries;
    return KM_OK;
}

km_status km_zip_data(const uint8_t *local, size_t n, const km_zip_entry *e, uint64_t *ret, km_err *err)
{
    size_t name = strlen(e->name);
    if (n < LOCAL_BYTES + name || get(local, 4) != local_sign || get(local + 26, 2) != name ||
        memcmp(local + LOCAL_BYTES, e->name, name) != 0)
        return km_fail(err, KM_INPUT, "member '%.80s': not at byte %llu", e->name, (unsigned long long)e->offset);
    *ret = LOCAL_BYTES + name + get(local + 28, 2);
    return KM_OK;
}
