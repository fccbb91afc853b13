/* SPDX-License-Identifier: MIT
 * The stream, writing. Each message is one zstd frame, flushed when written. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "formats/km.h"
#include "formats/km_wire.h"
#include "lib/base/mem.h"

enum { LEVEL = 3 };

struct km_writer {
    FILE *f;
    char *name;
    ZSTD_CCtx *zstd;
    km_bytes plain, packed;
    msgpack_packer packer;
    bool in_system;     /* between `system` and `end` */
    km_wire_place at;
};

km_writer *km_writer_new(FILE *f, const char *name)
{
    km_writer *w = KM_NEW(km_writer);
    w->f = f;
    w->name = km_strdup(name);
    w->zstd = ZSTD_createCCtx();
    KM_ASSERT(w->zstd);
    ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, LEVEL);
    ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 1);
    msgpack_packer_init(&w->packer, &w->plain, km_bytes_write);
    return w;
}

km_writer *km_writer_behind(const km_reader *r, FILE *f, const char *name)
{
    km_writer *w = km_writer_new(f, name);
    w->in_system = true;
    w->at = km_wire_place_of(r);
    return w;
}

void km_writer_free(km_writer *w)
{
    if (!w) return;
    ZSTD_freeCCtx(w->zstd);
    free(w->plain.data);
    free(w->packed.data);
    free(w->name);
    free(w);
}

static km_status put(km_writer *w, const void *plain, size_t n, km_err *err)
{
    if (n > KM_WIRE_MAX_MESSAGE) return km_fail(err, KM_INPUT, "%s: a message of %zu bytes is too long", w->name, n);
    size_t bound = ZSTD_compressBound(n);
    w->packed.n = 0;
    km_bytes_room(&w->packed, bound);
    size_t packed = ZSTD_compress2(w->zstd, w->packed.data, bound, plain, n);
    KM_ASSERT(!ZSTD_isError(packed));
    w->at.crc = (uint32_t)crc32_z(w->at.crc, w->packed.data, packed);
    w->at.n_messages++;
    if (fwrite(w->packed.data, 1, packed, w->f) != packed || fflush(w->f))
        return km_fail(err, KM_SYSTEM, "%s: cannot write: %s", w->name, strerror(errno));
    return KM_OK;
}

/* Begin a map of n entries with its type. */
static msgpack_packer *start(km_writer *w, const char *type, uint32_t n)
{
    w->plain.n = 0;
    msgpack_pack_map(&w->packer, n);
    km_wire_put_text(&w->packer, "type");
    km_wire_put_text(&w->packer, type);
    return &w->packer;
}

static void put_int(msgpack_packer *p, const char *key, int64_t v)
{
    km_wire_put_text(p, key);
    msgpack_pack_int64(p, v);
}

static void put_text(msgpack_packer *p, const char *key, const char *v)
{
    km_wire_put_text(p, key);
    km_wire_put_text(p, v);
}

km_status km_writer_system(km_writer *w, const km_system *s, km_err *err)
{
    KM_ASSERT(!w->in_system);
    void *bytes;
    size_t n;
    if (km_system_pack(s, &bytes, &n, err) < 0) return err ? km_fail_in(err, w->name) : KM_INPUT;
    w->in_system = true;
    w->at = (km_wire_place){.n_atoms = s->n_atoms};
    km_status status = put(w, bytes, n, err);
    free(bytes);
    return status;
}

/* A tensor's rows, in messages of at most 16 MiB (one row at least). */
static km_status put_part(km_writer *w, const km_wire_part *part, km_err *err)
{
    const char *data = km_wire_part_data(part);
    int64_t per = part->row_bytes ? KM_WIRE_MAX_ROWS / (int64_t)part->row_bytes : 0;
    if (per < 1) per = 1;
    for (int64_t first = 0; part->row_bytes && first < part->rows; first += per) {
        int64_t count = part->rows - first < per ? part->rows - first : per;
        msgpack_packer *p = start(w, "rows", 5);
        put_text(p, "of", part->of);
        put_int(p, "first", first);
        put_int(p, "count", count);
        km_wire_put_text(p, "data");
        km_wire_put_bin(p, data + (size_t)first * part->row_bytes, (size_t)count * part->row_bytes);
        KM_TRY(put(w, w->plain.data, w->plain.n, err));
    }
    return KM_OK;
}

/* The message packed already, and its tensors. */
static km_status put_with(km_writer *w, const km_wire_part *parts, int n, km_err *err)
{
    KM_ASSERT(w->in_system && w->at.n_frames == 0);
    KM_TRY(put(w, w->plain.data, w->plain.n, err));
    for (int i = 0; i < n; i++) KM_TRY(put_part(w, &parts[i], err));
    return KM_OK;
}

km_status km_writer_msa(km_writer *w, const km_msa *m, km_err *err)
{
    km_wire_part parts[KM_WIRE_MAX_PARTS];
    w->plain.n = 0;
    km_wire_put_msa(&w->packer, m);
    return put_with(w, parts, km_wire_msa_parts(m, parts), err);
}

km_status km_writer_templates(km_writer *w, const km_templates *t, km_err *err)
{
    km_wire_part parts[KM_WIRE_MAX_PARTS];
    w->plain.n = 0;
    km_wire_put_templates(&w->packer, t);
    return put_with(w, parts, km_wire_templates_parts(t, parts), err);
}

km_status km_writer_trunk(km_writer *w, const km_trunk_result *t, km_err *err)
{
    km_wire_part parts[KM_WIRE_MAX_PARTS];
    w->plain.n = 0;
    km_wire_put_trunk(&w->packer, t);
    return put_with(w, parts, km_wire_trunk_parts(t, parts), err);
}

km_status km_writer_new_frames(km_writer *w, int32_t record, km_err *err)
{
    KM_ASSERT(w->in_system);
    msgpack_packer *p = start(w, "new_frames", 2);
    put_int(p, "record", record);
    return put(w, w->plain.data, w->plain.n, err);
}

km_status km_writer_frame(km_writer *w, const km_frame *f, km_err *err)
{
    KM_ASSERT(w->in_system && f->n_atoms == w->at.n_atoms && f->trajectory >= 0);
    msgpack_packer *p = start(w, "frame", 5);
    km_wire_put_text(p, "time");
    msgpack_pack_double(p, km_ns_of_fs(f->time_fs));
    put_int(p, "trajectory", f->trajectory);
    km_wire_put_text(p, "given");
    (f->given ? msgpack_pack_true : msgpack_pack_false)(p);
    km_wire_put_text(p, "coords");
    km_wire_put_bin(p, f->coords, (size_t)f->n_atoms * 3 * sizeof(float));
    w->at.n_frames++;
    return put(w, w->plain.data, w->plain.n, err);
}

km_status km_writer_raw(km_writer *w, const void *raw, size_t bytes, km_err *err)
{
    KM_ASSERT(w->in_system);
    return put(w, raw, bytes, err);
}

km_status km_writer_end(km_writer *w, km_err *err)
{
    KM_ASSERT(w->in_system);
    uint32_t crc = w->at.crc;
    msgpack_packer *p = start(w, "end", 4);
    put_int(p, "frames", w->at.n_frames);
    put_int(p, "messages", w->at.n_messages);
    put_int(p, "crc32", crc);
    w->in_system = false;
    return put(w, w->plain.data, w->plain.n, err);
}
