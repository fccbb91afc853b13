/* SPDX-License-Identifier: MIT
 * The directory of a zip archive, with or without zip64 records (PKWARE's APPNOTE, sections 4.3 to 4.5), read from the
 * archive's last bytes alone, so that members can be taken out of one that is elsewhere. Unpacking is libarchive's.
 * Tests: tests/unit/test_zip.c */
#ifndef FORMATS_ZIP_H
#define FORMATS_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/mem.h"

/* So many last bytes of an archive hold its end records, whatever comment follows them. */
enum { KM_ZIP_TAIL = 65535 + 22 + 20 + 56 };

typedef struct km_zip_directory {
    uint64_t count, size, offset; /* entries; bytes; where in the archive */
} km_zip_directory;

typedef struct km_zip_entry {
    const char *name;
    uint64_t size, packed; /* bytes as a file, and in the archive */
    uint64_t offset;       /* of its local header, which its data follow */
    uint32_t crc;          /* of the file */
    uint16_t method;       /* 0: stored */
    bool encrypted;
    bool regular;          /* a file: no folder, link or device */
} km_zip_entry;

/* Find the directory of an archive of `total` bytes by its last n: KM_ZIP_TAIL of them, or all when there are fewer.
 * KM_INPUT: no archive, a truncated one, or a directory that lies outside of it. */
km_status km_zip_locate(const uint8_t *tail, size_t n, uint64_t total, km_zip_directory *ret, km_err *err) KM_MUST_USE;
/* The entries of a directory of d->size bytes, in its order, d->count of them, in the arena. Names are as they stand:
 * any bytes but NUL. KM_INPUT: damage. */
km_status km_zip_entries(const uint8_t *bytes, const km_zip_directory *d, km_arena *arena, km_zip_entry **ret,
                         km_err *err) KM_MUST_USE;
/* Where e's data begin, as an offset from its local header, whose n bytes (or the first n of archive from there) are
 * given. KM_INPUT: they are no local header, or that of another member. */
km_status km_zip_data(const uint8_t *local, size_t n, const km_zip_entry *e, uint64_t *ret, km_err *err) KM_MUST_USE;

#endif
