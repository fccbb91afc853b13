/* SPDX-License-Identifier: MIT */
#include "formats/km_wire.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

uint8_t *km_bytes_room(km_bytes *b, size_t n)
{
    if (b->size - b->n < n) {
        b->size = b->n + n > 2 * b->size ? b->n + n : 2 * b->size;
        b->data = km_realloc(b->data, b->size);
    }
    return b->data + b->n;
}

void km_bytes_add(km_bytes *b, const void *p, size_t n)
{
    if (n) memcpy(km_bytes_room(b, n), p, n);
    b->n += n;
}

int km_bytes_write(void *data, const char *p, size_t n)
{
    km_bytes_add(data, p, n);
    return 0;
}

/* A big-endian number of n bytes. */
static uint64_t number(const uint8_t *p, int n)
{
    uint64_t v = 0;
    for (int i = 0; i < n; i++) v = v << 8 | p[i];
    return v;
}

/* What a value's first byte says: bytes of head behind it, bytes of payload, values inside. */
typedef struct head {
    int width;          /* bytes of length field, 0 for none */
    uint64_t payload;   /* without the length field's own count */
    bool counts_bytes;  /* the length field counts payload bytes */
    uint64_t values;
    int per_value;      /* the length field counts values: 1 in an array, 2 in a map; 0 otherwise */
} head;

static bool read_head(uint8_t c, head *h)
{
    *h = (head){0};
    if (c <= 0x7f || c >= 0xe0 || c == 0xc0 || c == 0xc2 || c == 0xc3) return true;
    if (c <= 0x8f) return h->values = 2 * (c & 15u), true;
    if (c <= 0x9f) return h->values = c & 15u, true;
    if (c <= 0xbf) return h->payload = c & 31u, true;
    if (c == 0xc1) return false;
    if (c <= 0xc6) return h->width = 1 << (c - 0xc4), h->counts_bytes = true;             /* bin */
    if (c <= 0xc9) return h->width = 1 << (c - 0xc7), h->payload = 1, h->counts_bytes = true; /* ext: a type byte */
    if (c <= 0xcb) return h->payload = c == 0xca ? 4 : 8, true;                            /* float */
    if (c <= 0xcf) return h->payload = (uint64_t)1 << (c - 0xcc), true;                    /* unsigned */
    if (c <= 0xd3) return h->payload = (uint64_t)1 << (c - 0xd0), true;                    /* signed */
    if (c <= 0xd8) return h->payload = 1 + ((uint64_t)1 << (c - 0xd4)), true;              /* fixed ext */
    if (c <= 0xdb) return h->width = 1 << (c - 0xd9), h->counts_bytes = true;             /* text */
    h->width = c & 1 ? 4 : 2;                                                             /* dc dd: array, de df: map */
    h->per_value = c <= 0xdd ? 1 : 2;
    return true;
}

const uint8_t *km_wire_skip(const uint8_t *p, const uint8_t *end)
{
    uint64_t left[KM_WIRE_MAX_DEPTH + 1] = {1}; /* values still to come at each depth */
    for (int depth = 0;;) {
        head h;
        if (p >= end || !read_head(*p++, &h)) return NULL;
        if (end - p < h.width) return NULL;
        uint64_t length = number(p, h.width);
        p += h.width;
        if (h.counts_bytes) h.payload += length;
        h.values += (uint64_t)h.per_value * length;
        if (h.payload > (uint64_t)(end - p) || h.values > (uint64_t)(end - p)) return NULL;
        p += h.payload;
        left[depth]--;
        if (h.values) {
            if (depth == KM_WIRE_MAX_DEPTH) return NULL;
            left[++depth] = h.values;
        }
        while (left[depth] == 0) {
            if (depth-- == 0) return p;
        }
    }
}

int64_t km_wire_map(const uint8_t **p, const uint8_t *end)
{
    const uint8_t *at = *p;
    if (at >= end) return -1;
    int width = *at == 0xde ? 2 : *at == 0xdf ? 4 : 0;
    if ((!width && (*at & 0xf0) != 0x80) || end - at < 1 + width) return -1;
    *p = at + 1 + width;
    return width ? (int64_t)number(at + 1, width) : *at & 15;
}

int64_t km_wire_text(const uint8_t *p, const uint8_t *end, const char **ret)
{
    if (p >= end) return -1;
    int width = *p >= 0xd9 && *p <= 0xdb ? 1 << (*p - 0xd9) : 0;
    if ((!width && (*p & 0xe0) != 0xa0) || end - p < 1 + width) return -1;
    int64_t n = width ? (int64_t)number(p + 1, width) : *p & 31;
    *ret = (const char *)p + 1 + width;
    return n <= (const char *)end - *ret ? n : -1;
}

bool km_wire_is(const msgpack_object *o, const char *text)
{
    return o->type == MSGPACK_OBJECT_STR && o->via.str.size == strlen(text) &&
           !memcmp(o->via.str.ptr, text, strlen(text));
}

void km_wire_put_text(msgpack_packer *p, const char *text)
{
    size_t n = text ? strlen(text) : 0;
    msgpack_pack_str(p, n);
    if (n) msgpack_pack_str_body(p, text, n);
}

void km_wire_put_bin(msgpack_packer *p, const void *data, size_t n)
{
    msgpack_pack_bin(p, n);
    if (n) msgpack_pack_bin_body(p, data, n);
}

const msgpack_object *km_wire_get(const msgpack_object *map, const char *key)
{
    for (uint32_t i = 0; i < map->via.map.size; i++)
        if (km_wire_is(&map->via.map.ptr[i].key, key)) return &map->via.map.ptr[i].val;
    return NULL;
}

km_status km_wire_int(const msgpack_object *map, const char *key, int64_t low, int64_t high, int64_t *ret, km_err *err)
{
    const msgpack_object *o = km_wire_get(map, key);
    if (!o) return km_fail(err, KM_INPUT, "%s: missing", key);
    bool negative = o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER;
    if (!negative && (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER || o->via.u64 > INT64_MAX))
        return km_fail(err, KM_INPUT, "%s: not a whole number", key);
    int64_t v = negative ? o->via.i64 : (int64_t)o->via.u64;
    if (v < low || v > high) return km_fail(err, KM_INPUT, "%s: %lld is out of range", key, (long long)v);
    *ret = v;
    return KM_OK;
}

km_status km_wire_string(const msgpack_object *map, const char *key, char **ret, km_err *err)
{
    const msgpack_object *o = km_wire_get(map, key);
    *ret = NULL;
    if (o && (o->type != MSGPACK_OBJECT_STR || (o->via.str.size && memchr(o->via.str.ptr, 0, o->via.str.size))))
        return km_fail(err, KM_INPUT, "%s: not a text", key);
    size_t n = o ? o->via.str.size : 0;
    *ret = km_alloc(n + 1);
    if (n) memcpy(*ret, o->via.str.ptr, n);
    (*ret)[n] = 0;
    return KM_OK;
}
