/* SPDX-License-Identifier: MIT
 * The stream, reading. A zstd frame is walked block by block, so that not a byte beyond it is asked for (a pipe's next
 * message may be long in coming), every place is known, and memory is claimed only for what has arrived. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "formats/km.h"
#include "formats/km_wire.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"

enum { ZSTD_BLOCK = 128 << 10 };

/* How far the head of a system has come: each kind at most once, in this order. */
enum { SYSTEM_SEEN = 1, MSA_SEEN, TEMPLATES_SEEN, TRUNK_SEEN, FRAMES_SEEN };

struct km_reader {
    FILE *f;
    char *name;
    ZSTD_DCtx *zstd;
    km_bytes packed, plain;
    km_reader_stats stats;
    km_status failed; /* sticky */
    km_err why;
    /* of the system being read */
    bool in_system;
    int seen;
    km_wire_place at;
    uint32_t crc_before; /* at.crc without the last message */
    int32_t n_tokens;
    int64_t start_byte;
    km_system *system;
    km_msa *msa;
    km_templates *templates;
    km_trunk_result *trunk;
    const km_wire_part *part; /* the tensor whose rows come, and what has come of it */
    km_bytes joined;
    float *coords;
    int64_t *last_time; /* [n_times] per trajectory */
    int32_t n_times;
};

km_reader *km_reader_new(FILE *f, const char *name)
{
    km_reader *r = KM_NEW(km_reader);
    r->f = f;
    r->name = km_strdup(name);
    r->zstd = ZSTD_createDCtx();
    KM_ASSERT(r->zstd);
    return r;
}

void km_reader_free(km_reader *r)
{
    if (!r) return;
    ZSTD_freeDCtx(r->zstd);
    free(r->packed.data);
    free(r->plain.data);
    free(r->joined.data);
    km_system_free(r->system);
    km_msa_free(r->msa);
    km_templates_free(r->templates);
    km_trunk_result_free(r->trunk);
    free(r->coords);
    free(r->last_time);
    free(r->name);
    free(r);
}

km_system *km_reader_take_system(km_reader *r)
{
    km_system *s = r->system;
    r->system = NULL;
    return s;
}

km_msa *km_reader_take_msa(km_reader *r)
{
    km_msa *m = r->msa;
    r->msa = NULL;
    return m;
}

km_templates *km_reader_take_templates(km_reader *r)
{
    km_templates *t = r->templates;
    r->templates = NULL;
    return t;
}

km_trunk_result *km_reader_take_trunk(km_reader *r)
{
    km_trunk_result *t = r->trunk;
    r->trunk = NULL;
    return t;
}

km_wire_place km_wire_place_of(const km_reader *r) { return r->at; }

km_reader_stats km_reader_get_stats(const km_reader *r) { return r->stats; }

/* n more bytes of the frame into r->packed. 1 they are there; 0 the file ended before the first of them. A signal ends
 * the wait. */
static km_status more(km_reader *r, size_t n, km_err *err)
{
    uint8_t *to = km_bytes_room(&r->packed, n);
    size_t got = fread(to, 1, n, r->f);
    while (got < n && ferror(r->f) && errno == EINTR && !km_interrupted()) {
        clearerr(r->f);
        got += fread(to + got, 1, n - got, r->f);
    }
    r->packed.n += got;
    if (got == n) return 1;
    if (km_interrupted()) return km_fail(err, KM_INTERRUPTED, "interrupted");
    if (ferror(r->f)) return km_fail(err, KM_SYSTEM, "cannot read: %s", strerror(errno));
    return r->packed.n == 0 ? 0 : km_fail(err, KM_INPUT, "truncated");
}

/* The frame's head: exactly the form that the format asks for, so that no bit of it can change unnoticed. */
static km_status read_head(km_reader *r, uint64_t *ret_content, km_err *err)
{
    static const int sizes[4] = {1, 2, 4, 8};
    static const uint8_t magic[4] = {0x28, 0xb5, 0x2f, 0xfd};
    km_status got = more(r, 4, err);
    if (got <= 0) return got;
    if (memcmp(r->packed.data, magic, 4)) return km_fail(err, KM_INPUT, "not a zstd frame");
    KM_TRY(more(r, 1, err));
    uint8_t flags = r->packed.data[4];
    bool single = flags & 0x20;
    if (!(flags & 4)) return km_fail(err, KM_INPUT, "a zstd frame without checksum");
    if (!single && flags >> 6 == 0) return km_fail(err, KM_INPUT, "a zstd frame without content size");
    if (flags & 0x1b) return km_fail(err, KM_INPUT, "damaged (flags of the zstd frame)");
    int size = sizes[flags >> 6];
    if (!single) KM_TRY(more(r, 1, err));
    KM_TRY(more(r, (size_t)size, err));
    uint64_t content = 0;
    for (int i = 1; i <= size; i++) content = content << 8 | r->packed.data[r->packed.n - (size_t)i];
    *ret_content = content + (size == 2 ? 256 : 0);
    if (*ret_content > KM_WIRE_MAX_MESSAGE)
        return km_fail(err, KM_INPUT, "a message of %llu bytes is too long", (unsigned long long)*ret_content);
    return 1;
}

/* Blocks and checksum. */
static km_status read_blocks(km_reader *r, uint64_t content, km_err *err)
{
    uint64_t n_blocks = 0;
    for (bool last = false; !last; n_blocks++) {
        KM_TRY(more(r, 3, err));
        const uint8_t *p = r->packed.data + r->packed.n - 3;
        uint32_t h = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16, type = h >> 1 & 3, size = h >> 3;
        last = h & 1;
        if (type == 3 || size > ZSTD_BLOCK)
            return km_fail(err, KM_INPUT, "damaged (block %llu)", (unsigned long long)n_blocks);
        if (r->packed.n > 2 * (size_t)KM_WIRE_MAX_MESSAGE) return km_fail(err, KM_INPUT, "a message too long");
        size = type == 1 ? 1 : size;
        if (size) KM_TRY(more(r, size, err));
    }
    KM_TRY(more(r, 4, err));
    if (content > n_blocks * ZSTD_BLOCK) return km_fail(err, KM_INPUT, "damaged (content size)");
    return KM_OK;
}

/* The next message's msgpack bytes into r->plain. 1 or 0. */
static km_status next_plain(km_reader *r, km_err *err)
{
    uint64_t content = 0;
    r->packed.n = r->plain.n = 0;
    km_status got = read_head(r, &content, err);
    if (got <= 0) return got;
    KM_TRY(read_blocks(r, content, err));
    km_bytes_room(&r->plain, (size_t)content + 1);
    size_t n = ZSTD_decompressDCtx(r->zstd, r->plain.data, (size_t)content, r->packed.data, r->packed.n);
    if (ZSTD_isError(n)) return km_fail(err, KM_INPUT, "damaged (%s)", ZSTD_getErrorName(n));
    if (n != content) return km_fail(err, KM_INPUT, "damaged (content size)");
    r->plain.n = n;
    return 1;
}

/* The message's `type` as a NUL-terminated text of at most size - 1 bytes. */
static km_status find_type(const km_reader *r, char *out, size_t size, km_err *err)
{
    const uint8_t *p = r->plain.data, *end = p + r->plain.n;
    if (km_wire_skip(p, end) != end) return km_fail(err, KM_INPUT, "not one msgpack value");
    int64_t n = km_wire_map(&p, end);
    for (int64_t i = 0; i < n; i++) {
        const char *text;
        int64_t length = km_wire_text(p, end, &text);
        const uint8_t *value = km_wire_skip(p, end);
        p = km_wire_skip(value, end);
        if (length != 4 || memcmp(text, "type", 4)) continue;
        length = km_wire_text(value, end, &text);
        if (length <= 0 || memchr(text, 0, (size_t)length)) break;
        snprintf(out, size, "%.*s", length < 64 ? (int)length : 64, text);
        return KM_OK;
    }
    return km_fail(err, KM_INPUT, "a message without `type`");
}

static km_status take_frame(km_reader *r, const msgpack_object *o, km_msg *m, km_err *err)
{
    int64_t trajectory = 0;
    const msgpack_object *time = km_wire_get(o, "time"), *given = km_wire_get(o, "given"),
                         *coords = km_wire_get(o, "coords");
    KM_TRY(km_wire_int(o, "trajectory", 0, KM_WIRE_MAX_TRAJECTORY, &trajectory, err));
    if (!time || (time->type != MSGPACK_OBJECT_FLOAT64 && time->type != MSGPACK_OBJECT_FLOAT32) ||
        !(fabs(time->via.f64) < 9e12))
        return km_fail(err, KM_INPUT, "time: not a number of nanoseconds");
    if (!given || given->type != MSGPACK_OBJECT_BOOLEAN) return km_fail(err, KM_INPUT, "given: not true or false");
    size_t bytes = (size_t)r->at.n_atoms * 3 * sizeof(float);
    if (!coords || coords->type != MSGPACK_OBJECT_BIN || coords->via.bin.size != bytes)
        return km_fail(err, KM_INPUT, "coords: not %zu bytes for %d atoms", bytes, r->at.n_atoms);
    if (bytes) memcpy(r->coords, coords->via.bin.ptr, bytes);
    for (int64_t i = 0; i < 3 * (int64_t)r->at.n_atoms; i++)
        if (!isfinite(r->coords[i])) return km_fail(err, KM_INPUT, "coords: atom %lld is not finite", (long long)i / 3);
    int64_t fs = km_fs_of_ns(time->via.f64);
    while (r->n_times <= trajectory) {
        int32_t was = r->n_times;
        r->n_times = 2 * was > trajectory ? 2 * was : (int32_t)trajectory + 1;
        r->last_time = km_realloc(r->last_time, (size_t)r->n_times * sizeof *r->last_time);
        for (int32_t i = was; i < r->n_times; i++) r->last_time[i] = INT64_MIN;
    }
    if (fs < r->last_time[trajectory])
        return km_fail(err, KM_INPUT, "frame at %.9g ns behind a later one of its trajectory", time->via.f64);
    r->last_time[trajectory] = fs;
    r->at.n_frames++;
    r->seen = FRAMES_SEEN;
    m->type = KM_MSG_FRAME;
    m->frame = (km_frame){fs, (int32_t)trajectory, given->via.boolean, r->at.n_atoms, r->coords};
    return 1;
}

static km_status take_end(km_reader *r, const msgpack_object *o, km_msg *m, km_err *err)
{
    int64_t frames, messages, crc;
    KM_TRY(km_wire_int(o, "frames", 0, INT64_MAX, &frames, err));
    KM_TRY(km_wire_int(o, "messages", 0, INT64_MAX, &messages, err));
    if (frames != r->at.n_frames || messages != r->at.n_messages - 1)
        return km_fail(err, KM_INPUT, "end: says %lld frames in %lld messages, there are %lld in %lld",
                       (long long)frames, (long long)messages, (long long)r->at.n_frames,
                       (long long)r->at.n_messages - 1);
    if (km_wire_get(o, "crc32")) {
        KM_TRY(km_wire_int(o, "crc32", 0, UINT32_MAX, &crc, err));
        if (crc != r->crc_before)
            return km_fail(err, KM_INPUT, "end: crc32 does not agree, the stream is damaged before it");
    }
    r->in_system = false;
    m->type = KM_MSG_END;
    m->n_frames = frames;
    return 1;
}

/* Its place in the order of the head, once. */
static km_status come(km_reader *r, int place, const char *what, km_err *err)
{
    if (r->seen >= place) return km_fail(err, KM_INPUT, "%s in the wrong place", what);
    r->seen = place;
    return KM_OK;
}

static km_status take_msa(km_reader *r, const msgpack_object *o, km_msg *m, km_err *err)
{
    KM_TRY(come(r, MSA_SEEN, "an alignment", err));
    m->type = KM_MSG_MSA;
    m->msa = r->msa = KM_NEW(km_msa);
    return km_wire_get_msa(o, r->n_tokens, r->msa, err);
}

static km_status take_templates(km_reader *r, const msgpack_object *o, km_msg *m, km_err *err)
{
    KM_TRY(come(r, TEMPLATES_SEEN, "templates", err));
    m->type = KM_MSG_TEMPLATES;
    m->templates = r->templates = KM_NEW(km_templates);
    return km_wire_get_templates(o, r->n_tokens, r->templates, err);
}

static km_status take_trunk(km_reader *r, const msgpack_object *o, km_msg *m, km_err *err)
{
    KM_TRY(come(r, TRUNK_SEEN, "a trunk", err));
    m->type = KM_MSG_TRUNK;
    m->trunk = r->trunk = KM_NEW(km_trunk_result);
    return km_wire_get_trunk(o, r->n_tokens, r->trunk, err);
}

static void pass_on(const km_reader *r, const char *kind, km_msg *m)
{
    m->type = KM_MSG_OTHER;
    m->raw = r->plain.data;
    m->raw_bytes = r->plain.n;
    snprintf(m->raw_kind, sizeof m->raw_kind, "%.15s", kind);
}

static km_status take_new_frames(km_reader *r, const msgpack_object *o, km_msg *m, km_err *err)
{
    int64_t record;
    KM_TRY(km_wire_int(o, "record", 1, INT32_MAX, &record, err));
    pass_on(r, "new_frames", m);
    m->record = (int32_t)record;
    return 1;
}

/* One message: its plain bytes and its type, counted. */
static km_status next_message(km_reader *r, char kind[65], km_err *err)
{
    r->start_byte = r->stats.bytes;
    km_status got = next_plain(r, err);
    if (got < 0) return got;
    if (got == 0) return r->in_system || r->stats.messages == 0 ? km_fail(err, KM_INPUT, "truncated: no `end`") : 0;
    r->crc_before = r->at.crc;
    KM_TRY(find_type(r, kind, 65, err));
    if (!strcmp(kind, "system")) r->at.crc = 0;
    r->at.crc = (uint32_t)crc32_z(r->at.crc, r->packed.data, r->packed.n);
    r->stats.messages++;
    r->at.n_messages++;
    r->stats.bytes += (int64_t)r->packed.n;
    r->stats.plain_bytes += (int64_t)r->plain.n;
    return 1;
}

/* The message in r->plain, unpacked: what a taker makes of it. */
typedef km_status taker(km_reader *r, const msgpack_object *o, km_msg *m, km_err *err);
static km_status unpack(km_reader *r, taker *take, km_msg *m, km_err *err)
{
    msgpack_unpacked u;
    msgpack_unpacked_init(&u);
    if (msgpack_unpack_next(&u, (const char *)r->plain.data, r->plain.n, NULL) < 0)
        KM_BUG("msgpack-c refuses what was checked");
    km_status status = take(r, &u.data, m, err);
    msgpack_unpacked_destroy(&u);
    return status;
}

static km_status take_rows(km_reader *r, const msgpack_object *o, km_msg *m, km_err *err)
{
    (void)m;
    int64_t first, count;
    size_t row = r->part->row_bytes, left = (size_t)r->part->rows * row - r->joined.n;
    const msgpack_object *of = km_wire_get(o, "of"), *data = km_wire_get(o, "data");
    if (!of || !km_wire_is(of, r->part->of))
        return km_fail(err, KM_INPUT, "rows: not those of %s, which come here", r->part->of);
    KM_TRY(km_wire_int(o, "first", 0, INT32_MAX, &first, err));
    KM_TRY(km_wire_int(o, "count", 1, INT32_MAX, &count, err));
    size_t bytes = (size_t)count * row;
    if (!data || data->type != MSGPACK_OBJECT_BIN || data->via.bin.size != bytes || bytes > left ||
        (size_t)first * row != r->joined.n)
        return km_fail(err, KM_INPUT, "rows: rows of %s in a wrong number or order", r->part->of);
    km_bytes_add(&r->joined, data->via.bin.ptr, bytes);
    return KM_OK;
}

/* Read the rows of r->part, which come next, into r->joined. */
static km_status join_part(km_reader *r, km_err *err)
{
    size_t whole;
    if (__builtin_mul_overflow((size_t)r->part->rows, r->part->row_bytes, &whole))
        return km_fail(err, KM_INPUT, "%s: too large", r->part->of);
    while (r->joined.n < whole) {
        char kind[65];
        KM_TRY(next_message(r, kind, err));
        if (strcmp(kind, "rows")) return km_fail(err, KM_INPUT, "%.20s where rows of %s come", kind, r->part->of);
        KM_TRY(unpack(r, take_rows, NULL, err));
    }
    return KM_OK;
}

/* The tensors behind the message just taken, into its record. */
static km_status join(km_reader *r, const km_msg *m, km_err *err)
{
    km_wire_part parts[KM_WIRE_MAX_PARTS];
    int n = m->msa         ? km_wire_msa_parts(m->msa, parts)
            : m->templates ? km_wire_templates_parts(m->templates, parts)
                           : km_wire_trunk_parts(m->trunk, parts);
    for (int i = 0; i < n; i++) {
        r->part = &parts[i];
        r->joined.n = 0;
        KM_TRY(join_part(r, err));
        km_wire_part_set(r->part, r->joined.data);
        r->joined = (km_bytes){0};
    }
    if (m->msa) return km_msa_check(m->msa, err);
    return m->templates ? km_templates_check(m->templates, err) : KM_OK;
}

static km_status take(km_reader *r, const char *kind, km_msg *m, km_err *err)
{
    static const struct {
        const char *name;
        taker *take;
        bool tensors;
    } kinds[] = {{"frame", take_frame, false},         {"end", take_end, false},
                 {"new_frames", take_new_frames, false}, {"msa", take_msa, true},
                 {"templates", take_templates, true},  {"trunk", take_trunk, true}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kind, kinds[i].name)) continue;
        KM_TRY(unpack(r, kinds[i].take, m, err));
        if (kinds[i].tensors) KM_TRY(join(r, m, err));
        return 1;
    }
    pass_on(r, kind, m);
    return 1;
}

static km_status take_system(km_reader *r, km_msg *m, km_err *err)
{
    km_system_free(r->system);
    r->system = NULL;
    KM_TRY(km_system_unpack(r->plain.data, r->plain.n, &r->system, err));
    km_msa_free(km_reader_take_msa(r));
    km_templates_free(km_reader_take_templates(r));
    km_trunk_result_free(km_reader_take_trunk(r));
    r->in_system = true;
    r->seen = SYSTEM_SEEN;
    r->at.n_frames = 0;
    r->at.n_messages = 1;
    r->n_times = 0;
    r->at.n_atoms = r->system->n_atoms;
    r->n_tokens = r->system->n_tokens;
    r->coords = km_realloc(r->coords, (size_t)r->at.n_atoms * 3 * sizeof(float));
    m->type = KM_MSG_SYSTEM;
    m->system = r->system;
    return 1;
}

km_status km_reader_next(km_reader *r, km_msg *ret_msg, km_err *err)
{
    km_err why = {0};
    char kind[65];
    *ret_msg = (km_msg){0};
    if (r->failed) {
        if (err) *err = r->why;
        return r->failed;
    }
    km_status status = next_message(r, kind, &why);
    if (status == 1) {
        bool system = !strcmp(kind, "system");
        if (system == r->in_system)
            status = km_fail(&why, KM_INPUT,
                             system ? "a system before the `end` of the last one" : "%.20s before any system", kind);
        else
            status = system ? take_system(r, ret_msg, &why) : take(r, kind, ret_msg, &why);
    }
    if (status < 0) {
        *ret_msg = (km_msg){0};
        r->failed = status;
        km_fail(&r->why, status, "%.100s: record %lld, byte %lld: %.110s", r->name, (long long)r->stats.messages,
                (long long)(r->start_byte + (int64_t)r->packed.n), why.msg);
        if (err) *err = r->why;
    }
    return status;
}
