/* SPDX-License-Identifier: MIT
 * safetensors: writing, and elements as f32. */
#include "formats/safetensors.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/mem.h"

/* Wide elements first, so that every tensor is aligned without a hole; names order those of one width. */
static int by_layout(const void *a, const void *b)
{
    const km_st_tensor *x = a, *y = b;
    size_t sx = km_dtype_size(x->dtype), sy = km_dtype_size(y->dtype);
    if (sx != sy) return sx > sy ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int meta_by_key(const void *a, const void *b)
{
    return strcmp(((const km_st_meta *)a)->key, ((const km_st_meta *)b)->key);
}

/* The JSON header, padded with blanks to a multiple of 8 bytes. NULL: a name or value that JSON cannot hold. */
static char *make_header(const km_st_tensor *t, int n_tensors, const km_st_meta *meta, int n_meta, size_t *ret_bytes)
{
    json_t *top = json_object();
    int bad = 0;
    if (n_meta > 0) {
        json_t *m = json_object();
        for (int i = 0; i < n_meta; i++) bad |= json_object_set_new(m, meta[i].key, json_string(meta[i].value));
        json_object_set_new(top, "__metadata__", m);
    }
    json_int_t at = 0;
    for (int i = 0; i < n_tensors; i++) {
        json_t *shape = json_array();
        for (int d = 0; d < t[i].nd; d++) json_array_append_new(shape, json_integer(t[i].shape[d]));
        json_int_t end = at + (json_int_t)t[i].bytes;
        bad |= json_object_set_new(top, t[i].name,
                                   json_pack("{s:s, s:o, s:[I, I]}", "dtype", km_dtype_name(t[i].dtype), "shape", shape,
                                             "data_offsets", at, end));
        at = end;
    }
    char *text = bad ? NULL : json_dumps(top, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(top);
    if (!text) return NULL;
    size_t n = strlen(text), padded = (n + 7) / 8 * 8;
    char *header = km_alloc(padded);
    memcpy(header, text, n);
    memset(header + n, ' ', padded - n);
    free(text);
    *ret_bytes = padded;
    return header;
}

typedef struct source {
    km_st_fetch *opt_fetch;
    void *arg;
} source;

static bool write_all(FILE *f, const char *header, size_t header_bytes, const km_st_tensor *t, int n_tensors, source s)
{
    uint8_t length[8];
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)((uint64_t)header_bytes >> 8 * i);
    bool good = fwrite(length, 8, 1, f) == 1 && fwrite(header, header_bytes, 1, f) == 1;
    for (int i = 0; good && i < n_tensors; i++)
        good = t[i].bytes == 0 ||
               fwrite(s.opt_fetch ? s.opt_fetch(s.arg, &t[i]) : t[i].data, t[i].bytes, 1, f) == 1;
    return good;
}

static km_status write_file(const char *path, const char *header, size_t header_bytes, const km_st_tensor *t,
                            int n_tensors, source s, km_err *err)
{
    km_output o;
    KM_TRY(km_output_open(&o, path, true, err));
    errno = 0;
    if (write_all(o.file, header, header_bytes, t, n_tensors, s) && fflush(o.file) == 0 &&
        (!o.part || fsync(fileno(o.file)) == 0))
        return km_output_commit(&o, err);
    km_status status = km_fail(err, KM_SYSTEM, "%s: cannot write: %s", o.what, strerror(errno));
    km_output_abandon(&o, false);
    return status;
}

km_status km_safetensors_write_with(const char *path, const km_st_tensor *tensors, int n_tensors,
                                    const km_st_meta *meta, int n_meta, km_st_fetch *opt_fetch, void *arg, km_err *err)
{
    km_st_tensor *t = KM_NEWN(km_st_tensor, n_tensors);
    km_st_meta *m = KM_NEWN(km_st_meta, n_meta);
    if (n_tensors) memcpy(t, tensors, (size_t)n_tensors * sizeof *t);
    if (n_meta) memcpy(m, meta, (size_t)n_meta * sizeof *m);
    qsort(t, (size_t)n_tensors, sizeof *t, by_layout);
    qsort(m, (size_t)n_meta, sizeof *m, meta_by_key);
    for (int i = 0; i < n_tensors; i++) {
        uint64_t need = km_dtype_size(t[i].dtype);
        for (int d = 0; d < t[i].nd; d++) need *= (uint64_t)t[i].shape[d];
        KM_ASSERT(t[i].nd <= KM_ST_MAX_DIMS && need == t[i].bytes);
    }
    size_t header_bytes = 0;
    char *header = make_header(t, n_tensors, m, n_meta, &header_bytes);
    km_status status = header ? write_file(path, header, header_bytes, t, n_tensors, (source){opt_fetch, arg}, err)
                              : km_fail(err, KM_INPUT, "%s: a name or value that is not UTF-8", path);
    free(header);
    free(t);
    free(m);
    return status;
}

km_status km_safetensors_write(const char *path, const km_st_tensor *tensors, int n_tensors, const km_st_meta *meta,
                               int n_meta, km_err *err)
{
    return km_safetensors_write_with(path, tensors, n_tensors, meta, n_meta, NULL, NULL, err);
}

static float from_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, 4);
    return f;
}

static float from_half(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 0x3ff;
    if (exponent == 31) return from_bits(sign | 0x7f800000u | mantissa << 13);
    if (exponent) return from_bits(sign | (exponent + 112) << 23 | mantissa << 13);
    float tiny = (float)mantissa * 0x1p-24f; /* zero or subnormal */
    return sign ? -tiny : tiny;
}

#define CONVERT(type, expr)                                                                                            \
    for (size_t i = 0; i < n; i++) {                                                                                   \
        type v = ((const type *)t->data)[i];                                                                           \
        out[i] = (expr);                                                                                               \
    }                                                                                                                  \
    break

void km_st_to_f32(const km_st_tensor *t, float *out)
{
    size_t n = t->bytes / km_dtype_size(t->dtype);
    switch (t->dtype) {
    case KM_F32: CONVERT(float, v);
    case KM_F64: CONVERT(double, (float)v);
    case KM_F16: CONVERT(uint16_t, from_half(v));
    case KM_BF16: CONVERT(uint16_t, from_bits((uint32_t)v << 16));
    case KM_I64: CONVERT(int64_t, (float)v);
    case KM_I32: CONVERT(int32_t, (float)v);
    case KM_I16: CONVERT(int16_t, (float)v);
    case KM_I8: CONVERT(int8_t, (float)v);
    case KM_U64: CONVERT(uint64_t, (float)v);
    case KM_U32: CONVERT(uint32_t, (float)v);
    case KM_U16: CONVERT(uint16_t, (float)v);
    case KM_U8: CONVERT(uint8_t, (float)v);
    case KM_BOOL: CONVERT(uint8_t, v != 0);
    }
}

static uint32_t to_bits(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, 4);
    return bits;
}

/* The quotient of bits by 2^shift, rounded to the nearest, to even in the middle. */
static uint32_t round_shift(uint32_t bits, int shift)
{
    uint32_t down = bits >> shift, rest = bits & ((1u << shift) - 1), middle = 1u << (shift - 1);
    return down + (rest > middle || (rest == middle && (down & 1)));
}

static uint16_t to_half(float f)
{
    uint32_t bits = to_bits(f), sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
    int exponent = (int)(size >> 23) - 112;
    if (size > 0x7f800000) return (uint16_t)(sign | 0x7e00); /* not a number */
    if (exponent >= 31) return (uint16_t)(sign | 0x7c00);
    if (exponent > 0) return (uint16_t)(sign | round_shift(size - (112u << 23), 13)); /* may carry into infinity */
    if (exponent < -10) return (uint16_t)sign;
    return (uint16_t)(sign | round_shift((size & 0x7fffff) | 0x800000, 14 - exponent));
}

static uint16_t to_brain(float f)
{
    uint32_t bits = to_bits(f);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)round_shift(bits, 16);
}

void km_st_from_f32(const float *x, size_t n, km_dtype to, void *out)
{
    KM_ASSERT(to == KM_F32 || to == KM_F16 || to == KM_BF16);
    if (to == KM_F32) memcpy(out, x, n * sizeof *x);
    for (size_t i = 0; to != KM_F32 && i < n; i++) ((uint16_t *)out)[i] = to == KM_F16 ? to_half(x[i]) : to_brain(x[i]);
}
