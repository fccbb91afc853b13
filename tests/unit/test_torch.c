/* SPDX-License-Identifier: MIT
 * formats/torch: checkpoints of PyTorch itself, hostile pickles, damage, writing. */
#include "tests/unit/tap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "formats/torch_impl.h"

#define DATA "tests/data/torch/"

static char path[64], written[64]; /* a file in memory, one on disk */

static uint8_t *slurp(const char *name, size_t *ret_n)
{
    FILE *f = fopen(name, "rb");
    if (!f) return NULL;
    uint8_t *p = km_alloc(1 << 20);
    *ret_n = fread(p, 1, 1 << 20, f);
    fclose(f);
    return p;
}

static km_status try_bytes(const void *p, size_t n, km_err *err)
{
    km_torch *t;
    FILE *f = fopen(path, "wb");
    if (!f || (n && fwrite(p, 1, n, f) != n) || fclose(f)) abort();
    km_status status = km_torch_open(path, &t, err);
    km_torch_close(t);
    return status;
}

static const km_torch_tensor *find(const km_torch *t, const char *name)
{
    for (int i = 0; i < km_torch_count(t); i++)
        if (strcmp(km_torch_at(t, i)->name, name) == 0) return km_torch_at(t, i);
    return NULL;
}

/* Are the elements, as f32, these? */
static bool holds(const km_torch *t, const char *name, int n, const float *want)
{
    const km_torch_tensor *x = find(t, name);
    double raw[32];
    float got[32];
    if (!x || x->bytes != n * km_dtype_size(x->dtype) || n > 32) return false;
    km_torch_copy(x, raw);
    km_st_tensor s = {name, x->dtype, 1, {n}, raw, x->bytes};
    km_st_to_f32(&s, got);
    return memcmp(got, want, (size_t)n * sizeof *got) == 0;
}

static void check_tensors(const km_torch *t)
{
    float matrix[12], strided[8];
    for (int i = 0; i < 12; i++) matrix[i] = (float)(12 + 4 * (i % 3) + i / 3); /* [4, 3] of columns of [3, 4] */
    for (int i = 0; i < 8; i++) strided[i] = (float)(1 + 3 * i);
    const km_torch_tensor *m = find(t, "state_dict/matrix"), *row = find(t, "state_dict/row");
    ok(m && m->nd == 2 && m->shape[0] == 4 && m->shape[1] == 3 && m->stride[0] == 1 && m->stride[1] == 4 &&
           m->offset == 12 && !km_torch_in_place(m) && holds(t, "state_dict/matrix", 12, matrix),
       "a matrix in columns");
    ok(row && m && km_torch_in_place(row) && row->storage == m->storage && strcmp(row->record, m->record) == 0 &&
           holds(t, "state_dict/row", 4, (float[]){4, 5, 6, 7}),
       "a row of the same storage lies in place");
    ok(holds(t, "state_dict/strided", 8, strided), "every third element");
    ok(holds(t, "state_dict/expanded", 6, (float[]){1.5f, -2, 1.5f, -2, 1.5f, -2}), "a stride of zero");
    ok(holds(t, "state_dict/scalar", 1, (float[]){2.5f}) && find(t, "state_dict/scalar")->nd == 0, "a scalar");
    const km_torch_tensor *empty = find(t, "state_dict/empty");
    ok(empty && empty->bytes == 0 && empty->shape[1] == 4 && km_torch_in_place(empty), "an empty tensor");
    static const struct {
        const char *name;
        km_dtype dtype;
    } types[] = {{"float64", KM_F64}, {"float16", KM_F16}, {"bfloat16", KM_BF16}, {"int64", KM_I64}, {"int32", KM_I32},
                 {"int16", KM_I16},   {"int8", KM_I8},     {"uint8", KM_U8},      {"bool", KM_BOOL}};
    for (int i = 0; i < 9; i++) {
        char *name = km_asprintf("extra/%s", types[i].name);
        const km_torch_tensor *x = find(t, name);
        ok(x && x->dtype == types[i].dtype && holds(t, name, 3, (float[]){1, 0, types[i].dtype == KM_BOOL ? 1 : 2}),
           "%s", types[i].name);
        free(name);
    }
    ok(holds(t, "extra/list/0", 1, (float[]){7}) && holds(t, "extra/list/1/0", 1, (float[]){8}) &&
           holds(t, "extra/parameter", 1, (float[]){9}) && km_torch_count(t) == 18,
       "in lists, as a parameter, and no more");
}

static void check_values(const km_torch *t)
{
    const km_pickle *root = km_torch_root(t), *v;
    ok((v = km_pickle_find(root, "epoch")) && v->kind == KM_PICKLE_INT && v->integer == 3, "a number");
    ok(km_pickle_find(root, "long")->integer == INT64_C(1) << 40 &&
           km_pickle_find(root, "negative")->integer == -(INT64_C(1) << 40),
       "long numbers");
    v = km_pickle_find(root, "huge");
    ok(v->kind == KM_PICKLE_OBJECT && km_pickle_named(v->cls, "builtins int") && v->args->n == 13,
       "longer than 64 bits: its bytes");
    ok(km_pickle_find(root, "real")->real == 0.25 && km_pickle_find(root, "none")->kind == KM_PICKLE_NONE &&
           km_pickle_find(root, "yes")->kind == KM_PICKLE_BOOL &&
           strcmp(km_pickle_find(root, "text")->text, "caf\xc3\xa9") == 0,
       "plain values");
    v = km_pickle_find(root, "size");
    ok(v->kind == KM_PICKLE_LIST && v->n == 2 && v->items[1]->integer == 4, "torch.Size");
    v = km_pickle_find(root, "path");
    ok(v->kind == KM_PICKLE_OBJECT && km_pickle_named(v->cls, "pathlib PosixPath") && v->args->n == 2,
       "an unknown class is a name and its arguments");
    v = km_pickle_find(root, "state_dict");
    ok(v->state && v->n == 6 && !km_pickle_find(v, "none") && !km_pickle_find(NULL, "x"),
       "an OrderedDict with a state");
}

static void test_values_and_tensors(void)
{
    static const char *const files[] = {DATA "views.ckpt", DATA "old.ckpt"};
    for (int i = 0; i < 2; i++) {
        km_err err = {0};
        km_torch *t;
        if (!ok(km_torch_open(files[i], &t, &err) == KM_OK, "%s opens: %s", files[i], err.msg)) continue;
        check_tensors(t);
        check_values(t);
        ok(km_torch_verify(t, &err) == KM_OK, "checksums agree");
        km_torch_close(t);
    }
}

static void test_objects(void)
{
    km_err err = {0};
    km_torch *t;
    if (!ok(km_torch_open(DATA "config.ckpt", &t, &err) == KM_OK, "objects and cycles: %s", err.msg)) return;
    km_pickle *h = km_pickle_find(km_torch_root(t), "hyper_parameters");
    char *text = km_pickle_json(h), *again = km_pickle_json(h);
    ok(strcmp(text, "{\"token_s\":8,\"score_model_args\":{\"depth\":2,\"scale\":1.5,\"list\":[1,\"two\",null],"
                    "\"inner\":{\"flag\":true}},\"cycle\":[null],\"nan\":null,\"5\":\"five\"}") == 0,
       "as JSON: %s", text);
    ok(strcmp(text, again) == 0 && km_torch_count(t) == 0, "the walk leaves no trace");
    const km_pickle *args = km_pickle_find(h, "score_model_args"), *inner = km_pickle_find(args->state, "_content");
    ok(km_pickle_find(km_pickle_find(inner, "depth")->state, "_parent") == args, "links to the parent are kept");
    free(text), free(again);
    km_torch_close(t);
}

typedef struct sample {
    const char *bytes;
    size_t n;
    const char *want; /* of the message; NULL: it is read */
} sample;
#define SAMPLE(bytes, want) {bytes, sizeof bytes - 1, want}

static void test_pickles(void)
{
    static const sample samples[] = {
        SAMPLE("\x80\2}.", NULL),
        SAMPLE("\x80\4\x95\3\0\0\0\0\0\0\0\x8c\1a\x94.", NULL),
        SAMPLE("\x80\2]q\0h\0a.", NULL),                                /* a list in itself */
        SAMPLE("\x80\2(lq\0h\0h\0\x86" "0.", NULL),
        SAMPLE("\x80\2\x8a\x09\1\1\1\1\1\1\1\1\1.", NULL),
        SAMPLE("\x80\2\x8a\0.", NULL),
        SAMPLE("\x80\2comega\nThing\n)\x81}b.", NULL),
        SAMPLE("\x80\4\x8c\1m\x8c\1C\x93)}\x92.", NULL),
        SAMPLE("\x80\2cm\nC\n)\x81(K\1e.", NULL),
        SAMPLE("", "truncated"),
        SAMPLE("\x80\2", "truncated"),
        SAMPLE("\x80\2X\xff\xff\xff\xff" "a.", "truncated"),
        SAMPLE("\x80\2\x8d\xff\xff\xff\xff\xff\xff\xff\xff" "a.", "truncated"),
        SAMPLE("\x80\2\x8b\xff\xff\xff\x7f" "a.", "truncated"),
        SAMPLE("\x80\2cposix", "truncated"),
        SAMPLE("\x80\2cposix\nsystem", "truncated"),
        SAMPLE("\x80\2.", "empty"),
        SAMPLE("\x80\2(K\1" "0" "0.", "empty"),
        SAMPLE("\x80\2t.", "no mark"),
        SAMPLE("\x80\2K\1(u.", "no dictionary"),
        SAMPLE("\x80\2}(K\1u.", "without a value"),
        SAMPLE("\x80\2K\1K\2a.", "no list"),
        SAMPLE("\x80\2h\0.", "recalled"),
        SAMPLE("\x80\2j\xff\xff\xff\xff.", "recalled"),
        SAMPLE("\x80\2Nr\xff\xff\xff\xff.", "remembered"),
        SAMPLE("\x80\2q\0.", "empty"),
        SAMPLE("\x80\2K\1}b.", "state"),
        SAMPLE("\x80\2K\1)R.", "no class"),
        SAMPLE("\x80\2cm\nC\nK\1R.", "no class"),
        SAMPLE("\x80\2cm\0 x\nC\n)R.", "bad name"),
        SAMPLE("\x80\2cm\nC\0\n)R.", "bad name"),
        SAMPLE("\x80\2K\1K\1\x93.", "without a name"),
        SAMPLE("\x80\2cposix\nsystem\nX\2\0\0\0ls\x85R.", "'posix system'"),
        SAMPLE("\x80\2c__builtin__\neval\n)\x81.", "'__builtin__ eval'"),
        SAMPLE("\x80\2cbuiltins\ngetattr\n)R.", NULL),
        SAMPLE("\x80\2cdatetime\ndate\n)R.", NULL),
        SAMPLE("\x80\2ctorch.optim.adam\nmake_thing\n)R}b.", NULL),
        SAMPLE("\x80\2cos.path\njoin\n)R.", "'os.path join'"),
        SAMPLE("\x80\2csubprocess\nPopen\n)R.", "'subprocess Popen'"),
        SAMPLE("\x80\4\x8c\2os\x8c\6system\x93)R.", "'os system'"),
        SAMPLE("\x80\2)ipx\ny\n.", "0x69"),
        SAMPLE("\x80\2\x82\1.", "0x82"),
        SAMPLE("\x80\6N.", "protocol"),
        SAMPLE("I1\n.", "0x49"),
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        const sample *s = &samples[i];
        km_err err = {.msg = "read"};
        km_pickle *v;
        km_arena *a = km_arena_new();
        uint8_t *own = memcpy(km_alloc(s->n + 1), s->bytes, s->n); /* so that a sanitizer sees a read beyond */
        km_status status = km_pickle_read(own, s->n, a, &v, &err);
        ok(s->want ? status == KM_INPUT && strstr(err.msg, s->want) : status == KM_OK, "pickle %zu: %s", i, err.msg);
        free(own);
        km_arena_free(a);
    }
}

/* An archive of this pickle and one record of 8 bytes. */
static km_status try_pickle(const char *pickle, size_t n, km_err *err)
{
    FILE *f = fopen(path, "wb");
    km_zip_writer *w = km_zip_writer_new(f, "made");
    km_torch *t;
    if (!km_zip_add(w, "data.pkl", pickle, n) || !km_zip_add(w, "data/0", "abcdefgh", 8) || !km_zip_end(w) || fclose(f))
        abort();
    km_zip_writer_free(w);
    km_status status = km_torch_open(path, &t, err);
    if (status == KM_OK) free(km_pickle_json(km_torch_root(t)));
    km_torch_close(t);
    return status;
}

#define REBUILD "\x80\2}X\1\0\0\0wctorch._utils\n_rebuild_tensor_v2\n("
#define HANDLE(storage, key, count) "(X\7\0\0\0storagectorch\n" storage "\nX\1\0\0\0" key "X\3\0\0\0cpu" count "tQ"
#define DOUBLE_5 "h\0h\0\x86q\0h\0h\0\x86q\0h\0h\0\x86q\0h\0h\0\x86q\0h\0h\0\x86q\0"
#define DOUBLE_10 DOUBLE_5 DOUBLE_5 /* ten times a list of two of the value before */
#define REST "\x89" "ccollections\nOrderedDict\n)RtRs."

static void test_tensors_that_lie(void)
{
    static const sample samples[] = {
        SAMPLE(REBUILD HANDLE("FloatStorage", "0", "K\2") "K\0K\2\x85K\1\x85" REST, NULL),
        SAMPLE(REBUILD HANDLE("FloatStorage", "0", "K\2") "K\1K\1\x85K\1\x85" REST, NULL),
        SAMPLE(REBUILD HANDLE("FloatStorage", "0", "K\2") "K\1K\2\x85K\1\x85" REST, "element 2 of a storage of 2"),
        SAMPLE(REBUILD HANDLE("FloatStorage", "0", "K\1") "K\0K\2\x85K\1\x85" REST, "reaches"),
        SAMPLE(REBUILD HANDLE("FloatStorage", "0", "K\3") "K\0K\2\x85K\1\x85" REST, "holds 8 bytes"),
        SAMPLE(REBUILD HANDLE("FloatStorage", "1", "K\2") "K\0K\2\x85K\1\x85" REST, "no record 'data/1'"),
        SAMPLE(REBUILD HANDLE("QInt8Storage", "0", "K\2") "K\0K\2\x85K\1\x85" REST, "'torch QInt8Storage'"),
        SAMPLE(REBUILD HANDLE("FloatStorage", "0", "J\xff\xff\xff\xff") "K\0K\2\x85K\1\x85" REST, "bad reference"),
        SAMPLE(REBUILD HANDLE("FloatStorage", "0", "K\2") "J\xff\xff\xff\xffK\2\x85K\1\x85" REST, "bad shape"),
        SAMPLE(REBUILD HANDLE("FloatStorage", "0", "K\2") "K\0J\xff\xff\xff\xff\x85K\1\x85" REST, "bad shape"),
        SAMPLE(REBUILD HANDLE("FloatStorage", "0", "K\2") "K\0K\2\x85J\xff\xff\xff\xff\x85" REST, "bad shape"),
        SAMPLE(REBUILD HANDLE("FloatStorage", "0", "K\2") "K\0K\2\x85)" REST, "1 dimensions and 0 strides"),
        SAMPLE(REBUILD HANDLE("FloatStorage", "0", "K\2")
               "K\0(K\1K\1K\1K\1K\1K\1K\1K\1K\1t(K\1K\1K\1K\1K\1K\1K\1K\1K\1t" REST, "9 dimensions"),
        SAMPLE(REBUILD HANDLE("FloatStorage", "0", "K\2")
               "K\0\x8a\5\0\0\0\0\1\x8a\5\0\0\0\0\1\x86K\0K\0\x86" REST, "bad shape"), /* 2^32 x 2^32 elements */
        SAMPLE(REBUILD HANDLE("FloatStorage", "0", "K\2") "K\0\x8a\5\0\0\0\0\1\x85K\0\x85" REST, "expands"),
        SAMPLE(REBUILD HANDLE("FloatStorage", "0", "K\2")
               "K\0K\2K\2\x86\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x86" REST,
               "bad shape"),
        SAMPLE(REBUILD HANDLE("FloatStorage", "0", "K\2") "NK\2\x85K\1\x85" REST, "bad arguments"),
        SAMPLE("\x80\2}(X\1\0\0\0wctorch._utils\n_rebuild_tensor_v2\n(" HANDLE("FloatStorage", "0", "K\2")
               "K\0))tRq\1X\1\0\0\0vh\1X\1\0\0\0wh\1u.", "there twice"),
        SAMPLE("\x80\2]q\0(h\0h\0h\0h\0e.", NULL),
        SAMPLE("\x80\2]q\0" DOUBLE_10 DOUBLE_10 DOUBLE_10 DOUBLE_10 ".", "too often"), /* 2^40 leaves */
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        km_err err = {.msg = "read"};
        km_status status = try_pickle(samples[i].bytes, samples[i].n, &err);
        ok(samples[i].want ? status == KM_INPUT && strstr(err.msg, samples[i].want) : status == KM_OK,
           "made tensor %zu: %s", i, err.msg);
    }
    char deep[5000] = "\x80\2";
    memset(deep + 2, ']', 2000), memset(deep + 2002, 'a', 1999), deep[4001] = '.';
    km_err err = {0};
    ok(try_pickle(deep, 4002, &err) == KM_INPUT && strstr(err.msg, "too deep"), "2000 lists in lists: %s", err.msg);
}

static void test_files(void)
{
    km_err err = {0};
    km_torch *t;
    ok(km_torch_open(DATA "lower.ckpt", &t, &err) == KM_INPUT && strstr(err.msg, "'__builtin__ eval'") &&
           strstr(err.msg, "lower.ckpt: "),
       "a call of a function: %s", err.msg);
    ok(km_torch_open(DATA "none", &t, &err) == KM_SYSTEM, "an absent file");
    ok(km_torch_open("tests/unit", &t, &err) == KM_INPUT, "a directory");
    ok(try_bytes("", 0, &err) == KM_INPUT && try_bytes("PK", 2, &err) == KM_INPUT, "hardly a file");
    ok(km_torch_open("tests/data/safetensors/tiny.safetensors", &t, &err) == KM_INPUT &&
           strstr(err.msg, "not a PyTorch"),
       "another format: %s", err.msg);
}

static void test_damage(void)
{
    size_t n;
    km_err err;
    uint8_t *p = slurp(DATA "views.ckpt", &n);
    int missed = 0;
    for (size_t k = 0; k < n; k++) missed += try_bytes(p, k, &err) != KM_INPUT || !strstr(err.msg, path);
    ok(missed == 0 && n > 5000, "cut at each of %zu bytes is refused", n);
    int odd = 0, seen = 0;
    for (size_t k = 0; k < n * 8; k += 7) {
        p[k / 8] ^= (uint8_t)(1 << k % 8);
        km_status status = try_bytes(p, n, &err);
        odd += status != KM_OK && status != KM_INPUT;
        seen += status == KM_INPUT;
        p[k / 8] ^= (uint8_t)(1 << k % 8);
    }
    ok(odd == 0 && seen > 500, "flipped bits are read or refused (%d refused)", seen);
    free(p);
}

static void test_damaged_pickle(void)
{
    km_err err = {0};
    km_torch *t;
    if (km_torch_open(DATA "views.ckpt", &t, &err) < 0) abort();
    km_torch_close(t);
    size_t n;
    uint8_t *file = slurp(DATA "views.ckpt", &n);
    km_arena *a = km_arena_new();
    km_zip_member *members;
    int n_members, odd = 0;
    ok(km_zip_list(file, n, a, &members, &n_members, &err) == KM_OK && n_members == 18, "members of the archive");
    const km_zip_member *m = km_zip_find(members, n_members, "archive/data.pkl");
    uint8_t *copy = memcpy(km_alloc(m->size), m->data, m->size);
    for (size_t k = 0; k < m->size * 8; k++) {
        copy[k / 8] ^= (uint8_t)(1 << k % 8);
        km_status status = try_pickle((char *)copy, m->size, &err);
        odd += status != KM_OK && status != KM_INPUT;
        copy[k / 8] ^= (uint8_t)(1 << k % 8);
    }
    ok(odd == 0, "each flipped bit of a pickle behind a good checksum is read or refused");
    free(copy);
    free(file);
    km_arena_free(a);
}

static const void *fetch(void *arg, const km_st_tensor *t)
{
    (*(int *)arg)++;
    return t->data;
}

static void test_writing(void)
{
    km_err err = {0};
    float a[6] = {1, -2, 3.5f, NAN, INFINITY, 0};
    int64_t b[1] = {-5};
    uint8_t c[3] = {1, 0, 1};
    km_st_tensor t[] = {{"state_dict/y", KM_F32, 2, {2, 3}, a, 24}, {"state_dict/x.weight", KM_F32, 1, {6}, a, 24},
                        {"plain", KM_I64, 0, {0}, b, 8},            {"ema/deep/c", KM_BOOL, 1, {3}, c, 3},
                        {"ema/e", KM_F32, 2, {0, 7}, NULL, 0}};
    km_st_meta meta[] = {{"config", "{\"a\": 1}"}};
    int fetched = 0;
    ok(km_torch_write(written, t, 5, "kinematic", meta, 1, fetch, &fetched, &err) == KM_OK && fetched == 4,
       "written, each storage once (%d): %s", fetched, err.msg);
    km_torch *r;
    if (!ok(km_torch_open(written, &r, &err) == KM_OK, "read again: %s", err.msg)) return;
    const km_torch_tensor *y = find(r, "state_dict/y"), *x = find(r, "state_dict/x.weight");
    ok(km_torch_count(r) == 5 && y && x && x->storage == y->storage && (uintptr_t)y->storage % 64 == 0 &&
           memcmp(km_torch_in_place(y), a, 24) == 0 && y->shape[1] == 3,
       "two tensors share an aligned storage");
    ok(holds(r, "plain", 1, (float[]){-5}) && holds(r, "ema/deep/c", 3, (float[]){1, 0, 1}) && find(r, "ema/e"),
       "nested names");
    const km_pickle *m = km_pickle_find(km_pickle_find(km_torch_root(r), "kinematic"), "config");
    ok(m && strcmp(m->text, meta[0].value) == 0 && km_torch_verify(r, &err) == KM_OK, "metadata and checksums");
    km_torch_close(r);
    size_t n;
    uint8_t *p = slurp(written, &n);
    for (size_t i = 0; i < n; i++)
        if (memcmp(p + i, a, 24) == 0) p[i] ^= 1;
    FILE *f = fopen(written, "wb");
    if (fwrite(p, 1, n, f) != n || fclose(f)) abort();
    ok(km_torch_open(written, &r, &err) == KM_OK && km_torch_verify(r, &err) == KM_INPUT && strstr(err.msg, "checksum"),
       "a changed element is found by its checksum: %s", err.msg);
    km_torch_close(r);
    free(p);
    km_st_tensor wide = {"w", KM_U32, 1, {1}, a, 4};
    ok(km_torch_write(written, &wide, 1, "m", NULL, 0, NULL, NULL, &err) == KM_INPUT && strstr(err.msg, "U32"),
       "a type that PyTorch has no storage for");
    ok(km_torch_write("/nonexistent/x", t, 5, "m", NULL, 0, NULL, NULL, &err) == KM_SYSTEM, "no such directory");
}

int main(void)
{
    snprintf(path, sizeof path, "/proc/self/fd/%d", memfd_create("torch", MFD_CLOEXEC));
    snprintf(written, sizeof written, "/tmp/km-torch-%d", (int)getpid());
    test_values_and_tensors();
    test_objects();
    test_pickles();
    test_tensors_that_lie();
    test_files();
    test_damage();
    test_damaged_pickle();
    test_writing();
    remove(written);
    return tap_end();
}
