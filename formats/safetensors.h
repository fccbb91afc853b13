/* SPDX-License-Identifier: MIT
 * safetensors: a mapped file of named tensors (github.com/huggingface/safetensors, format description).
 * Tests: tests/unit/test_safetensors.c, tests/fuzz/fuzz_safetensors.c */
#ifndef FORMATS_SAFETENSORS_H
#define FORMATS_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

typedef enum km_dtype {
    KM_F32 = 1, KM_F64, KM_F16, KM_BF16, KM_I32, KM_I64, KM_I16, KM_I8, KM_U8, KM_BOOL, KM_U16, KM_U32, KM_U64,
} km_dtype;
size_t km_dtype_size(km_dtype t);
const char *km_dtype_name(km_dtype t); /* "F32" */

enum { KM_ST_MAX_DIMS = 8 };

typedef struct km_st_tensor {
    const char *name;
    km_dtype dtype;
    int nd;
    int64_t shape[KM_ST_MAX_DIMS];
    const void *data; /* mapped; little-endian, aligned to the element */
    size_t bytes;
} km_st_tensor;

typedef struct km_safetensors km_safetensors;
/* Map and check everything: ranges, shapes against sizes, overlap, holes. KM_INPUT names what is wrong. */
km_status km_safetensors_open(const char *path, km_safetensors **ret, km_err *err) KM_MUST_USE;
void km_safetensors_close(km_safetensors *st);
int km_safetensors_count(const km_safetensors *st);
const km_st_tensor *km_safetensors_at(const km_safetensors *st, int i);      /* sorted by name */
const km_st_tensor *km_safetensors_find(const km_safetensors *st, const char *name); /* NULL: absent */
const char *km_safetensors_meta(const km_safetensors *st, const char *key);  /* NULL: absent */
int km_safetensors_meta_count(const km_safetensors *st);
void km_safetensors_meta_at(const km_safetensors *st, int i, const char **ret_key, const char **ret_value);

/* Write tensors and metadata through PATH.part and a rename. Order of the arguments does not matter: wide elements come
 * first (so that all are aligned), then by name, as the format's own writer does; the same input gives the same bytes.
 * Sizes that contradict shapes are a bug; KM_INPUT for names that are not UTF-8, KM_SYSTEM for the file. */
typedef struct km_st_meta {
    const char *key, *value;
} km_st_meta;
km_status km_safetensors_write(const char *path, const km_st_tensor *tensors, int n_tensors, const km_st_meta *meta,
                               int n_meta, km_err *err) KM_MUST_USE;
/* The same for tensors that do not lie in memory as they are to be written: opt_fetch gives the bytes of one when its
 * turn comes, valid until the next call. `data` is then the caller's. */
typedef const void *km_st_fetch(void *arg, const km_st_tensor *t);
km_status km_safetensors_write_with(const char *path, const km_st_tensor *tensors, int n_tensors,
                                    const km_st_meta *meta, int n_meta, km_st_fetch *opt_fetch, void *arg,
                                    km_err *err) KM_MUST_USE;
/* Tensors that lie elsewhere, as if a file held them; they and their names must outlive it. */
km_safetensors *km_safetensors_of(const km_st_tensor *tensors, int n_tensors, const km_st_meta *meta, int n_meta);

/* Any floating or integer tensor as f32 into out[count]; exact where f32 can hold it. */
void km_st_to_f32(const km_st_tensor *t, float *out);
/* f32 as KM_F32, KM_F16 or KM_BF16, rounded to the nearest, to even in the middle. */
void km_st_from_f32(const float *x, size_t n, km_dtype to, void *out);

#endif
