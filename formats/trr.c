/* SPDX-License-Identifier: MIT
 * TRR: frames one after the other, big-endian, each with any of box, positions, velocities and forces in float32 or
 * float64. Nothing in the file says how many there are. Format: GROMACS reference manual, "trr"; xdrfile. */
#include <math.h>
#include <stdlib.h>

#include "formats/traj_impl.h"
#include "lib/base/mem.h"

/* Bytes from the start of a frame. The time is followed by lambda, both as wide as the other numbers. */
enum { AT_NAME = 4, AT_SIZES = 24, AT_ATOMS = 64, AT_STEP = 68, AT_TIME = 76, MAGIC = 1993 };
/* The sizes in bytes of what a frame holds, in their order in the header and in the frame. */
enum { INPUT, ENERGY, BOX, VIRIAL, PRESSURE, TOPOLOGY, SYMBOLS, POSITIONS, VELOCITIES, FORCES, N_SIZES };
static const uint8_t name[] = {0, 0, 0, 13, 0, 0, 0, 12, 'G', 'M', 'X', '_', 't', 'r', 'n', '_', 'f', 'i', 'l', 'e'};

typedef struct frame {
    int width; /* bytes of a number, 4 or 8; 0: the file ends inside the header */
    int32_t atoms;
    bool box, positions;
    double ps;
    int64_t at_box, at_positions, bytes; /* from the start of the frame */
} frame;

static int64_t head_bytes(int width) { return AT_TIME + 2 * width; }

static double number(const uint8_t *p, int width)
{
    return width == 4 ? (double)km_be_float(p) : km_be_double(p);
}

/* The width with which each size is that of nothing or of what it names, 4 or 8; 0: neither, or there is nothing. */
static int find_width(const uint32_t size[N_SIZES], int32_t atoms)
{
    const int64_t each = 3 * (int64_t)atoms;
    const int64_t numbers[N_SIZES] = {
        [BOX] = 9, [VIRIAL] = 9, [PRESSURE] = 9, [POSITIONS] = each, [VELOCITIES] = each, [FORCES] = each};
    for (int width = 4; width <= 8; width += 4) {
        bool good = true, any = false;
        for (int k = 0; k < N_SIZES; k++) {
            good &= size[k] == 0 || size[k] == width * numbers[k];
            any |= size[k] != 0;
        }
        if (good && any) return width;
    }
    return 0;
}

static km_status read_head(const km_traj *t, int64_t at, frame *ret, km_err *err)
{
    uint8_t head[AT_TIME + 16];
    const int64_t have = t->size - at < (int64_t)sizeof head ? t->size - at : (int64_t)sizeof head;
    *ret = (frame){0};
    KM_TRY(km_traj_pread(t, head, (size_t)have, at, err));
    if ((have >= 4 && km_be32(head) != MAGIC) || (have >= AT_SIZES && memcmp(head + AT_NAME, name, sizeof name) != 0)) {
        return km_fail(err, KM_INPUT, "%s: no TRR frame at byte %lld, where one should begin", t->name, (long long)at);
    }
    if (have < AT_TIME) return KM_OK;
    const int32_t atoms = (int32_t)km_be32(head + AT_ATOMS);
    if (atoms <= 0 || (t->n_frames && atoms != t->n_atoms)) {
        return km_fail(err, KM_INPUT, "%s: the frame at byte %lld has %d atoms%s", t->name, (long long)at, atoms,
                       atoms > 0 ? ", unlike those before it" : "");
    }
    uint32_t size[N_SIZES];
    for (int k = 0; k < N_SIZES; k++) size[k] = km_be32(head + AT_SIZES + 4 * k);
    const int width = find_width(size, atoms);
    if (width == 0) {
        return km_fail(err, KM_INPUT, "%s: the sizes in the frame at byte %lld are not those of %d atoms", t->name,
                       (long long)at, atoms);
    }
    if (have < head_bytes(width)) return KM_OK;
    ret->width = width;
    ret->atoms = atoms;
    ret->box = size[BOX] != 0;
    ret->positions = size[POSITIONS] != 0;
    ret->ps = number(head + AT_TIME, width);
    ret->at_box = head_bytes(width);
    ret->at_positions = ret->at_box + size[BOX] + size[VIRIAL] + size[PRESSURE];
    ret->bytes = ret->at_positions + size[POSITIONS] + (int64_t)size[VELOCITIES] + size[FORCES];
    return KM_OK;
}

km_status km_trr_open(km_traj *t, km_err *err)
{
    for (int64_t at = 0; at < t->size;) {
        frame f;
        KM_TRY(read_head(t, at, &f, err));
        if (f.width == 0 || f.bytes > t->size - at) {
            t->truncated = true;
            break;
        }
        if (f.positions) { /* velocities and forces may have been stored more often */
            t->n_atoms = f.atoms;
            km_traj_add_offset(t, at);
            t->n_frames++;
        }
        at += f.bytes;
    }
    if (t->n_frames == 0) {
        return km_fail(err, KM_INPUT, t->truncated ? "%s: truncated before the end of its first frame with positions"
                                                   : "%s: no frame has positions", t->name);
    }
    return KM_OK;
}

km_status km_trr_read(const km_traj *t, int64_t i, float *coords, int64_t *ret_fs, float *box, km_err *err)
{
    frame f;
    KM_TRY(read_head(t, t->offsets[i], &f, err));
    if (!(fabs(f.ps) < 1e15)) return km_fail(err, KM_INPUT, "%s: frame %lld has no valid time", t->name, (long long)i);
    *ret_fs = llround(f.ps * 1000);
    const int64_t n = 3 * (int64_t)t->n_atoms, bytes = f.at_positions + n * f.width;
    uint8_t *data = km_alloc((size_t)bytes);
    km_status s = km_traj_pread(t, data, (size_t)bytes, t->offsets[i], err);
    if (s == KM_OK) {
        for (int k = 0; k < 9; k++) box[k] = f.box ? (float)(number(data + f.at_box + k * f.width, f.width) * 10) : 0;
        for (int64_t k = 0; k < n; k++)
            coords[k] = (float)(number(data + f.at_positions + k * f.width, f.width) * 10);
    }
    free(data);
    return s;
}

km_status km_trr_write(km_traj_writer *w, const float *coords, int64_t time_fs, const float *box, km_err *err)
{
    const size_t n = 3 * (size_t)w->n_atoms, at_box = (size_t)head_bytes(4), at_positions = at_box + 9 * 4;
    const size_t bytes = at_positions + 4 * n;
    if (!w->buffer) w->buffer = km_calloc(bytes, 1);
    uint8_t *data = w->buffer;
    km_put_be32(data, MAGIC);
    memcpy(data + AT_NAME, name, sizeof name);
    km_put_be32(data + AT_SIZES + 4 * BOX, 9 * 4);
    km_put_be32(data + AT_SIZES + 4 * POSITIONS, (uint32_t)(4 * n));
    km_put_be32(data + AT_ATOMS, (uint32_t)w->n_atoms);
    km_put_be32(data + AT_STEP, (uint32_t)w->n_frames);
    km_put_be_float(data + AT_TIME, (float)((double)time_fs / 1000));
    for (size_t k = 0; k < 9; k++) km_put_be_float(data + at_box + 4 * k, (float)(box[k] / 10.0));
    for (size_t k = 0; k < n; k++) km_put_be_float(data + at_positions + 4 * k, (float)(coords[k] / 10.0));
    if (fwrite(data, 1, bytes, w->out.file) != bytes) return km_fail(err, KM_SYSTEM, "cannot write '%s'", w->out.what);
    return KM_OK;
}
