/* SPDX-License-Identifier: MIT
 * DCD of CHARMM, NAMD and X-PLOR: Fortran records, in either byte order, of float32 angstrom; evenly spaced in time.
 * Format: CHARMM documentation, dynamc.doc; NAMD user's guide. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "formats/traj_impl.h"
#include "lib/base/box.h"
#include "lib/base/mem.h"

/* Bytes from the start of the file; the header is a record of 84 bytes: CORD and 20 words. */
enum { AT_WORDS = 8, HEADER = 92, TITLE = 80, CELL = 56 };
enum {
    N_FRAMES = 0,
    FIRST_STEP = 1,
    INTERVAL = 2,
    STEPS = 3,
    FIXED = 8,
    DELTA = 9,
    HAS_CELL = 10,
    FOUR_D = 11,
    CHARMM = 19
};
static const double AKMA_FS = 48.88821; /* sqrt(amu angstrom^2 mol / kcal) */
static const double DEGREE = 0.017453292519943295;

static uint32_t word(const km_traj *t, const void *p)
{
    uint32_t x;
    memcpy(&x, p, 4);
    return t->dcd.swapped ? __builtin_bswap32(x) : x;
}

static float real(const km_traj *t, const void *p)
{
    uint32_t x = word(t, p);
    float f;
    memcpy(&f, &x, 4);
    return f;
}

static double real8(const km_traj *t, const void *p)
{
    uint64_t x;
    double d;
    memcpy(&x, p, 8);
    if (t->dcd.swapped) x = __builtin_bswap64(x);
    memcpy(&d, &x, 8);
    return d;
}

static km_status read_control(km_traj *t, uint8_t head[HEADER], km_err *err)
{
    if (t->size < HEADER) return km_fail(err, KM_INPUT, "%s: truncated inside its header", t->name);
    KM_TRY(km_traj_pread(t, head, HEADER, 0, err));
    uint32_t first;
    memcpy(&first, head, 4);
    t->dcd.swapped = first != 84;
    if (word(t, head) != 84 || memcmp(head + 4, "CORD", 4) || word(t, head + 88) != 84) {
        return km_fail(err, KM_INPUT, "%s: not a DCD file of coordinates with 4-byte record marks", t->name);
    }
    const uint8_t *w = head + AT_WORDS;
    const bool charmm = word(t, w + 4 * CHARMM) != 0;
    if (word(t, w + 4 * FIXED)) return km_fail(err, KM_INPUT, "%s: DCD files with fixed atoms are not read", t->name);
    const double delta = charmm ? real(t, w + 4 * DELTA) : real8(t, w + 4 * DELTA);
    t->dcd.cell = charmm && word(t, w + 4 * HAS_CELL);
    t->dcd.extra = charmm && word(t, w + 4 * FOUR_D);
    t->dcd.first_step = (int32_t)word(t, w + 4 * FIRST_STEP);
    t->dcd.interval = (int32_t)word(t, w + 4 * INTERVAL);
    if (!(fabs(delta) < 1e9)) return km_fail(err, KM_INPUT, "%s: its time step is not a number", t->name);
    /* A float32 in odd units: a whole number of femtoseconds within its precision was meant as one. */
    t->dcd.step_fs = delta * AKMA_FS;
    const double whole = round(t->dcd.step_fs);
    if (fabs(t->dcd.step_fs - whole) <= 1e-6 * whole) t->dcd.step_fs = whole;
    return KM_OK;
}

km_status km_dcd_open(km_traj *t, km_err *err)
{
    uint8_t head[HEADER], r[12];
    KM_TRY(read_control(t, head, err));
    if (t->size < HEADER + 4) return km_fail(err, KM_INPUT, "%s: truncated inside its header", t->name);
    KM_TRY(km_traj_pread(t, r, 4, HEADER, err));
    const int64_t title = word(t, r), at = HEADER + 8 + title;
    if (at + 12 > t->size) return km_fail(err, KM_INPUT, "%s: truncated inside its header", t->name);
    KM_TRY(km_traj_pread(t, r, 4, at - 4, err));
    const bool closed = word(t, r) == title;
    KM_TRY(km_traj_pread(t, r, 12, at, err));
    const int64_t atoms = (int32_t)word(t, r + 4);
    if (!closed || word(t, r) != 4 || word(t, r + 8) != 4 || atoms <= 0 || atoms > INT_MAX / 12) {
        return km_fail(err, KM_INPUT, "%s: its header is damaged", t->name);
    }
    t->n_atoms = (int32_t)atoms;
    t->dcd.header_bytes = at + 12;
    t->dcd.frame_bytes = (t->dcd.cell ? CELL : 0) + (3 + t->dcd.extra) * (4 * atoms + 8);
    t->n_frames = (t->size - t->dcd.header_bytes) / t->dcd.frame_bytes;
    t->truncated = (t->size - t->dcd.header_bytes) % t->dcd.frame_bytes || word(t, head + AT_WORDS) > t->n_frames;
    if (t->n_frames == 0) {
        return km_fail(err, KM_INPUT, t->truncated ? "%s: truncated inside its first frame" : "%s: no frames", t->name);
    }
    return KM_OK;
}

static km_status read_cell(const km_traj *t, int64_t i, const uint8_t *p, float *box, km_err *err)
{
    double d[6]; /* a, gamma, b, beta, alpha, c; angles as degrees (CHARMM) or cosines (NAMD) */
    for (int k = 0; k < 6; k++) d[k] = real8(t, p + 8 * k);
    const bool cosines = fabs(d[1]) <= 1 && fabs(d[3]) <= 1 && fabs(d[4]) <= 1;
    const double length[3] = {d[0], d[2], d[5]};
    double cosine[3] = {d[4], d[3], d[1]};
    for (int k = 0; k < 3; k++) {
        bool good = length[k] >= 0 && length[k] < 1e9 && (cosines || (cosine[k] > 0 && cosine[k] < 180));
        if (!good) return km_fail(err, KM_INPUT, "%s: frame %lld has an impossible unit cell", t->name, (long long)i);
        if (!cosines) cosine[k] = cosine[k] == 90 ? 0 : cos(cosine[k] * DEGREE);
    }
    km_box_of_cell(length, cosine, box);
    return KM_OK;
}

static km_status decode(const km_traj *t, int64_t i, const uint8_t *p, float *coords, float *box, km_err *err)
{
    const uint32_t mark = 4 * (uint32_t)t->n_atoms;
    memset(box, 0, 9 * sizeof *box);
    if (t->dcd.cell) {
        if (word(t, p) != 48 || word(t, p + 52) != 48) {
            return km_fail(err, KM_INPUT, "%s: frame %lld is damaged: no unit cell", t->name, (long long)i);
        }
        KM_TRY(read_cell(t, i, p + 4, box, err));
        p += CELL;
    }
    for (int k = 0; k < 3; k++) {
        if (word(t, p) != mark || word(t, p + 4 + mark) != mark) {
            return km_fail(err, KM_INPUT, "%s: frame %lld is damaged: no record of %u bytes", t->name, (long long)i,
                           mark);
        }
        for (int64_t a = 0; a < t->n_atoms; a++) coords[3 * a + k] = real(t, p + 4 + 4 * a);
        p += mark + 8;
    }
    return KM_OK;
}

km_status km_dcd_read(const km_traj *t, int64_t i, float *coords, int64_t *ret_fs, float *box, km_err *err)
{
    const double fs = ((double)t->dcd.first_step + (double)i * (double)t->dcd.interval) * t->dcd.step_fs;
    if (!(fabs(fs) < 9e18)) return km_fail(err, KM_INPUT, "%s: frame %lld has no valid time", t->name, (long long)i);
    *ret_fs = llround(fs);
    uint8_t *data = km_alloc((size_t)t->dcd.frame_bytes);
    km_status s = km_traj_pread(t, data, (size_t)t->dcd.frame_bytes, t->dcd.header_bytes + i * t->dcd.frame_bytes, err);
    if (s == KM_OK) s = decode(t, i, data, coords, box, err);
    free(data);
    return s;
}

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t r = a % b;
        a = b, b = r;
    }
    return a < 0 ? -a : a;
}

/* The unit of time is the greatest that both the first time and the spacing are multiples of. */
static km_status write_header(km_traj_writer *w, km_err *err)
{
    struct {
        int32_t mark;
        char cord[4];
        int32_t word[20];
        int32_t mark_end, title_mark, titles;
        char title[TITLE];
        int32_t title_end, atoms_mark, atoms, atoms_end;
    } h = {.mark = 84, .cord = {'C', 'O', 'R', 'D'}, .mark_end = 84, .title_mark = TITLE + 4, .titles = 1,
           .title_end = TITLE + 4, .atoms_mark = 4, .atoms = w->n_atoms, .atoms_end = 4};
    _Static_assert(sizeof h == HEADER + 12 + TITLE + 12, "a header without holes");
    int64_t spacing = w->n_frames > 1 ? w->interval_fs : w->first_fs ? w->first_fs : 1000;
    int64_t unit = gcd(spacing, w->first_fs);
    if (unit == 0 || llabs(w->first_fs / unit) > INT_MAX || llabs(spacing / unit) > INT_MAX || w->n_frames > INT_MAX) {
        return km_fail(err, KM_INPUT, "%s: times cannot be told in a DCD file", w->out.what);
    }
    const float delta = (float)((double)unit / AKMA_FS);
    h.word[N_FRAMES] = (int32_t)w->n_frames;
    h.word[FIRST_STEP] = (int32_t)(w->first_fs / unit);
    h.word[INTERVAL] = (int32_t)(spacing / unit);
    h.word[STEPS] = (int32_t)fmin((double)w->n_frames * h.word[INTERVAL], INT_MAX);
    memcpy(&h.word[DELTA], &delta, 4);
    h.word[HAS_CELL] = 1;
    h.word[CHARMM] = 24;
    memset(h.title, ' ', TITLE);
    memcpy(h.title, "REMARKS KINEMATIC", 17);
    if (fwrite(&h, sizeof h, 1, w->out.file) != 1) return km_fail(err, KM_SYSTEM, "cannot write '%s'", w->out.what);
    return KM_OK;
}

static void cell_of_box(const float *box, double cell[6])
{
    double length[3], dot[3];
    for (int k = 0; k < 3; k++) {
        const float *v = box + 3 * k, *u = box + 3 * ((k + 1) % 3);
        length[k] = sqrt((double)v[0] * v[0] + (double)v[1] * v[1] + (double)v[2] * v[2]);
        dot[k] = (double)v[0] * u[0] + (double)v[1] * u[1] + (double)v[2] * u[2]; /* ab, bc, ca */
    }
    for (int k = 0; k < 3; k++) {
        const double scale = length[k] * length[(k + 1) % 3];
        dot[k] = scale > 0 ? fmax(-1, fmin(1, dot[k] / scale)) : 0;
    }
    cell[0] = length[0], cell[1] = dot[0], cell[2] = length[1], cell[3] = dot[2], cell[4] = dot[1], cell[5] = length[2];
}

km_status km_dcd_write(km_traj_writer *w, const float *coords, int64_t time_fs, const float *box, km_err *err)
{
    const size_t n = (size_t)w->n_atoms, bytes = CELL + 3 * (4 * n + 8);
    if (w->n_frames == 0) {
        w->first_fs = time_fs;
        KM_TRY(write_header(w, err)); /* room for the header; its numbers are known at the end */
    }
    if (w->n_frames == 1) w->interval_fs = time_fs - w->first_fs;
    /* Times rounded to femtoseconds may wander by one a frame. */
    if (w->n_frames > 0 &&
        (w->interval_fs <= 0 || llabs(time_fs - w->first_fs - w->n_frames * w->interval_fs) > w->n_frames)) {
        return km_fail(err, KM_INPUT, "%s: frame %lld at %lld fs: a DCD file holds frames evenly spaced in time only",
                       w->out.what, (long long)w->n_frames, (long long)time_fs);
    }
    if (!w->buffer) w->buffer = km_alloc(bytes);
    uint8_t *p = w->buffer;
    double cell[6];
    const uint32_t cell_mark = 48, mark = (uint32_t)(4 * n);
    cell_of_box(box, cell);
    memcpy(p, &cell_mark, 4);
    memcpy(p + 4, cell, 48);
    memcpy(p + 52, &cell_mark, 4);
    p += CELL;
    for (int k = 0; k < 3; k++) {
        memcpy(p, &mark, 4);
        for (size_t a = 0; a < n; a++) memcpy(p + 4 + 4 * a, &coords[3 * a + (size_t)k], 4);
        memcpy(p + 4 + mark, &mark, 4);
        p += mark + 8;
    }
    if (fwrite(w->buffer, 1, bytes, w->out.file) != bytes)
        return km_fail(err, KM_SYSTEM, "cannot write '%s'", w->out.what);
    return KM_OK;
}

km_status km_dcd_finish(km_traj_writer *w, km_err *err)
{
    if (w->n_frames > 0 && fseek(w->out.file, 0, SEEK_SET) != 0)
        return km_fail(err, KM_SYSTEM, "cannot seek in '%s'", w->out.what);
    return write_header(w, err);
}
