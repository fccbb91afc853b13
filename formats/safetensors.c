/* SPDX-License-Identifier: MIT
 * Reading: an 8-byte little-endian header length, a JSON object of that length, the data. Nothing of the header is
 * believed before it is checked against the length of the file. */
#include "formats/safetensors.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/io.h"
#include "lib/base/mem.h"

enum { MAX_HEADER = 100000000 }; /* the format's own limit */

struct km_safetensors {
    const uint8_t *map;
    size_t map_bytes;
    json_t *header; /* owns every name */
    json_t *meta;   /* borrowed from header, or NULL */
    km_st_tensor *tensors;
    int n_tensors;
    void **copies; /* [n_tensors] of data that the file does not align, or NULL */
};

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
    [KM_F32] = {"F32", 4}, [KM_F64] = {"F64", 8},   [KM_F16] = {"F16", 2}, [KM_BF16] = {"BF16", 2},
    [KM_I32] = {"I32", 4}, [KM_I64] = {"I64", 8},   [KM_I16] = {"I16", 2}, [KM_I8] = {"I8", 1},
    [KM_U8] = {"U8", 1},   [KM_BOOL] = {"BOOL", 1}, [KM_U16] = {"U16", 2}, [KM_U32] = {"U32", 4},
    [KM_U64] = {"U64", 8},
};
enum { N_DTYPES = sizeof dtypes / sizeof dtypes[0] };

size_t km_dtype_size(km_dtype t)
{
    KM_ASSERT(t >= KM_F32 && (int)t < N_DTYPES);
    return dtypes[t].size;
}

const char *km_dtype_name(km_dtype t)
{
    KM_ASSERT(t >= KM_F32 && (int)t < N_DTYPES);
    return dtypes[t].name;
}

/* A whole number of at least 0, or -1. */
static int64_t natural(const json_t *v)
{
    return json_is_integer(v) && json_integer_value(v) >= 0 ? (int64_t)json_integer_value(v) : -1;
}

/* What the header says of one tensor, as far as it can be judged alone. data_bytes: of the whole data part. */
static km_status parse_tensor(km_st_tensor *t, const char *name, const json_t *v, uint64_t data_bytes,
                              const uint8_t *data, km_err *err)
{
    t->name = name;
    const char *dtype = json_string_value(json_object_get(v, "dtype"));
    for (int i = 1; dtype && i < N_DTYPES; i++)
        if (!strcmp(dtype, dtypes[i].name)) t->dtype = (km_dtype)i;
    if (!t->dtype) return km_fail(err, KM_INPUT, "tensor '%.80s': unknown dtype '%.16s'", name, dtype ? dtype : "");

    const json_t *shape = json_object_get(v, "shape"), *offsets = json_object_get(v, "data_offsets");
    if (!json_is_array(shape) || json_array_size(shape) > KM_ST_MAX_DIMS)
        return km_fail(err, KM_INPUT, "tensor '%.80s': bad shape", name);
    t->nd = (int)json_array_size(shape);
    uint64_t bytes = dtypes[t->dtype].size;
    for (int d = 0; d < t->nd; d++) {
        t->shape[d] = natural(json_array_get(shape, (size_t)d));
        if (t->shape[d] < 0 || __builtin_mul_overflow(bytes, (uint64_t)t->shape[d], &bytes))
            return km_fail(err, KM_INPUT, "tensor '%.80s': bad shape", name);
    }
    int64_t begin = natural(json_array_get(offsets, 0)), end = natural(json_array_get(offsets, 1));
    if (json_array_size(offsets) != 2 || begin < 0 || end < begin || (uint64_t)end > data_bytes)
        return km_fail(err, KM_INPUT, "tensor '%.80s': data_offsets outside the %llu bytes of data", name,
                       (unsigned long long)data_bytes);
    if ((uint64_t)(end - begin) != bytes)
        return km_fail(err, KM_INPUT, "tensor '%.80s': %lld bytes of data, its shape needs %llu", name,
                       (long long)(end - begin), (unsigned long long)bytes);
    t->data = data + begin;
    t->bytes = (size_t)bytes;
    return KM_OK;
}

static int by_place(const void *a, const void *b)
{
    const km_st_tensor *x = a, *y = b;
    if (x->data != y->data) return (const char *)x->data < (const char *)y->data ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const km_st_tensor *)a)->name, ((const km_st_tensor *)b)->name);
}

/* The tensors must cover the data part from its first to its last byte, once. */
static km_status check_cover(km_safetensors *st, const uint8_t *data, uint64_t data_bytes, km_err *err)
{
    qsort(st->tensors, (size_t)st->n_tensors, sizeof *st->tensors, by_place);
    const uint8_t *at = data;
    for (int i = 0; i < st->n_tensors; i++) {
        const km_st_tensor *t = &st->tensors[i];
        if ((const uint8_t *)t->data != at)
            return km_fail(err, KM_INPUT, "tensor '%.80s': %s before byte %lld of the data", t->name,
                           (const uint8_t *)t->data < at ? "overlap" : "hole",
                           (long long)((const uint8_t *)t->data - data));
        at += t->bytes;
    }
    if (at != data + data_bytes)
        return km_fail(err, KM_INPUT, "%lld bytes behind the last tensor", (long long)(data + data_bytes - at));
    return KM_OK;
}

static km_status check_meta(const json_t *meta, km_err *err)
{
    if (!json_is_object(meta)) return km_fail(err, KM_INPUT, "__metadata__ is not an object");
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)meta, key, v)
        if (!json_is_string(v)) return km_fail(err, KM_INPUT, "__metadata__: '%.80s' is not a string", key);
    return KM_OK;
}

static km_status parse_header(km_safetensors *st, km_err *err)
{
    if (st->map_bytes < 8) return km_fail(err, KM_INPUT, "truncated: %zu bytes, not even a header", st->map_bytes);
    uint64_t n = 0;
    for (int i = 7; i >= 0; i--) n = n << 8 | st->map[i];
    if (n > MAX_HEADER)
        return km_fail(err, KM_INPUT, "not a safetensors file: header of %llu bytes", (unsigned long long)n);
    if (n > st->map_bytes - 8)
        return km_fail(err, KM_INPUT, "truncated: a header of %llu bytes in a file of %zu", (unsigned long long)n,
                       st->map_bytes);
    if (n == 0 || st->map[8] != '{') return km_fail(err, KM_INPUT, "not a safetensors file: no JSON object at byte 8");

    json_error_t je;
    st->header = json_loadb((const char *)st->map + 8, (size_t)n, JSON_REJECT_DUPLICATES, &je);
    if (!st->header)
        return km_fail(err, KM_INPUT, "header, byte %d: %s", 8 + je.position,
                       json_error_code(&je) == json_error_duplicate_key ? "a key twice" : "bad JSON");
    st->meta = json_object_get(st->header, "__metadata__");
    if (st->meta) KM_TRY(check_meta(st->meta, err));

    const uint8_t *data = st->map + 8 + n;
    uint64_t data_bytes = st->map_bytes - 8 - n;
    st->tensors = KM_NEWN(km_st_tensor, json_object_size(st->header));
    const char *key;
    json_t *v;
    json_object_foreach(st->header, key, v)
    {
        if (v == st->meta) continue;
        KM_TRY(parse_tensor(&st->tensors[st->n_tensors++], key, v, data_bytes, data, err));
    }
    return check_cover(st, data, data_bytes, err);
}

/* Writers other than ours need not align; what lies askew is copied, so that callers may read elements. */
static void align_data(km_safetensors *st)
{
    st->copies = KM_NEWN(void *, st->n_tensors);
    for (int i = 0; i < st->n_tensors; i++) {
        km_st_tensor *t = &st->tensors[i];
        if ((uintptr_t)t->data % dtypes[t->dtype].size == 0) continue;
        st->copies[i] = memcpy(km_alloc(t->bytes), t->data, t->bytes);
        t->data = st->copies[i];
    }
}

km_status km_safetensors_open(const char *path, km_safetensors **ret, km_err *err)
{
    *ret = NULL;
    km_safetensors *st = KM_NEW(km_safetensors);
    if (km_input_map(path, &st->map, &st->map_bytes, err) < 0 || parse_header(st, err) < 0) {
        km_safetensors_close(st);
        return err ? km_fail_in(err, path) : KM_INPUT;
    }
    qsort(st->tensors, (size_t)st->n_tensors, sizeof *st->tensors, by_name);
    align_data(st);
    *ret = st;
    return KM_OK;
}

km_safetensors *km_safetensors_of(const km_st_tensor *tensors, int n_tensors, const km_st_meta *meta, int n_meta)
{
    km_safetensors *st = KM_NEW(km_safetensors);
    st->header = json_object();
    st->meta = json_object();
    json_object_set_new(st->header, "__metadata__", st->meta);
    for (int i = 0; i < n_meta; i++) json_object_set_new(st->meta, meta[i].key, json_string(meta[i].value));
    st->tensors = KM_NEWN(km_st_tensor, n_tensors + 1);
    if (n_tensors) memcpy(st->tensors, tensors, (size_t)n_tensors * sizeof *tensors);
    st->n_tensors = n_tensors;
    qsort(st->tensors, (size_t)st->n_tensors, sizeof *st->tensors, by_name);
    align_data(st);
    return st;
}

void km_safetensors_close(km_safetensors *st)
{
    if (!st) return;
    for (int i = 0; st->copies && i < st->n_tensors; i++) free(st->copies[i]);
    free(st->copies);
    free(st->tensors);
    json_decref(st->header);
    km_input_unmap(st->map, st->map_bytes);
    free(st);
}

int km_safetensors_count(const km_safetensors *st) { return st->n_tensors; }

const km_st_tensor *km_safetensors_at(const km_safetensors *st, int i)
{
    KM_ASSERT(i >= 0 && i < st->n_tensors);
    return &st->tensors[i];
}

const km_st_tensor *km_safetensors_find(const km_safetensors *st, const char *name)
{
    km_st_tensor key = {.name = name};
    return bsearch(&key, st->tensors, (size_t)st->n_tensors, sizeof *st->tensors, by_name);
}

const char *km_safetensors_meta(const km_safetensors *st, const char *key)
{
    return json_string_value(json_object_get(st->meta, key));
}

int km_safetensors_meta_count(const km_safetensors *st) { return (int)json_object_size(st->meta); }

void km_safetensors_meta_at(const km_safetensors *st, int i, const char **ret_key, const char **ret_value)
{
    KM_ASSERT(i >= 0 && i < km_safetensors_meta_count(st));
    void *at = json_object_iter(st->meta);
    while (i-- > 0) at = json_object_iter_next(st->meta, at);
    *ret_key = json_object_iter_key(at);
    *ret_value = json_string_value(json_object_iter_value(at));
}
