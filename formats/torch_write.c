/* SPDX-License-Identifier: MIT
 * Writing a checkpoint: a pickle of protocol 2 with the operations that torch.load's own restricted reader knows, and
 * one record for each storage. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/torch_impl.h"
#include "lib/base/io.h"

typedef struct pickler {
    uint8_t *bytes;
    size_t n, room;
    const km_st_tensor **tensors; /* sorted by name */
    const int *records;           /* [n_tensors] which storage each lies in */
} pickler;

static void put_bytes(pickler *p, const void *bytes, size_t n)
{
    if (p->n + n > p->room) {
        p->room = 2 * p->room + n;
        p->bytes = km_realloc(p->bytes, p->room);
    }
    memcpy(p->bytes + p->n, bytes, n);
    p->n += n;
}

static void put_op(pickler *p, int op) { put_bytes(p, &(uint8_t){(uint8_t)op}, 1); }

static void put_number(pickler *p, int op, uint64_t v, int bytes)
{
    put_op(p, op);
    for (int i = 0; i < bytes; i++) put_op(p, (int)(v >> 8 * i & 255));
}

static void put_int(pickler *p, int64_t v)
{
    if (v >= INT32_MIN && v <= INT32_MAX) {
        put_number(p, 'J', (uint64_t)v, 4);
    } else {
        put_op(p, 0x8a);
        put_number(p, 8, (uint64_t)v, 8);
    }
}

static void put_text(pickler *p, const char *text, size_t n)
{
    put_number(p, 'X', n, 4);
    put_bytes(p, text, n);
}

static void put_class(pickler *p, const char *lines) { put_bytes(p, lines, strlen(lines)); }

static void put_tuple(pickler *p, const int64_t *values, int n)
{
    put_op(p, '(');
    for (int i = 0; i < n; i++) put_int(p, values[i]);
    put_op(p, 't');
}

static const char *storage_class(km_dtype t)
{
    switch (t) {
    case KM_F32: return "ctorch\nFloatStorage\n";
    case KM_F64: return "ctorch\nDoubleStorage\n";
    case KM_F16: return "ctorch\nHalfStorage\n";
    case KM_BF16: return "ctorch\nBFloat16Storage\n";
    case KM_I64: return "ctorch\nLongStorage\n";
    case KM_I32: return "ctorch\nIntStorage\n";
    case KM_I16: return "ctorch\nShortStorage\n";
    case KM_I8: return "ctorch\nCharStorage\n";
    case KM_U8: return "ctorch\nByteStorage\n";
    case KM_BOOL: return "ctorch\nBoolStorage\n";
    case KM_U16: case KM_U32: case KM_U64: return NULL;
    }
    KM_BUG("type %d", (int)t);
}

static void put_tensor(pickler *p, const km_st_tensor *t, int record)
{
    int64_t stride[KM_ST_MAX_DIMS], step = 1;
    char key[16];
    for (int d = t->nd; d-- > 0; step *= t->shape[d] ? t->shape[d] : 1) stride[d] = step;
    put_class(p, "ctorch._utils\n_rebuild_tensor_v2\n");
    put_op(p, '(');
    put_op(p, '(');
    put_text(p, "storage", 7);
    put_class(p, storage_class(t->dtype));
    put_text(p, key, (size_t)snprintf(key, sizeof key, "%d", record));
    put_text(p, "cpu", 3);
    put_int(p, (int64_t)(t->bytes / km_dtype_size(t->dtype)));
    put_op(p, 't');
    put_op(p, 'Q');
    put_int(p, 0);
    put_tuple(p, t->shape, t->nd);
    put_tuple(p, stride, t->nd);
    put_op(p, 0x89); /* wants no gradient */
    put_class(p, "ccollections\nOrderedDict\n)R");
    put_op(p, 't');
    put_op(p, 'R');
}

/* The entries that tensors [begin, end) make in a dictionary whose keys begin at byte `at` of their names. */
static void put_entries(pickler *p, int begin, int end, size_t at)
{
    for (int i = begin, next; i < end; i = next) {
        const char *key = p->tensors[i]->name + at, *slash = strchr(key, '/');
        size_t n = slash ? (size_t)(slash - key) : strlen(key);
        next = i + 1;
        while (slash && next < end && strncmp(p->tensors[next]->name + at, key, n + 1) == 0) next++;
        put_text(p, key, n);
        if (slash) {
            put_class(p, "}(");
            put_entries(p, i, next, at + n + 1);
            put_op(p, 'u');
        } else {
            put_tensor(p, p->tensors[i], p->records[i]);
        }
    }
}

static void put_all(pickler *p, int n_tensors, const char *meta_name, const km_st_meta *meta, int n_meta)
{
    put_number(p, 0x80, 2, 1);
    put_class(p, "}(");
    put_entries(p, 0, n_tensors, 0);
    if (n_meta) {
        put_text(p, meta_name, strlen(meta_name));
        put_class(p, "}(");
        for (int i = 0; i < n_meta; i++) {
            put_text(p, meta[i].key, strlen(meta[i].key));
            put_text(p, meta[i].value, strlen(meta[i].value));
        }
        put_op(p, 'u');
    }
    put_class(p, "u.");
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const km_st_tensor *const *)a)->name, (*(const km_st_tensor *const *)b)->name);
}

static int by_data(const void *a, const void *b)
{
    const km_st_tensor *x = **(const km_st_tensor **const *)a, *y = **(const km_st_tensor **const *)b;
    if (x->data != y->data) return (const char *)x->data < (const char *)y->data ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Tensors of the same data share a record: its number is that of the first of them in order of their names. */
static void number_records(const km_st_tensor **tensors, int n, int *records)
{
    const km_st_tensor ***order = KM_NEWN(const km_st_tensor **, n + 1);
    for (int i = 0; i < n; i++) order[i] = &tensors[i];
    qsort(order, (size_t)n, sizeof *order, by_data);
    for (int i = 0; i < n; i++) {
        const km_st_tensor *t = *order[i], *before = i ? *order[i - 1] : NULL;
        bool same = before && t->bytes && t->data == before->data && t->bytes == before->bytes &&
                    t->dtype == before->dtype;
        records[order[i] - tensors] = same ? records[order[i - 1] - tensors] : (int)(order[i] - tensors);
    }
    free(order);
}

static bool write_all(km_zip_writer *w, const pickler *p, int n, km_st_fetch *opt_fetch, void *arg)
{
    bool good = km_zip_add(w, "data.pkl", p->bytes, p->n) && km_zip_add(w, "byteorder", "little", 6);
    for (int i = 0; good && i < n; i++) {
        const km_st_tensor *t = p->tensors[i];
        char name[24];
        snprintf(name, sizeof name, "data/%d", i);
        if (p->records[i] == i) good = km_zip_add(w, name, opt_fetch ? opt_fetch(arg, t) : t->data, t->bytes);
    }
    return good && km_zip_add(w, "version", "3\n", 2) && km_zip_end(w);
}

static km_status write_file(const char *path, const pickler *p, int n, km_st_fetch *opt_fetch, void *arg, km_err *err)
{
    km_output o;
    KM_TRY(km_output_open(&o, path, true, err));
    km_zip_writer *w = km_zip_writer_new(o.file, "archive");
    errno = 0;
    bool good = write_all(w, p, n, opt_fetch, arg) && fflush(o.file) == 0 && (!o.part || fsync(fileno(o.file)) == 0);
    km_zip_writer_free(w);
    if (good) return km_output_commit(&o, err);
    km_status status = km_fail(err, KM_SYSTEM, "%s: cannot write: %s", o.what, strerror(errno));
    km_output_abandon(&o, false);
    return status;
}

km_status km_torch_write(const char *path, const km_st_tensor *tensors, int n_tensors, const char *meta_name,
                         const km_st_meta *meta, int n_meta, km_st_fetch *opt_fetch, void *arg, km_err *err)
{
    for (int i = 0; i < n_tensors; i++)
        if (!storage_class(tensors[i].dtype))
            return km_fail(err, KM_INPUT, "tensor '%.100s': PyTorch has no storage of type %s", tensors[i].name,
                           km_dtype_name(tensors[i].dtype));
    const km_st_tensor **sorted = KM_NEWN(const km_st_tensor *, n_tensors + 1);
    int *records = KM_NEWN(int, n_tensors + 1);
    for (int i = 0; i < n_tensors; i++) sorted[i] = &tensors[i];
    qsort(sorted, (size_t)n_tensors, sizeof *sorted, by_name);
    number_records(sorted, n_tensors, records);
    pickler p = {.tensors = sorted, .records = records};
    put_all(&p, n_tensors, meta_name, meta, n_meta);
    km_status status = write_file(path, &p, n_tensors, opt_fetch, arg, err);
    free(p.bytes);
    free(sorted);
    free(records);
    return status;
}
