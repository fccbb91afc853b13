/* SPDX-License-Identifier: MIT
 * PyTorch checkpoints: a zip archive of one pickle (data.pkl) and the bytes of every storage (data/0, data/1 ...).
 * Sources: PyTorch's serialization notes, pickletools of the Python library, PKWARE's APPNOTE.
 *
 * Nothing is executed. The pickle is read into inert values: containers, plain values, tensors; an instance of any
 * class and what any function would return is an object that has a name, arguments and a state. A call of what could
 * run commands or code is refused, as a sign of ill will. The file is mapped and tensors are read when they are asked
 * for.
 * Tests: tests/unit/test_torch.c, tests/fuzz/fuzz_torch.c */
#ifndef FORMATS_TORCH_H
#define FORMATS_TORCH_H

#include <stdbool.h>

#include "formats/safetensors.h"

typedef enum km_pickle_kind {
    KM_PICKLE_NONE = 1,
    KM_PICKLE_BOOL,
    KM_PICKLE_INT,
    KM_PICKLE_REAL,
    KM_PICKLE_TEXT,
    KM_PICKLE_BYTES,
    KM_PICKLE_LIST,   /* list, tuple, set, torch.Size */
    KM_PICKLE_DICT,   /* dict, OrderedDict, defaultdict; as it was filled */
    KM_PICKLE_CLASS,  /* a class or function, by name alone */
    KM_PICKLE_OBJECT, /* an instance of a class; a whole number of more than 64 bits is one of `builtins int` */
    KM_PICKLE_HANDLE, /* a reference to something outside of the pickle; args is what it is called by */
    KM_PICKLE_TENSOR, /* integer: its number for km_torch_at */
} km_pickle_kind;

/* A value. Values refer to each other freely: there may be cycles. */
typedef struct km_pickle km_pickle;
struct km_pickle {
    km_pickle_kind kind;
    int visited;        /* for whoever walks through values: 0 before and after */
    size_t n, room;     /* bytes of a text, items of a list, entries of a dictionary */
    union {
        int64_t integer; /* BOOL, INT, TENSOR */
        double real;
        const char *text;  /* TEXT, BYTES, and CLASS as "module name"; a zero follows the last byte */
        km_pickle **items; /* LIST [n]; DICT [2 n], key and value */
    };
    km_pickle *cls, *args, *state; /* OBJECT; DICT and LIST may have a state; NULL: none */
    km_pickle *contents;           /* what was put into an OBJECT as into a container: LIST, DICT or NULL */
};

/* The value of a dictionary's key, NULL when d is NULL, no dictionary, or has no such key. */
km_pickle *km_pickle_find(const km_pickle *d, const char *key);
/* A value as JSON; the caller frees it. An omegaconf container or node is what it contains, any other object
 * {"class": name}; what JSON has no word for (cycles, tensors, infinities, text that is not UTF-8) is null. */
char *km_pickle_json(km_pickle *v);

typedef struct km_torch_tensor {
    const char *name; /* the keys that lead to it, joined by '/' */
    km_dtype dtype;
    int nd;
    int64_t shape[KM_ST_MAX_DIMS], stride[KM_ST_MAX_DIMS], offset; /* stride and offset count elements */
    const char *record;     /* its storage's name, as "data/12" without "data/" */
    const uint8_t *storage; /* mapped; little-endian, not always aligned to the element */
    uint64_t record_bytes;
    uint32_t crc;           /* of the record, as the archive has it; 0: it was left out */
    size_t bytes;           /* of its elements, one after the other */
} km_torch_tensor;

typedef struct km_torch km_torch;
/* Map, read the pickle and check every tensor's place. KM_INPUT names file and place of what is wrong. */
km_status km_torch_open(const char *path, km_torch **ret, km_err *err) KM_MUST_USE;
void km_torch_close(km_torch *t);
km_pickle *km_torch_root(const km_torch *t);
int km_torch_count(const km_torch *t);
const km_torch_tensor *km_torch_at(const km_torch *t, int i); /* in the order of the pickle */
/* The elements in row-major order where they lie so in the file; NULL: they do not. */
const void *km_torch_in_place(const km_torch_tensor *t);
/* The same for any tensor, copied to out [bytes]. */
void km_torch_copy(const km_torch_tensor *t, void *out);
/* Compare every record with the archive's checksum. */
km_status km_torch_verify(const km_torch *t, km_err *err) KM_MUST_USE;
/* Do these first bytes of a file look like an archive? */
bool km_torch_is(const uint8_t *head, size_t n);

/* Write what torch.load(weights_only=True) reads, through PATH.part and a rename: dictionaries of tensors, nested where
 * names have a '/', and the texts of meta in a dictionary of their own under `meta_name`. Tensors of one data pointer
 * share a storage. fetch as for km_safetensors_write_with. KM_INPUT names a type that PyTorch has no storage for. */
km_status km_torch_write(const char *path, const km_st_tensor *tensors, int n_tensors, const char *meta_name,
                         const km_st_meta *meta, int n_meta, km_st_fetch *opt_fetch, void *arg,
                         km_err *err) KM_MUST_USE;

#endif
