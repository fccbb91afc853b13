/* SPDX-License-Identifier: MIT
 * The stream: msgpack maps, each in a zstd frame of its own with content size and checksum (km-stream(5)).
 *
 * Order: one system, optional msa, optional templates, optional trunk, any number of frame, one end; then perhaps
 * another system. Tensors travel as `rows` messages of at most 16 MiB behind the message they belong to. Unknown
 * messages and keys are passed through.
 * Tests: tests/unit/test_km.c, tests/cli/stream.bats, tests/fuzz/fuzz_km.c */
#ifndef FORMATS_KM_H
#define FORMATS_KM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/base/alignment.h"
#include "lib/base/system.h"

typedef enum km_msg_type {
    KM_MSG_SYSTEM = 1,
    KM_MSG_MSA,
    KM_MSG_TEMPLATES,
    KM_MSG_TRUNK,
    KM_MSG_FRAME,
    KM_MSG_END,
    KM_MSG_OTHER, /* anything unknown, and new_frames: raw bytes */
} km_msg_type;

/* One message. Exactly one of the pointers is set, by type. What it points to belongs to the reader and lasts until the
 * next call, unless it is taken with km_reader_take_*. */
typedef struct km_msg {
    km_msg_type type;
    km_system *system;
    km_msa *msa;             /* whole and checked, its rows already joined; so are the next two */
    km_templates *templates;
    km_trunk_result *trunk;
    km_frame frame;          /* coords borrowed from the reader */
    int64_t n_frames;        /* of `end`: frames since the system */
    const void *raw;         /* KM_MSG_OTHER: the message's msgpack bytes */
    size_t raw_bytes;
    char raw_kind[16];       /* its `type` */
    int32_t record; /* of `new_frames`: which record of provenance, counted from 1, made what follows; else 0 */
} km_msg;

/* A system as the msgpack bytes of its message and back: what other formats store. ret_bytes is the caller's to free.
 * Unpack checks everything, km_system_check included: KM_INPUT. */
km_status km_system_pack(const km_system *s, void **ret_bytes, size_t *ret_n, km_err *err) KM_MUST_USE;
km_status km_system_unpack(const void *bytes, size_t n, km_system **ret, km_err *err) KM_MUST_USE;

typedef struct km_reader km_reader;
/* Read from f, which stays the caller's; name is for messages. */
km_reader *km_reader_new(FILE *f, const char *name);
void km_reader_free(km_reader *r);
/* 1 a message; 0 the clean end of the stream (right after `end`); negative: KM_INPUT for damage, wrong order, or a file
 * that ends before `end` (the message says "truncated" and where, as record number and byte); KM_INTERRUPTED after a
 * signal. Errors are sticky. */
km_status km_reader_next(km_reader *r, km_msg *ret_msg, km_err *err) KM_MUST_USE;
km_system *km_reader_take_system(km_reader *r);        /* the last system message; the caller frees it */
km_msa *km_reader_take_msa(km_reader *r);              /* so with the others */
km_templates *km_reader_take_templates(km_reader *r);
km_trunk_result *km_reader_take_trunk(km_reader *r);
/* How much was read: messages, compressed and plain bytes. */
typedef struct km_reader_stats {
    int64_t messages, bytes, plain_bytes;
} km_reader_stats;
km_reader_stats km_reader_get_stats(const km_reader *r);

typedef struct km_writer km_writer;
km_writer *km_writer_new(FILE *f, const char *name);
/* A writer that goes on with a system where r has found the stream cut, behind its last whole message
 * (km_reader_stats.bytes of it). */
km_writer *km_writer_behind(const km_reader *r, FILE *f, const char *name);
void km_writer_free(km_writer *w);
/* Each message is flushed when written. KM_SYSTEM on failure; order is checked (a wrong order is a bug). */
km_status km_writer_system(km_writer *w, const km_system *s, km_err *err) KM_MUST_USE;
km_status km_writer_msa(km_writer *w, const km_msa *m, km_err *err) KM_MUST_USE;
km_status km_writer_templates(km_writer *w, const km_templates *t, km_err *err) KM_MUST_USE;
km_status km_writer_trunk(km_writer *w, const km_trunk_result *t, km_err *err) KM_MUST_USE;
/* What follows was made by the program of this record of provenance, counted from 1. */
km_status km_writer_new_frames(km_writer *w, int32_t record, km_err *err) KM_MUST_USE;
km_status km_writer_frame(km_writer *w, const km_frame *f, km_err *err) KM_MUST_USE;
km_status km_writer_raw(km_writer *w, const void *raw, size_t bytes, km_err *err) KM_MUST_USE;
km_status km_writer_end(km_writer *w, km_err *err) KM_MUST_USE;

#endif
