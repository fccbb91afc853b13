/* SPDX-License-Identifier: MIT
 * formats/safetensors: round trip, the format's own writer's file, and headers that lie. */
#include "tests/unit/tap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/safetensors.h"
#include "lib/base/mem.h"

static char path[64];

static uint8_t *slurp(const char *name, size_t *ret_n)
{
    FILE *f = fopen(name, "rb");
    if (!f) return NULL;
    uint8_t *p = km_alloc(1 << 20);
    *ret_n = fread(p, 1, 1 << 20, f);
    fclose(f);
    return p;
}

static void spill(const void *p, size_t n)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(p, 1, n, f) != n || fclose(f)) abort();
}

static km_status try_bytes(const void *p, size_t n, km_err *err)
{
    km_safetensors *st;
    spill(p, n);
    km_status status = km_safetensors_open(path, &st, err);
    km_safetensors_close(st);
    return status;
}

/* A file of this header and n bytes of data. */
static km_status try_header(const char *json, size_t data_bytes, km_err *err)
{
    size_t n = strlen(json);
    uint8_t *p = km_calloc(1, 8 + n + data_bytes);
    for (int i = 0; i < 8; i++) p[i] = (uint8_t)((uint64_t)n >> 8 * i);
    memcpy(p + 8, json, n);
    km_status status = try_bytes(p, 8 + n + data_bytes, err);
    free(p);
    return status;
}

static void test_python_file(void)
{
    km_err err;
    km_safetensors *st;
    if (!ok(km_safetensors_open("tests/data/safetensors/tiny.safetensors", &st, &err) == KM_OK, "Python's file opens"))
        return;
    ok(km_safetensors_count(st) == 7, "all tensors are there");
    const km_st_tensor *w = km_safetensors_find(st, "layer.weight");
    ok(w && w->dtype == KM_F32 && w->nd == 2 && w->shape[0] == 2 && w->shape[1] == 3 && w->bytes == 24,
       "dtype and shape");
    ok(w && ((const float *)w->data)[5] == 0.25f, "elements");
    static const struct {
        const char *name;
        float last;
        int n;
    } want[] = {{"half", 0.0f, 5}, {"layer.bias", -0.5f, 3}, {"small", 1, 3}, {"long", 2, 4}, {"scalar", 7.5f, 1}};
    for (int i = 0; i < 5; i++) {
        const km_st_tensor *t = km_safetensors_find(st, want[i].name);
        float out[8];
        if (t) km_st_to_f32(t, out);
        ok(t && out[want[i].n - 1] == want[i].last, "%s as f32", want[i].name);
    }
    const km_st_tensor *e = km_safetensors_find(st, "empty");
    ok(e && e->bytes == 0 && e->shape[0] == 0, "an empty tensor");
    const char *note = km_safetensors_meta(st, "note"), *key, *value;
    ok(note && !strcmp(note, "caf\xc3\xa9 \"quoted\""), "metadata");
    int seen = 0;
    for (int i = 0; i < km_safetensors_meta_count(st); i++) {
        km_safetensors_meta_at(st, i, &key, &value);
        seen += !strcmp(key, "format") && !strcmp(value, "np");
    }
    ok(seen == 1, "metadata one by one");
    ok(!km_safetensors_find(st, "layer") && !km_safetensors_meta(st, "layer"), "what is absent is NULL");
    for (int i = 1; i < km_safetensors_count(st); i++)
        if (strcmp(km_safetensors_at(st, i - 1)->name, km_safetensors_at(st, i)->name) >= 0)
            ok(false, "sorted by name");
    km_safetensors_close(st);
}

static void test_round_trip(void)
{
    km_err err;
    float a[6] = {1, -2, 3.5f, NAN, INFINITY, 0};
    uint8_t b[3] = {1, 0, 255};
    double c[1] = {M_PI};
    km_st_tensor t[] = {{"b", KM_U8, 1, {3}, b, 3}, {"a", KM_F32, 2, {3, 2}, a, 24}, {"c", KM_F64, 0, {0}, c, 8}};
    km_st_meta m[] = {{"z", "last \xe2\x84\xab"}, {"k", ""}};
    ok(km_safetensors_write(path, t, 3, m, 2, &err) == KM_OK, "written");
    size_t n, n2;
    uint8_t *first = slurp(path, &n);
    km_safetensors *st;
    if (!ok(km_safetensors_open(path, &st, &err) == KM_OK, "read again")) return;
    const km_st_tensor *ra = km_safetensors_find(st, "a"), *rc = km_safetensors_find(st, "c");
    ok(ra && !memcmp(ra->data, a, 24) && (uintptr_t)ra->data % 4 == 0, "bytes are the same, and aligned");
    ok(rc && rc->nd == 0 && *(const double *)rc->data == M_PI, "a scalar");
    ok(!strcmp(km_safetensors_meta(st, "z"), m[0].value) && !*km_safetensors_meta(st, "k"), "metadata come back");
    km_safetensors_close(st);
    km_st_tensor again[] = {t[2], t[0], t[1]};
    km_st_meta m_again[] = {m[1], m[0]};
    ok(km_safetensors_write(path, again, 3, m_again, 2, &err) == KM_OK, "written in another order");
    uint8_t *second = slurp(path, &n2);
    ok(n == n2 && !memcmp(first, second, n), "the same bytes");
    free(first);
    free(second);
    ok(km_safetensors_write("/nonexistent/x", t, 3, m, 2, &err) == KM_SYSTEM && strstr(err.msg, "/nonexistent/x"),
       "no such directory");
    km_st_meta bad = {"k", "\xff"};
    ok(km_safetensors_write(path, t, 3, &bad, 1, &err) == KM_INPUT, "a value that is not UTF-8 is refused");
}

static void test_damage(void)
{
    size_t n;
    km_err err;
    uint8_t *p = slurp("tests/data/safetensors/tiny.safetensors", &n);
    int missed = 0;
    for (size_t k = 0; k < n; k++) missed += try_bytes(p, k, &err) != KM_INPUT || !strstr(err.msg, path);
    ok(missed == 0 && n > 300, "cut at each of %zu bytes is refused", n);
    ok(try_bytes(p, n + 1, &err) == KM_INPUT, "a byte too many is refused");
    size_t header = 8 + (p[0] | (size_t)p[1] << 8);
    int crashed = 0;
    for (size_t k = 0; k < header * 8; k++) {
        p[k / 8] ^= (uint8_t)(1 << k % 8);
        km_status status = try_bytes(p, n, &err);
        crashed += status != KM_OK && status != KM_INPUT;
        p[k / 8] ^= (uint8_t)(1 << k % 8);
    }
    ok(crashed == 0, "each flipped bit of the header is read or refused");
    free(p);
}

static void test_lies(void)
{
    km_err err;
    static const struct {
        const char *what, *json;
        size_t data;
    } lies[] = {
        {"overlap", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                    "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8},
        {"hole", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8},
        {"behind", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 8},
        {"outside", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4},
        {"outside", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,4]}}", 8},
        {"outside", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 8},
        {"needs", "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8},
        {"shape", "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,2],\"data_offsets\":[0,0]}}", 0},
        {"shape", "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4},
        {"shape", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4},
        {"shape", "{\"a\":{\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[0,4]}}", 4},
        {"dtype", "{\"a\":{\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4},
        {"dtype", "{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4},
        {"dtype", "{\"a\":[]}", 0},
        {"twice", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                  "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4},
        {"not a string", "{\"__metadata__\":{\"a\":1}}", 0},
        {"not an object", "{\"__metadata__\":[]}", 0},
        {"bad JSON", "{\"a\":99999999999999999999}", 0},
        {"bad JSON", "{} x", 0},
        {"JSON", "[]", 0},
    };
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++)
        ok(try_header(lies[i].json, lies[i].data, &err) == KM_INPUT && strstr(err.msg, lies[i].what),
           "refused: %s (%s)", lies[i].json, err.msg);
    ok(try_header("{}", 0, &err) == KM_OK, "no tensors is legal");
    ok(try_header("{}       ", 0, &err) == KM_OK, "padding is legal");
    uint8_t huge[16];
    memset(huge, 0xff, sizeof huge);
    ok(try_bytes(huge, sizeof huge, &err) == KM_INPUT && strstr(err.msg, "header of"), "a huge header length");
    km_safetensors *st;
    ok(km_safetensors_open("tests/unit", &st, &err) == KM_INPUT, "a directory is refused");
    ok(km_safetensors_open("tests/unit/none", &st, &err) == KM_SYSTEM, "an absent file");
    const char *askew = "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                        "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[1,5]}}";
    ok(try_header(askew, 5, &err) == KM_OK, "a tensor that is not aligned");
}

static void test_numbers(void)
{
    uint16_t half[] = {0x3c00, 0xc000, 0x0001, 0x8000, 0x7c00, 0x7bff, 0x03ff, 0x7e00}, brain[] = {0x3f80, 0xc049};
    km_st_tensor h = {"h", KM_F16, 1, {8}, half, sizeof half}, b = {"b", KM_BF16, 1, {2}, brain, sizeof brain};
    float x[8];
    km_st_to_f32(&h, x);
    ok(x[0] == 1 && x[1] == -2 && x[2] == 0x1p-24f && x[3] == 0 && signbit(x[3]) && isinf(x[4]) && x[5] == 65504 &&
           x[6] == 1023 * 0x1p-24f && isnan(x[7]), "f16");
    km_st_to_f32(&b, x);
    ok(x[0] == 1 && x[1] == -3.140625f, "bf16");
    ok(km_dtype_size(KM_BF16) == 2 && !strcmp(km_dtype_name(KM_I64), "I64"), "sizes and names of types");
}

int main(void)
{
    snprintf(path, sizeof path, "/tmp/km-st-%d", (int)getpid());
    test_python_file();
    test_round_trip();
    test_damage();
    test_lies();
    test_numbers();
    remove(path);
    return tap_end();
}
