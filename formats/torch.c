/* SPDX-License-Identifier: MIT
 * Tensors: every one that the pickle leads to is found, named and checked against its record when the file is opened.
 * Contents: 1. types  2. one tensor  3. the walk through the values  4. opening  5. elements */
#include "formats/torch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "formats/torch_impl.h"
#include "lib/base/io.h"

enum {
    MAX_PICKLE = 1 << 25,   /* bytes; real ones have some 300 for each tensor */
    MAX_DEPTH = 1000,       /* of values in values */
    MAX_VALUES = 1 << 24,   /* looked at on the way to tensors */
    MAX_EXPANDED = 1 << 28, /* elements of a tensor that has more than its storage */
};

struct km_torch {
    const uint8_t *map;
    size_t map_bytes;
    km_arena *arena; /* members and values */
    km_zip_member *members;
    int n_members;
    char *prefix; /* of every member, with the slash */
    km_pickle *root;
    km_torch_tensor *tensors;
    size_t n, room;
};

/* -- 1. types */

static const struct {
    const char *storage, *type;
    km_dtype dtype;
} types[] = {
    {"torch FloatStorage", "torch float32", KM_F32},      {"torch DoubleStorage", "torch float64", KM_F64},
    {"torch HalfStorage", "torch float16", KM_F16},       {"torch BFloat16Storage", "torch bfloat16", KM_BF16},
    {"torch LongStorage", "torch int64", KM_I64},         {"torch IntStorage", "torch int32", KM_I32},
    {"torch ShortStorage", "torch int16", KM_I16},        {"torch CharStorage", "torch int8", KM_I8},
    {"torch ByteStorage", "torch uint8", KM_U8},          {"torch BoolStorage", "torch bool", KM_BOOL},
    {"torch.storage UntypedStorage", "torch uint16", KM_U16}, {"torch UntypedStorage", "torch uint32", KM_U32},
    {"", "torch uint64", KM_U64},
};
enum { N_TYPES = sizeof types / sizeof *types, N_TYPED = 10 };

/* 0: unknown. An untyped storage has a dtype beside it. */
static km_dtype type_of(const km_pickle *storage_class, const km_pickle *opt_type)
{
    for (int i = 0; i < (opt_type ? N_TYPES : N_TYPED); i++)
        if (km_pickle_named(opt_type ? opt_type : storage_class, opt_type ? types[i].type : types[i].storage))
            return types[i].dtype;
    return 0;
}

/* -- 2. one tensor */

static const km_pickle *item(const km_pickle *list, size_t i, km_pickle_kind kind)
{
    const km_pickle *v = list && list->kind == KM_PICKLE_LIST && i < list->n ? list->items[i] : NULL;
    return v && v->kind == kind ? v : NULL;
}

static const km_zip_member *find_member(const km_torch *t, const char *name)
{
    char *full = km_asprintf("%s%s", t->prefix, name);
    const km_zip_member *m = km_zip_find(t->members, t->n_members, full);
    free(full);
    return m;
}

/* The record that a handle of a storage names, and how many elements of x it holds. */
static km_status find_storage(const km_torch *t, const km_pickle *handle, const km_pickle *opt_type, km_torch_tensor *x,
                              int64_t *ret_elements, km_err *err)
{
    const km_pickle *id = handle->args, *word = item(id, 0, KM_PICKLE_TEXT), *cls = item(id, 1, KM_PICKLE_CLASS),
                    *key = item(id, 2, KM_PICKLE_TEXT), *count = item(id, 4, KM_PICKLE_INT);
    if (!word || strcmp(word->text, "storage") != 0 || !cls || !key || !count || count->integer < 0)
        return km_fail(err, KM_INPUT, "tensor '%.100s': bad reference to a storage", x->name);
    x->dtype = type_of(cls, opt_type);
    if (!x->dtype)
        return km_fail(err, KM_INPUT, "tensor '%.100s': unknown type '%.40s'", x->name,
                       opt_type && opt_type->kind == KM_PICKLE_CLASS ? opt_type->text : cls->text);
    char *name = km_asprintf("data/%s", key->text);
    const km_zip_member *m = find_member(t, name);
    free(name);
    if (!m) return km_fail(err, KM_INPUT, "tensor '%.100s': there is no record 'data/%.40s'", x->name, key->text);
    uint64_t size = opt_type ? 1 : km_dtype_size(x->dtype);
    if ((uint64_t)count->integer > m->size / size)
        return km_fail(err, KM_INPUT, "record 'data/%.40s' holds %llu bytes, less than its %lld elements", key->text,
                       (unsigned long long)m->size, (long long)count->integer);
    x->storage = m->data;
    x->record_bytes = m->size;
    x->crc = m->crc;
    x->record = key->text;
    *ret_elements = opt_type ? count->integer / (int64_t)km_dtype_size(x->dtype) : count->integer;
    return KM_OK;
}

/* Shape and stride, and whether every element lies within the storage's. */
static km_status place(km_torch_tensor *x, const km_pickle *shape, const km_pickle *stride, int64_t elements,
                       km_err *err)
{
    int64_t count = 1, last = x->offset;
    bool good = x->offset >= 0, empty = false;
    if (shape->n > KM_ST_MAX_DIMS || shape->n != stride->n)
        return km_fail(err, KM_INPUT, "tensor '%.100s' has %zu dimensions and %zu strides; %d are the most", x->name,
                       shape->n, stride->n, KM_ST_MAX_DIMS);
    x->nd = (int)shape->n;
    for (int d = 0; d < x->nd; d++) {
        const km_pickle *size = item(shape, (size_t)d, KM_PICKLE_INT), *step = item(stride, (size_t)d, KM_PICKLE_INT);
        int64_t reach;
        good = good && size && step && size->integer >= 0 && step->integer >= 0;
        if (!good) break;
        x->shape[d] = size->integer;
        x->stride[d] = step->integer;
        empty = empty || size->integer == 0;
        good = !__builtin_mul_overflow(count, size->integer, &count) &&
               (size->integer == 0 || (!__builtin_mul_overflow(size->integer - 1, step->integer, &reach) &&
                                       !__builtin_add_overflow(last, reach, &last)));
    }
    if (!good) return km_fail(err, KM_INPUT, "tensor '%.100s': bad shape, stride or offset", x->name);
    if (!empty && last >= elements)
        return km_fail(err, KM_INPUT, "tensor '%.100s' reaches to element %lld of a storage of %lld", x->name,
                       (long long)last, (long long)elements);
    if (!empty && count > elements && count > MAX_EXPANDED)
        return km_fail(err, KM_INPUT, "tensor '%.100s' expands %lld elements to %lld", x->name, (long long)elements,
                       (long long)count);
    x->bytes = empty ? 0 : (size_t)count * km_dtype_size(x->dtype);
    return KM_OK;
}

/* The arguments of the call that rebuilds a tensor; NULL: v is something else. A parameter wraps a tensor, and a tensor
 * of a class of its own the call. */
static const km_pickle *rebuilding(const km_pickle *v, const km_pickle **ret_type)
{
    *ret_type = NULL;
    if (v->kind != KM_PICKLE_OBJECT || !v->args || v->args->kind != KM_PICKLE_LIST) return NULL;
    const km_pickle *f = v->cls, *args = v->args;
    if (km_pickle_named(f, "torch._tensor _rebuild_from_type_v2")) {
        f = item(args, 0, KM_PICKLE_CLASS);
        args = item(args, 2, KM_PICKLE_LIST);
    }
    if (!args || !item(args, 0, KM_PICKLE_HANDLE)) return NULL;
    if (km_pickle_named(f, "torch._utils _rebuild_tensor_v3")) {
        *ret_type = item(args, 6, KM_PICKLE_CLASS);
        return *ret_type ? args : NULL;
    }
    return km_pickle_named(f, "torch._utils _rebuild_tensor_v2") || km_pickle_named(f, "torch._utils _rebuild_tensor")
               ? args
               : NULL;
}

static km_torch_tensor *add_tensor(km_torch *t, const char *name)
{
    if (t->n == t->room) {
        t->room = t->room ? 2 * t->room : 256;
        t->tensors = km_realloc(t->tensors, t->room * sizeof *t->tensors);
    }
    char *own = km_arena_get(t->arena, strlen(name) + 1);
    km_torch_tensor *x = &t->tensors[t->n++];
    *x = (km_torch_tensor){.name = strcpy(own, name)};
    return x;
}

static km_status rebuild(km_torch *t, const char *name, km_pickle *v, const km_pickle *args, const km_pickle *opt_type,
                         km_err *err)
{
    km_torch_tensor *x = add_tensor(t, name);
    const km_pickle *offset = item(args, 1, KM_PICKLE_INT), *shape = item(args, 2, KM_PICKLE_LIST),
                    *stride = item(args, 3, KM_PICKLE_LIST);
    int64_t elements = 0;
    if (!offset || !shape || !stride) return km_fail(err, KM_INPUT, "tensor '%.100s': bad arguments", name);
    x->offset = offset->integer;
    KM_TRY(find_storage(t, args->items[0], opt_type, x, &elements, err));
    KM_TRY(place(x, shape, stride, elements, err));
    v->kind = KM_PICKLE_TENSOR;
    v->integer = (int64_t)t->n - 1;
    return KM_OK;
}

/* -- 3. the walk through the values */

typedef struct walker {
    km_torch *t;
    char *path;
    size_t length, room;
    int depth, values;
    km_pickle **objects; /* those entered: never again, since they may know all others */
    size_t n_objects, objects_room;
    km_err *err;
} walker;

static km_status walk(walker *w, km_pickle *v);

/* Into value, under the path and this key. */
static km_status walk_key(walker *w, const char *key, km_pickle *value)
{
    size_t length = w->length, n = strlen(key);
    if (length + n + 2 > w->room) {
        w->room = 2 * w->room + n + 2;
        w->path = km_realloc(w->path, w->room);
    }
    if (length) w->path[w->length++] = '/';
    memcpy(w->path + w->length, key, n + 1);
    w->length += n;
    km_status status = walk(w, value);
    w->length = length;
    w->path[length] = 0;
    return status;
}

static km_status walk_items(walker *w, const km_pickle *v)
{
    size_t step = v->kind == KM_PICKLE_DICT ? 2 : 1;
    for (size_t i = 0; i < v->n; i++) {
        const km_pickle *key = step == 2 ? v->items[2 * i] : NULL;
        char number[32];
        snprintf(number, sizeof number, "%" PRId64, key && key->kind == KM_PICKLE_INT ? key->integer : (int64_t)i);
        KM_TRY(walk_key(w, key && key->kind == KM_PICKLE_TEXT ? key->text : number, v->items[step * i + step - 1]));
    }
    return v->state ? walk(w, v->state) : KM_OK;
}

static km_status walk_object(walker *w, km_pickle *v)
{
    if (w->n_objects == w->objects_room) {
        w->objects_room = w->objects_room ? 2 * w->objects_room : 256;
        w->objects = km_realloc(w->objects, w->objects_room * sizeof *w->objects);
    }
    w->objects[w->n_objects++] = v;
    bool parameter = km_pickle_named(v->cls, "torch._utils _rebuild_parameter") ||
                     km_pickle_named(v->cls, "torch._utils _rebuild_parameter_with_state");
    if (parameter && v->args && v->args->kind == KM_PICKLE_LIST && v->args->n) return walk(w, v->args->items[0]);
    if (v->args) KM_TRY(walk(w, v->args));
    if (v->state) KM_TRY(walk(w, v->state));
    return v->contents ? walk(w, v->contents) : KM_OK;
}

static km_status walk_inside(walker *w, km_pickle *v)
{
    const km_pickle *type, *args = rebuilding(v, &type);
    if (args) return rebuild(w->t, w->path, v, args, type, w->err);
    if (v->kind == KM_PICKLE_LIST || v->kind == KM_PICKLE_DICT) return walk_items(w, v);
    return v->kind == KM_PICKLE_OBJECT ? walk_object(w, v) : KM_OK;
}

static km_status walk(walker *w, km_pickle *v)
{
    if (v->kind == KM_PICKLE_TENSOR) { /* one more name for it */
        km_torch_tensor *x = add_tensor(w->t, w->path);
        const char *name = x->name;
        *x = w->t->tensors[v->integer];
        x->name = name;
    }
    if (v->visited || v->kind == KM_PICKLE_TENSOR) return KM_OK;
    if (++w->values > MAX_VALUES || w->depth == MAX_DEPTH)
        return km_fail(w->err, KM_INPUT, "data.pkl: '%.80s': values are nested too deep or too often", w->path);
    v->visited = 1;
    w->depth++;
    km_status status = walk_inside(w, v);
    w->depth--;
    if (v->kind != KM_PICKLE_OBJECT) v->visited = 0;
    return status;
}

static int name_order(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static km_status check_names(const km_torch *t, km_err *err)
{
    const char **names = KM_NEWN(const char *, t->n + 1);
    km_status status = KM_OK;
    for (size_t i = 0; i < t->n; i++) names[i] = t->tensors[i].name;
    qsort(names, t->n, sizeof *names, name_order);
    for (size_t i = 1; i < t->n && status == KM_OK; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            status = km_fail(err, KM_INPUT, "tensor '%.100s' is there twice", names[i]);
    free(names);
    return status;
}

static km_status find_tensors(km_torch *t, km_err *err)
{
    walker w = {.t = t, .path = km_calloc(1, 1), .room = 1, .err = err};
    km_status status = walk(&w, t->root);
    for (size_t i = 0; i < w.n_objects; i++) w.objects[i]->visited = 0;
    free(w.objects);
    free(w.path);
    return status == KM_OK ? check_names(t, err) : status;
}

/* -- 4. opening */

/* data.pkl, and the prefix that every member has. */
static const km_zip_member *find_pickle(km_torch *t)
{
    for (int i = 0; i < t->n_members; i++) {
        const char *name = t->members[i].name, *slash = strchr(name, '/');
        if (!slash || strcmp(slash, "/data.pkl") != 0) continue;
        t->prefix = km_asprintf("%.*s", (int)(slash - name + 1), name);
        return &t->members[i];
    }
    return NULL;
}

static bool checksum_agrees(const km_zip_member *m)
{
    return m->crc == 0 || crc32_z(crc32_z(0, NULL, 0), m->data, (size_t)m->size) == m->crc; /* 0: PyTorch may omit it */
}

static km_status open_archive(km_torch *t, km_err *err)
{
    if (!km_torch_is(t->map, t->map_bytes))
        return km_fail(err, KM_INPUT, "not a PyTorch checkpoint: no zip archive at byte 0");
    KM_TRY(km_zip_list(t->map, t->map_bytes, t->arena, &t->members, &t->n_members, err));
    const km_zip_member *pickle = find_pickle(t);
    if (!pickle) return km_fail(err, KM_INPUT, "not a PyTorch checkpoint: an archive without data.pkl");
    const km_zip_member *order = find_member(t, "byteorder");
    if (order && (order->size != 6 || memcmp(order->data, "little", 6) != 0))
        return km_fail(err, KM_INPUT, "byteorder is not 'little'");
    if (pickle->size > MAX_PICKLE)
        return km_fail(err, KM_INPUT, "data.pkl has %llu bytes; %d are the most", (unsigned long long)pickle->size,
                       MAX_PICKLE);
    if (!checksum_agrees(pickle)) return km_fail(err, KM_INPUT, "data.pkl: the checksum does not agree");
    KM_TRY(km_pickle_read(pickle->data, (size_t)pickle->size, t->arena, &t->root, err));
    return find_tensors(t, err);
}

km_status km_torch_open(const char *path, km_torch **ret, km_err *err)
{
    *ret = NULL;
    km_torch *t = KM_NEW(km_torch);
    t->arena = km_arena_new();
    km_status status = km_input_map(path, &t->map, &t->map_bytes, err);
    if (status == KM_OK) status = open_archive(t, err);
    if (status < 0) {
        km_torch_close(t);
        return err ? km_fail_in(err, path) : status;
    }
    *ret = t;
    return KM_OK;
}

void km_torch_close(km_torch *t)
{
    if (!t) return;
    km_input_unmap(t->map, t->map_bytes);
    km_arena_free(t->arena);
    free(t->tensors);
    free(t->prefix);
    free(t);
}

km_pickle *km_torch_root(const km_torch *t) { return t->root; }
int km_torch_count(const km_torch *t) { return (int)t->n; }

const km_torch_tensor *km_torch_at(const km_torch *t, int i)
{
    KM_ASSERT(i >= 0 && (size_t)i < t->n);
    return &t->tensors[i];
}

km_status km_torch_verify(const km_torch *t, km_err *err)
{
    for (int i = 0; i < t->n_members; i++)
        if (!checksum_agrees(&t->members[i]))
            return km_fail(err, KM_INPUT, "record '%.100s': the checksum does not agree", t->members[i].name);
    return KM_OK;
}

bool km_torch_is(const uint8_t *head, size_t n) { return n >= 4 && memcmp(head, "PK\3\4", 4) == 0; }

/* -- 5. elements */

const void *km_torch_in_place(const km_torch_tensor *t)
{
    int64_t step = 1;
    if (t->bytes == 0) return t->storage;
    for (int d = t->nd; d-- > 0; step *= t->shape[d])
        if (t->shape[d] != 1 && t->stride[d] != step) return NULL;
    return t->storage + t->offset * (int64_t)km_dtype_size(t->dtype);
}

void km_torch_copy(const km_torch_tensor *t, void *out)
{
    const uint8_t *whole = km_torch_in_place(t);
    if (whole) {
        memcpy(out, whole, t->bytes);
        return;
    }
    size_t size = km_dtype_size(t->dtype);
    int64_t at[KM_ST_MAX_DIMS] = {0}, element = t->offset;
    for (uint8_t *to = out, *end = to + t->bytes; to < end; to += size) {
        memcpy(to, t->storage + (size_t)element * size, size);
        for (int d = t->nd; d-- > 0;) { /* the next index, the last dimension fastest */
            element += t->stride[d];
            if (++at[d] < t->shape[d]) break;
            element -= t->shape[d] * t->stride[d];
            at[d] = 0;
        }
    }
}
