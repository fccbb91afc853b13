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

/* A tensor that travels behind its message in `rows`: what they are called, and where it lies in the record. */
typedef struct km_wire_part {
    const char *of; /* "trunk.z" */
    int64_t rows;
    size_t row_bytes;
    void *field; /* the address of the record's pointer */
} km_wire_part;
enum { KM_WIRE_MAX_PARTS = 9 };
/* The tensors of a record whose sizes are known, in the order in which they travel. Returns how many. */
int km_wire_trunk_parts(const km_trunk_result *t, km_wire_part out[KM_WIRE_MAX_PARTS]);
int km_wire_msa_parts(const km_msa *m, km_wire_part out[KM_WIRE_MAX_PARTS]);
int km_wire_templates_parts(const km_templates *t, km_wire_part out[KM_WIRE_MAX_PARTS]);
void *km_wire_part_data(const km_wire_part *part);
void km_wire_part_set(const km_wire_part *part, void *data); /* the record's from now on; NULL: nothing, owned */

/* The message itself, without its tensors. */
void km_wire_put_trunk(msgpack_packer *p, const km_trunk_result *t);
void km_wire_put_msa(msgpack_packer *p, const km_msa *m);
void km_wire_put_templates(msgpack_packer *p, const km_templates *t);
/* And back, into an empty record; KM_INPUT unless it is of N tokens. */
km_status km_wire_get_trunk(const msgpack_object *o, int32_t N, km_trunk_result *t, km_err *err) KM_MUST_USE;
km_status km_wire_get_msa(const msgpack_object *o, int32_t N, km_msa *m, km_err *err) KM_MUST_USE;
km_status km_wire_get_templates(const msgpack_object *o, int32_t N, km_templates *t, km_err *err) KM_MUST_USE;

/* Value of this key in an unpacked map, or NULL. */
const msgpack_object *km_wire_get(const msgpack_object *map, const char *key);
/* A whole number in [low, high] under this key; KM_INPUT names the key. */
km_status km_wire_int(const msgpack_object *map, const char *key, int64_t low, int64_t high, int64_t *ret, km_err *err)
    KM_MUST_USE;
/* A text under this key as an owned string, "" where there is none. KM_INPUT for another type or a NUL inside. */
km_status km_wire_string(const msgpack_object *map, const char *key, char **ret, km_err *err) KM_MUST_USE;

#endif
