/* SPDX-License-Identifier: MIT
 * What reader and writer of the stream share: bytes that grow, and msgpack values found without building them. */
#ifndef FORMATS_KM_WIRE_H
#define FORMATS_KM_WIRE_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/km.h"
#include "lib/base/err.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "float fields are copied as they lie in memory");

enum {
    KM_WIRE_MAX_ROWS = 16 << 20,       /* bytes of data in one `rows` message */
    KM_WIRE_MAX_MESSAGE = 1 << 30,     /* plain bytes of one message */
    KM_WIRE_MAX_DEPTH = 24,            /* of nested arrays and maps */
    KM_WIRE_MAX_TRAJECTORY = 1 << 20,
};

typedef struct km_bytes {
    uint8_t *data;
    size_t n, size;
} km_bytes;
/* Make room for n more bytes and return where they go; b->n is not changed. */
uint8_t *km_bytes_room(km_bytes *b, size_t n);
void km_bytes_add(km_bytes *b, const void *p, size_t n);
/* A msgpack packer's write callback; data is a km_bytes. */
int km_bytes_write(void *data, const char *p, size_t n);

/* The end of the msgpack value at p, or NULL where it is not whole, not msgpack or nested too deep. No length is
 * believed beyond `end`, so that what passes may be unpacked without fear for memory. */
const uint8_t *km_wire_skip(const uint8_t *p, const uint8_t *end);
/* The number of entries of the map at *p, which moves behind the map's head; -1 where there is no map. */
int64_t km_wire_map(const uint8_t **p, const uint8_t *end);
/* The text at p, which is not NUL-terminated: its length, and where it begins; -1 where there is no text. */
int64_t km_wire_text(const uint8_t *p, const uint8_t *end, const char **ret);
/* Is the value a text that says just this? */
bool km_wire_is(const msgpack_object *o, const char *text);

/* Where a stream stands within a system. */
typedef struct km_wire_place {
    int64_t n_frames, n_messages; /* since `system`; messages count it */
    uint32_t crc;                 /* of all bytes since and with it */
    int32_t n_atoms;
} km_wire_place;
km_wire_place km_wire_place_of(const km_reader *r);

void km_wire_put_text(msgpack_packer *p, const char *text); /* NULL is written as "" */
void km_wire_put_bin(msgpack_packer *p, const void *data, size_t n);

/* Value of this key in an unpacked map, or NULL. */
const msgpack_object *km_wire_get(const msgpack_object *map, const char *key);
/* A whole number in [low, high] under this key; KM_INPUT names the key. */
km_status km_wire_int(const msgpack_object *map, const char *key, int64_t low, int64_t high, int64_t *ret, km_err *err)
    KM_MUST_USE;
/* A text under this key as an owned string, "" where there is none. KM_INPUT for another type or a NUL inside. */
km_status km_wire_string(const msgpack_object *map, const char *key, char **ret, km_err *err) KM_MUST_USE;

#endif
