/* SPDX-License-Identifier: MIT
 * XTC: frames one after the other, big-endian, each with its own count of bytes. Nothing in the file says how many
 * there are. Format: GROMACS reference manual, "xtc". */
#include <math.h>
#include <stdlib.h>

#include "formats/traj_impl.h"
#include "lib/base/mem.h"

/* Bytes from the start of a frame. */
enum {
    AT_ATOMS = 4, AT_STEP = 8, AT_TIME = 12, AT_BOX = 16, AT_COUNT = 52, AT_PLAIN = 56, AT_PRECISION = 56, AT_MIN = 60,
    AT_MAX = 72, AT_SMALL = 84, AT_BYTES = 88, AT_PACKED = 92, MAGIC = 1995, MAGIC_LARGE = 2023, MOST_PLAIN = 9,
};

/* Bytes of the frame whose head (of `have` bytes) is given; 0: the head is not whole; negative: not a frame. */
static int64_t frame_bytes(const km_traj *t, const uint8_t *head, int64_t have, km_err *err)
{
    const uint32_t magic = have >= 4 ? km_be32(head) : MAGIC;
    if (magic == MAGIC_LARGE) {
        return km_fail(err, KM_INPUT,
                       "%s: frame %lld is of the XTC variant for more than 298 million atoms, which is not read",
                       t->name, (long long)t->n_frames);
    }
    if (magic != MAGIC) {
        return km_fail(err, KM_INPUT, "%s: no XTC frame at byte %lld, where frame %lld should begin", t->name,
                       (long long)t->offsets[t->n_frames], (long long)t->n_frames);
    }
    if (have < AT_PLAIN) return 0;
    const int32_t atoms = (int32_t)km_be32(head + AT_ATOMS);
    if (atoms <= 0 || (int32_t)km_be32(head + AT_COUNT) != atoms || (t->n_frames && atoms != t->n_atoms)) {
        return km_fail(err, KM_INPUT, "%s: frame %lld has %d atoms and %d coordinates%s", t->name,
                       (long long)t->n_frames, atoms, (int32_t)km_be32(head + AT_COUNT),
                       t->n_frames ? ", unlike those before it" : "");
    }
    if (atoms <= MOST_PLAIN) return AT_PLAIN + 12 * (int64_t)atoms;
    if (have < AT_PACKED) return 0;
    const int32_t bytes = (int32_t)km_be32(head + AT_BYTES);
    /* No atom takes less than 2 bits, so that a lie about their number costs no memory. */
    if (bytes < atoms / 4) {
        return km_fail(err, KM_INPUT, "%s: frame %lld has %d atoms in %d bytes", t->name, (long long)t->n_frames, atoms,
                       bytes);
    }
    return AT_PACKED + ((int64_t)bytes + 3) / 4 * 4;
}

km_status km_xtc_open(km_traj *t, km_err *err)
{
    km_traj_add_offset(t, 0);
    for (int64_t at = 0; at < t->size;) {
        uint8_t head[AT_PACKED];
        const int64_t have = t->size - at < AT_PACKED ? t->size - at : AT_PACKED;
        KM_TRY(km_traj_pread(t, head, (size_t)have, at, err));
        const int64_t n = frame_bytes(t, head, have, err);
        if (n < 0) return (km_status)n;
        if (n == 0 || n > t->size - at) {
            t->truncated = true;
            break;
        }
        t->n_atoms = (int32_t)km_be32(head + AT_ATOMS);
        km_traj_add_offset(t, at += n);
        t->n_frames++;
    }
    if (t->n_frames == 0) return km_fail(err, KM_INPUT, "%s: truncated inside its first frame", t->name);
    return KM_OK;
}

static km_status decode(const km_traj *t, int64_t i, const uint8_t *data, int64_t bytes, float *coords, int64_t *ret_fs,
                        float *box, km_err *err)
{
    const double ps = km_be_float(data + AT_TIME);
    if (!(fabs(ps) < 1e15)) return km_fail(err, KM_INPUT, "%s: frame %lld has no valid time", t->name, (long long)i);
    *ret_fs = llround(ps * 1000);
    for (int k = 0; k < 9; k++) box[k] = km_be_float(data + AT_BOX + 4 * k) * 10.0f;
    if (t->n_atoms <= MOST_PLAIN) {
        for (int k = 0; k < 3 * t->n_atoms; k++) coords[k] = km_be_float(data + AT_PLAIN + 4 * k) * 10.0f;
        return KM_OK;
    }
    km_xtc_block b = {.precision = km_be_float(data + AT_PRECISION), .small = (int32_t)km_be32(data + AT_SMALL)};
    for (int k = 0; k < 3; k++) {
        b.min[k] = (int32_t)km_be32(data + AT_MIN + 4 * k);
        b.max[k] = (int32_t)km_be32(data + AT_MAX + 4 * k);
    }
    const char *why = km_xtc_unpack(&b, data + AT_PACKED, (size_t)bytes - AT_PACKED, t->n_atoms, coords);
    return why ? km_fail(err, KM_INPUT, "%s: frame %lld is damaged: %s", t->name, (long long)i, why) : KM_OK;
}

km_status km_xtc_read(const km_traj *t, int64_t i, float *coords, int64_t *ret_fs, float *box, km_err *err)
{
    const int64_t at = t->offsets[i], bytes = t->offsets[i + 1] - at;
    uint8_t *data = km_alloc((size_t)bytes + KM_XTC_PAD);
    memset(data + bytes, 0, KM_XTC_PAD);
    km_status s = km_traj_pread(t, data, (size_t)bytes, at, err);
    if (s == KM_OK) s = decode(t, i, data, bytes, coords, ret_fs, box, err);
    free(data);
    return s;
}

km_status km_xtc_write(km_traj_writer *w, const float *coords, int64_t time_fs, const float *box, km_err *err)
{
    const int32_t n = w->n_atoms;
    const size_t packed = AT_PACKED + km_xtc_pack_bound(n), ints = ((packed + 7) & ~(size_t)7);
    if (!w->buffer) w->buffer = km_alloc(ints + (size_t)n * 12);
    uint8_t *data = w->buffer;
    km_put_be32(data, MAGIC);
    km_put_be32(data + AT_ATOMS, (uint32_t)n);
    km_put_be32(data + AT_STEP, (uint32_t)w->n_frames);
    km_put_be_float(data + AT_TIME, (float)((double)time_fs / 1000));
    for (int k = 0; k < 9; k++) km_put_be_float(data + AT_BOX + 4 * k, (float)(box[k] / 10.0));
    km_put_be32(data + AT_COUNT, (uint32_t)n);
    size_t bytes = AT_PLAIN + 12 * (size_t)n;
    if (n <= MOST_PLAIN) {
        for (int k = 0; k < 3 * n; k++) km_put_be_float(data + AT_PLAIN + 4 * k, (float)(coords[k] / 10.0));
    } else {
        km_xtc_block b = {.precision = w->precision};
        const char *why = km_xtc_pack(&b, coords, n, (int32_t *)(void *)(data + ints), data + AT_PACKED, &bytes);
        if (why) return km_fail(err, KM_INPUT, "%s: frame %lld: %s", w->out.what, (long long)w->n_frames, why);
        km_put_be_float(data + AT_PRECISION, b.precision);
        for (int k = 0; k < 3; k++) {
            km_put_be32(data + AT_MIN + 4 * k, (uint32_t)b.min[k]);
            km_put_be32(data + AT_MAX + 4 * k, (uint32_t)b.max[k]);
        }
        km_put_be32(data + AT_SMALL, (uint32_t)b.small);
        km_put_be32(data + AT_BYTES, (uint32_t)bytes);
        for (bytes += AT_PACKED; bytes % 4; bytes++) data[bytes] = 0;
    }
    if (fwrite(data, 1, bytes, w->out.file) != bytes) return km_fail(err, KM_SYSTEM, "cannot write '%s'", w->out.what);
    return KM_OK;
}
