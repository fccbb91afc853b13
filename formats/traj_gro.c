/* SPDX-License-Identifier: MIT
 * GRO: a title, the number of atoms, an atom a line in columns whose width the decimal points tell, and the box; frame
 * after frame. Nanometres. Format: GROMACS reference manual, "gro". */
#include <limits.h>
#include <stdlib.h>

#include "formats/structure_gro.h"
#include "formats/traj_lines.h"

enum { AT_X = 20, MOST_WIDTH = 20 };

/* The width of a coordinate's column, or 0. */
static size_t column_width(const char *line, size_t n)
{
    const char *point = n > AT_X ? memchr(line + AT_X, '.', n - AT_X) : NULL;
    const char *next = point ? memchr(point + 1, '.', n - (size_t)(point + 1 - line)) : NULL;
    const size_t width = next ? (size_t)(next - point) : 0;
    return width >= 4 && width <= MOST_WIDTH && n >= AT_X + 3 * width ? width : 0;
}

static bool read_count(const char *line, size_t n, int64_t *ret)
{
    double v;
    if (!km_text_number(line, n, &v) || v < 1 || v > INT_MAX / 16 || v != (double)(int64_t)v) return false;
    *ret = (int64_t)v;
    return true;
}

bool km_gro_place(const char *line, size_t n, float x[3])
{
    const size_t width = column_width(line, n);
    for (size_t k = 0; k < 3; k++) {
        double v;
        if (!width || !km_text_number(line + AT_X + k * width, width, &v)) return false;
        x[k] = (float)(v * 10);
    }
    return true;
}

bool km_gro_is(const char *head, size_t n)
{
    const char *line = memchr(head, '\n', n);
    const char *next = line ? memchr(line + 1, '\n', n - (size_t)(line + 1 - head)) : NULL;
    const char *end = next ? memchr(next + 1, '\n', n - (size_t)(next + 1 - head)) : NULL;
    int64_t count;
    float x[3];
    if (memchr(head, '\0', n) || !end) return false;
    size_t m = (size_t)(next - line - 1);
    if (m > 0 && line[m] == '\r') m--;
    return read_count(line + 1, m, &count) && km_gro_place(next + 1, (size_t)(end - next - 1), x);
}

/* The frame that begins with this line: its atoms, and whether it is whole. */
static km_status scan_frame(km_traj *t, km_lines *l, const char *line, size_t n, bool *whole, km_err *err)
{
    int64_t unused, count;
    *whole = false;
    t->untimed |= !km_text_title_fs(line, n, &unused);
    km_status status = km_lines_next(l, &line, &n, NULL, err);
    if (status <= 0 || !l->whole) return status;
    if (!read_count(line, n, &count) || (t->n_frames && count != t->n_atoms))
        return km_fail(err, KM_INPUT, "%s: frame %lld: no number of atoms, or another than before: '%.*s'", t->name,
                       (long long)t->n_frames, (int)(n < 40 ? n : 40), line);
    for (int64_t i = 0; i <= count; i++) {
        if ((status = km_lines_next(l, &line, &n, NULL, err)) <= 0) return status;
        if (!l->whole && i < count) return KM_OK;
    }
    t->n_atoms = (int32_t)count;
    *whole = l->whole;
    return KM_OK;
}

km_status km_gro_open(km_traj *t, km_err *err)
{
    km_lines l = km_lines_from(t, 0);
    const char *line;
    size_t n;
    km_status status;
    km_traj_add_offset(t, 0);
    while ((status = km_lines_next(&l, &line, &n, NULL, err)) == 1) {
        bool whole;
        if (n == 0 && l.offset + (int64_t)l.at == t->size) continue; /* an empty line at the end */
        if ((status = scan_frame(t, &l, line, n, &whole, err)) < 0) break;
        t->truncated = !whole;
        if (!whole) break;
        t->n_frames++;
        km_traj_add_offset(t, l.offset + (int64_t)l.at);
    }
    km_lines_free(&l);
    KM_TRY(status);
    return t->n_frames ? KM_OK : km_fail(err, KM_INPUT, "%s: truncated inside its first frame", t->name);
}

bool km_gro_box(const char *line, size_t n, float box[9])
{
    static const int place[] = {0, 4, 8, 1, 2, 3, 5, 6, 7};
    const char *end = line + n;
    int count = 0;
    memset(box, 0, 9 * sizeof *box);
    while (count < 9) {
        while (line < end && *line == ' ') line++;
        const char *from = line;
        double v;
        while (line < end && *line != ' ') line++;
        if (line == from) break;
        if (!km_text_number(from, (size_t)(line - from), &v)) return false;
        box[place[count++]] = (float)(v * 10);
    }
    return count == 3 || count == 9;
}

km_status km_gro_read(const km_traj *t, int64_t i, float *coords, int64_t *ret_fs, float *box, km_err *err)
{
    km_lines l = km_lines_from(t, t->offsets[i]);
    const char *line;
    size_t n;
    bool good = true;
    km_status status = KM_OK;
    *ret_fs = i;
    for (int64_t k = -2; k <= t->n_atoms && good; k++) {
        if ((status = km_lines_next(&l, &line, &n, NULL, err)) <= 0) break;
        if (k == -2 && !t->untimed) km_text_title_fs(line, n, ret_fs);
        if (k >= 0) good = k < t->n_atoms ? km_gro_place(line, n, coords + 3 * k) : km_gro_box(line, n, box);
    }
    if (!good || status == 0)
        status = km_fail(err, KM_INPUT, "%s: frame %lld: a line of other than numbers: '%.*s'", t->name, (long long)i,
                         (int)(n < 60 ? n : 60), line);
    km_lines_free(&l);
    return status < 0 ? status : KM_OK;
}
