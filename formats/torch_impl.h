/* SPDX-License-Identifier: MIT
 * Between the parts of the reader of PyTorch checkpoints. */
#ifndef FORMATS_TORCH_IMPL_H
#define FORMATS_TORCH_IMPL_H

#include <stdio.h>

#include "formats/torch.h"
#include "lib/base/mem.h"

typedef struct km_zip_member {
    const char *name;
    const uint8_t *data;
    uint64_t size;
    uint32_t crc;
} km_zip_member;

/* The members of an archive in memory, in the arena, sorted by name. Only stored ones (not compressed) are known. */
km_status km_zip_list(const uint8_t *file, size_t bytes, km_arena *arena, km_zip_member **ret, int *ret_n,
                      km_err *err) KM_MUST_USE;
const km_zip_member *km_zip_find(const km_zip_member *members, int n, const char *name); /* NULL: absent */

/* The value of a pickle, in the arena. */
km_status km_pickle_read(const uint8_t *bytes, size_t n, km_arena *arena, km_pickle **ret, km_err *err) KM_MUST_USE;
km_pickle *km_pickle_new(km_arena *arena, km_pickle_kind kind);
/* A CLASS of this name ("module name")? */
bool km_pickle_named(const km_pickle *v, const char *name);
/* What a call of cls gives; NULL: it is one that only a hostile file has. args is a LIST. */
km_pickle *km_pickle_call(km_arena *arena, km_pickle *cls, km_pickle *args);
void km_pickle_append(km_arena *arena, km_pickle *list, km_pickle *item);

/* Writing an archive: every member is stored and begins at a multiple of 64 bytes. */
typedef struct km_zip_writer km_zip_writer;
km_zip_writer *km_zip_writer_new(FILE *f, const char *prefix);
/* All false on a failure to write, errno set. */
bool km_zip_add(km_zip_writer *w, const char *name, const void *data, size_t bytes);
bool km_zip_end(km_zip_writer *w);
void km_zip_writer_free(km_zip_writer *w);

#endif
