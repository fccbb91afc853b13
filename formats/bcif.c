/* SPDX-License-Identifier: MIT
 * Each encoding is undone in turn, the last first. No size is believed before it is compared with the number of rows.
 */
#include "formats/bcif.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "formats/km_wire.h"
#include "lib/base/mem.h"

static km_status decode(const msgpack_object *data, int64_t rows, km_bcif_column *ret, int depth, km_err *err);
static km_status undo_all(const msgpack_object *encodings, int64_t rows, km_bcif_column *c, const msgpack_object *bytes,
                          int depth, km_err *err);

void km_bcif_column_clear(km_bcif_column *c)
{
    free(c->ints), free(c->reals), free(c->offsets), free(c->mask);
    *c = (km_bcif_column){0};
}

static km_status bad(km_err *err, const char *what) { return km_fail(err, KM_INPUT, "BinaryCIF: %s", what); }

static bool get_number(const msgpack_object *map, const char *key, double *ret)
{
    const msgpack_object *o = km_wire_get(map, key);
    if (!o) return false;
    switch (o->type) {
    case MSGPACK_OBJECT_POSITIVE_INTEGER: *ret = (double)o->via.u64; return true;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER: *ret = (double)o->via.i64; return true;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64: *ret = o->via.f64; return isfinite(*ret);
    default: return false;
    }
}

/* -- bytes to numbers */

enum { INT8 = 1, INT16, INT32, UINT8, UINT16, UINT32, FLOAT32 = 32, FLOAT64 };

static int width_of(int type)
{
    switch (type) {
    case INT8:
    case UINT8: return 1;
    case INT16:
    case UINT16: return 2;
    case INT32:
    case UINT32:
    case FLOAT32: return 4;
    case FLOAT64: return 8;
    default: return 0;
    }
}

static bool read_int(int type, const char *p, int32_t *ret)
{
    union {
        int8_t i8;
        uint8_t u8;
        int16_t i16;
        uint16_t u16;
        int32_t i32;
        uint32_t u32;
    } v = {0};
    memcpy(&v, p, (size_t)width_of(type));
    *ret = type == INT8 ? v.i8 : type == UINT8 ? v.u8 : type == INT16 ? v.i16 : type == UINT16 ? v.u16 : v.i32;
    return type != UINT32 || v.u32 <= INT32_MAX;
}

static km_status undo_bytes(const msgpack_object *step, const msgpack_object *bytes, int64_t limit, km_bcif_column *c,
                            km_err *err)
{
    double code;
    if (bytes->type != MSGPACK_OBJECT_BIN || !get_number(step, "type", &code))
        return bad(err, "ByteArray without bytes");
    int type = code >= 0 && code < 64 ? (int)code : 0, width = width_of(type);
    if (width == 0 || bytes->via.bin.size % (unsigned)width) return bad(err, "ByteArray of an unknown type or length");
    c->n = bytes->via.bin.size / (unsigned)width;
    if (c->n > limit) return bad(err, "ByteArray longer than its column");
    const char *p = bytes->via.bin.ptr;
    if (type >= FLOAT32) c->reals = KM_NEWN(double, (size_t)c->n + 1);
    else c->ints = KM_NEWN(int32_t, (size_t)c->n + 1);
    for (int64_t i = 0; i < c->n; i++) {
        float f;
        if (type == FLOAT64) memcpy(&c->reals[i], p + 8 * i, 8);
        else if (type == FLOAT32) memcpy(&f, p + 4 * i, 4), c->reals[i] = (double)f;
        else if (!read_int(type, p + width * i, &c->ints[i])) return bad(err, "a number above 2147483647");
    }
    return KM_OK;
}

/* -- numbers to numbers */

static km_status source_size(const msgpack_object *step, int64_t limit, int64_t *ret, km_err *err)
{
    double size;
    if (!get_number(step, "srcSize", &size) || !(size >= 0 && size <= (double)limit) || size != floor(size))
        return bad(err, "a srcSize that does not fit the column");
    *ret = (int64_t)size;
    return KM_OK;
}

static void replace_ints(km_bcif_column *c, int32_t *ints, int64_t n)
{
    free(c->ints);
    c->ints = ints, c->n = n;
}

static km_status undo_packing(const msgpack_object *step, int64_t limit, km_bcif_column *c, km_err *err)
{
    double width;
    int64_t n, out = 0;
    const msgpack_object *u = km_wire_get(step, "isUnsigned");
    if (!get_number(step, "byteCount", &width) || (width != 1 && width != 2) || !u || u->type != MSGPACK_OBJECT_BOOLEAN)
        return bad(err, "IntegerPacking without byteCount or isUnsigned");
    KM_TRY(source_size(step, limit, &n, err));
    int64_t high = width == 1 ? (u->via.boolean ? UINT8_MAX : INT8_MAX) : u->via.boolean ? UINT16_MAX : INT16_MAX;
    int64_t low = u->via.boolean ? INT64_MIN : -high - 1, sum = 0;
    int32_t *to = KM_NEWN(int32_t, (size_t)n + 1);
    for (int64_t i = 0; i < c->n; i++) {
        int32_t v = c->ints[i];
        sum += v;
        if (v == high || v == low) continue;
        if (out == n || sum > INT32_MAX || sum < INT32_MIN) break;
        to[out++] = (int32_t)sum;
        sum = 0;
    }
    replace_ints(c, to, n);
    return out == n && sum == 0 ? KM_OK : bad(err, "IntegerPacking of another length than it says");
}

static km_status undo_runs(const msgpack_object *step, int64_t limit, km_bcif_column *c, km_err *err)
{
    int64_t n, out = 0;
    KM_TRY(source_size(step, limit, &n, err));
    if (c->n % 2) return bad(err, "RunLength of an odd length");
    int32_t *to = KM_NEWN(int32_t, (size_t)n + 1);
    for (int64_t i = 0; i < c->n; i += 2) {
        if (c->ints[i + 1] < 0 || c->ints[i + 1] > n - out) {
            out = -1;
            break;
        }
        for (int32_t k = 0; k < c->ints[i + 1]; k++) to[out++] = c->ints[i];
    }
    replace_ints(c, to, n);
    return out == n ? KM_OK : bad(err, "RunLength of another length than it says");
}

static km_status undo_delta(const msgpack_object *step, km_bcif_column *c, km_err *err)
{
    double origin = 0;
    get_number(step, "origin", &origin);
    if (!(fabs(origin) <= INT32_MAX)) return bad(err, "Delta with an origin out of range");
    int64_t sum = (int64_t)origin;
    for (int64_t i = 0; i < c->n; i++) {
        sum += c->ints[i];
        if (sum > INT32_MAX || sum < INT32_MIN) return bad(err, "Delta out of range");
        c->ints[i] = (int32_t)sum;
    }
    return KM_OK;
}

/* v = offset + scale i */
static void to_reals(km_bcif_column *c, double offset, double scale)
{
    c->reals = KM_NEWN(double, (size_t)c->n + 1);
    for (int64_t i = 0; i < c->n; i++) c->reals[i] = offset + scale * c->ints[i];
    free(c->ints);
    c->ints = NULL;
}

static km_status undo_quantization(const msgpack_object *step, km_bcif_column *c, km_err *err)
{
    double low, high, steps;
    if (!get_number(step, "min", &low) || !get_number(step, "max", &high) || !get_number(step, "numSteps", &steps) ||
        !(steps >= 2))
        return bad(err, "IntervalQuantization without min, max or numSteps");
    to_reals(c, low, (high - low) / (steps - 1));
    return KM_OK;
}

static km_status undo_fixed(const msgpack_object *step, km_bcif_column *c, km_err *err)
{
    double factor;
    if (!get_number(step, "factor", &factor) || factor == 0) return bad(err, "FixedPoint without a factor");
    to_reals(c, 0, 1 / factor);
    for (int64_t i = 0; i < c->n; i++) c->reals[i] = rint(c->reals[i] * factor) / factor; /* as decimals are written */
    return KM_OK;
}

/* -- texts */

static km_status undo_strings(const msgpack_object *step, const msgpack_object *bytes, int64_t rows, km_bcif_column *c,
                              int depth, km_err *err)
{
    const msgpack_object *text = km_wire_get(step, "stringData"), *offsets = km_wire_get(step, "offsets");
    const msgpack_object *how = km_wire_get(step, "dataEncoding"), *how_offsets = km_wire_get(step, "offsetEncoding");
    km_bcif_column at = {0};
    if (!text || text->type != MSGPACK_OBJECT_STR || !offsets || !how || !how_offsets)
        return bad(err, "StringArray without its parts");
    int64_t size = text->via.str.size;
    km_status status = undo_all(how_offsets, size + 2, &at, offsets, depth + 1, err);
    c->offsets = at.ints, c->n_texts = at.n > 0 ? (int32_t)at.n - 1 : 0;
    free(at.reals), free(at.offsets);
    if (status < 0) return status;
    if (at.n < 1 || !at.ints || at.offsets) return bad(err, "StringArray without offsets");
    for (int64_t i = 0; i < at.n; i++)
        if (c->offsets[i] < (i ? c->offsets[i - 1] : 0) || c->offsets[i] > size)
            return bad(err, "StringArray with an offset out of range");
    KM_TRY(undo_all(how, rows, c, bytes, depth + 1, err));
    if (!c->ints || c->texts) return bad(err, "StringArray without indices");
    for (int64_t i = 0; i < c->n; i++)
        if (c->ints[i] < -1 || c->ints[i] >= c->n_texts) return bad(err, "StringArray with an index out of range");
    c->texts = text->via.str.ptr;
    return KM_OK;
}

static km_status undo(const msgpack_object *step, const msgpack_object *bytes, int64_t limit, int64_t rows,
                      km_bcif_column *c, int depth, km_err *err)
{
    const msgpack_object *kind = km_wire_get(step, "kind");
    bool fresh = !c->ints && !c->reals;
    if (!kind) return bad(err, "an encoding without a kind");
    if (km_wire_is(kind, "ByteArray") && fresh) return undo_bytes(step, bytes, limit, c, err);
    if (km_wire_is(kind, "StringArray") && fresh && depth == 0) return undo_strings(step, bytes, rows, c, depth, err);
    if (!c->ints || c->texts) return bad(err, "an encoding where it cannot stand");
    if (km_wire_is(kind, "IntegerPacking")) return undo_packing(step, limit, c, err);
    if (km_wire_is(kind, "RunLength")) return undo_runs(step, limit, c, err);
    if (km_wire_is(kind, "Delta")) return undo_delta(step, c, err);
    if (km_wire_is(kind, "FixedPoint")) return undo_fixed(step, c, err);
    if (km_wire_is(kind, "IntervalQuantization")) return undo_quantization(step, c, err);
    return km_fail(err, KM_INPUT, "BinaryCIF: unknown encoding '%.*s'",
                   kind->type == MSGPACK_OBJECT_STR && kind->via.str.size < 40 ? (int)kind->via.str.size : 0,
                   kind->type == MSGPACK_OBJECT_STR ? kind->via.str.ptr : "");
}

static km_status undo_all(const msgpack_object *encodings, int64_t rows, km_bcif_column *c, const msgpack_object *bytes,
                          int depth, km_err *err)
{
    if (encodings->type != MSGPACK_OBJECT_ARRAY || encodings->via.array.size == 0 || encodings->via.array.size > 16)
        return bad(err, "data without encodings");
    /* on the way a number may be packed in many, and a run is two: of the bytes there are, all may be used */
    int64_t bytes_there = bytes->type == MSGPACK_OBJECT_BIN ? bytes->via.bin.size : 0;
    int64_t limit = rows > bytes_there / 2 ? 2 * rows : bytes_there;
    for (uint32_t i = encodings->via.array.size; i-- > 0;) {
        const msgpack_object *step = &encodings->via.array.ptr[i];
        if (step->type != MSGPACK_OBJECT_MAP) return bad(err, "an encoding that is no map");
        KM_TRY(undo(step, bytes, limit, rows, c, depth, err));
    }
    return KM_OK;
}

static km_status decode(const msgpack_object *data, int64_t rows, km_bcif_column *ret, int depth, km_err *err)
{
    const msgpack_object *bytes = data->type == MSGPACK_OBJECT_MAP ? km_wire_get(data, "data") : NULL;
    const msgpack_object *encodings = bytes ? km_wire_get(data, "encoding") : NULL;
    if (!encodings) return bad(err, "a column without data");
    KM_TRY(undo_all(encodings, rows, ret, bytes, depth, err));
    return ret->n == rows ? KM_OK : bad(err, "a column of another length than its category");
}

km_status km_bcif_column_read(const msgpack_object *column, int64_t rows, km_bcif_column *ret, km_err *err)
{
    km_bcif_column mask = {0};
    *ret = (km_bcif_column){0};
    const msgpack_object *data = km_wire_get(column, "data"), *how = km_wire_get(column, "mask");
    km_status status = rows >= 0 && rows <= KM_BCIF_MAX_ROWS ? KM_OK : bad(err, "too many rows");
    if (status == KM_OK && !data) status = bad(err, "a column without data");
    if (status == KM_OK) status = decode(data, rows, ret, 0, err);
    if (status == KM_OK && how && how->type != MSGPACK_OBJECT_NIL) {
        status = decode(how, rows, &mask, 1, err);
        if (status == KM_OK && !mask.ints) status = bad(err, "a mask that is not of whole numbers");
        if (status == KM_OK) ret->mask = KM_NEWN(uint8_t, (size_t)rows + 1);
        for (int64_t i = 0; status == KM_OK && i < rows; i++) ret->mask[i] = mask.ints[i] != 0;
    }
    km_bcif_column_clear(&mask);
    if (status < 0) km_bcif_column_clear(ret);
    return status;
}
