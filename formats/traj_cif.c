/* SPDX-License-Identifier: MIT
 * mmCIF as a trajectory: a frame is the rows of _atom_site with one pdbx_PDB_model_num; _cell is the box of all. One
 * row a line, as every program writes them. */
#include <stdlib.h>
#include <strings.h>

#include "formats/traj_lines.h"
#include "lib/base/box.h"
#include "lib/base/mem.h"

enum { MOST_COLUMNS = 64 };

typedef struct km_cif_columns {
    int n, x, y, z, model, alternate; /* of _atom_site; -1: absent */
} columns;

typedef struct field {
    const char *p;
    size_t n;
} field;

static bool begins(const char *line, size_t n, const char *with)
{
    const size_t m = strlen(with);
    return n >= m && !strncasecmp(line, with, m);
}

bool km_cif_is(const char *head, size_t n)
{
    for (size_t at = 0; at < n;) {
        const char *end = memchr(head + at, '\n', n - at);
        const size_t m = end ? (size_t)(end - head) - at : n - at;
        if (begins(head + at, m, "data_")) return true;
        if (m > 0 && head[at] != '#' && head[at] != '\r') return false;
        at += m + 1;
    }
    return false;
}

/* The values of a row; -1 for more than MOST_COLUMNS or a quotation without an end. */
static int split_row(const char *p, size_t n, field *out)
{
    const char *end = p + n;
    int count = 0;
    for (;;) {
        while (p < end && (*p == ' ' || *p == '\t')) p++;
        if (p == end) return count;
        if (count == MOST_COLUMNS) return -1;
        const char quote = *p == '\'' || *p == '"' ? *p : 0, *from = p + (quote != 0);
        for (p = from; p < end; p++) {
            if (quote ? *p == quote && (p + 1 == end || p[1] == ' ' || p[1] == '\t') : *p == ' ' || *p == '\t') break;
        }
        if (quote && p == end) return -1;
        out[count++] = (field){from, (size_t)(p - from)};
        p += quote != 0;
    }
}

static void note_column(columns *c, const char *tag, size_t n)
{
    static const char *const names[] = {"Cartn_x", "Cartn_y", "Cartn_z", "pdbx_PDB_model_num", "label_alt_id"};
    int *const places[] = {&c->x, &c->y, &c->z, &c->model, &c->alternate};
    while (n > 0 && (tag[n - 1] == ' ' || tag[n - 1] == '\t')) n--;
    for (int k = 0; k < 5; k++)
        if (strlen(names[k]) == n && !strncasecmp(tag, names[k], n)) *places[k] = c->n;
    c->n++;
}

static bool is_row(const char *line, size_t n)
{
    return n > 0 && *line != '#' && *line != '_' && !begins(line, n, "loop_") && !begins(line, n, "data_");
}

/* The numbers of _cell, and whether the line was one of them. */
static bool read_cell(const char *line, size_t n, double cell[6])
{
    static const char *const names[] = {"_cell.length_a",    "_cell.length_b",   "_cell.length_c",
                                        "_cell.angle_alpha", "_cell.angle_beta", "_cell.angle_gamma"};
    for (int k = 0; k < 6; k++)
        if (begins(line, n, names[k])) {
            const size_t m = strlen(names[k]);
            return km_text_number(line + m, n - m, &cell[k]);
        }
    return false;
}

typedef struct scan {
    int64_t atoms; /* of the present frame */
    char model[16];
    bool short_row, ended;
} scan;

static km_status close_frame(km_traj *t, scan *s, int64_t end, km_err *err)
{
    KM_TRY(km_text_end_frame(t, s->atoms, end, err));
    s->atoms = 0;
    return KM_OK;
}

static km_status scan_row(km_traj *t, scan *s, const km_lines *l, const char *line, size_t n, int64_t at, km_err *err)
{
    const columns *c = t->columns;
    field f[MOST_COLUMNS];
    if (split_row(line, n, f) != c->n) {
        s->short_row = !l->whole;
        return l->whole
                   ? km_fail(err, KM_INPUT, "%s: not %d values in the row at byte %lld", t->name, c->n, (long long)at)
                   : KM_OK;
    }
    if (c->alternate >= 0 && f[c->alternate].n > 0 && *f[c->alternate].p != '.' && *f[c->alternate].p != '?')
        return km_fail(err, KM_INPUT, "%s: an alternate location at byte %lld: not a trajectory", t->name,
                       (long long)at);
    const field model = c->model >= 0 ? f[c->model] : (field){"1", 1};
    if (model.n >= sizeof s->model)
        return km_fail(err, KM_INPUT, "%s: a model number of %zu characters", t->name, model.n);
    if (strlen(s->model) != model.n || memcmp(s->model, model.p, model.n) != 0) {
        if (s->atoms > 0) KM_TRY(close_frame(t, s, at, err));
        if (t->n_offsets == 0) km_traj_add_offset(t, at);
        memset(s->model, 0, sizeof s->model);
        memcpy(s->model, model.p, model.n);
    }
    s->atoms++;
    return KM_OK;
}

static km_status scan_line(km_traj *t, scan *s, const km_lines *l, const char *line, size_t n, int64_t at,
                           double cell[6], km_err *err)
{
    columns *c = t->columns;
    const bool complete = c->x >= 0 && c->y >= 0 && c->z >= 0;
    if (read_cell(line, n, cell) || s->ended) return KM_OK;
    if (begins(line, n, "_atom_site.")) {
        if (c->n == MOST_COLUMNS) return km_fail(err, KM_INPUT, "%s: more than %d columns", t->name, MOST_COLUMNS);
        note_column(c, line + 11, n - 11);
    } else if (complete && is_row(line, n)) {
        return scan_row(t, s, l, line, n, at, err);
    } else if (complete && s->atoms > 0) {
        s->ended = true;
        return close_frame(t, s, at, err);
    }
    return KM_OK;
}

km_status km_cif_open(km_traj *t, km_err *err)
{
    km_lines l = km_lines_from(t, 0);
    scan s = {0};
    double cell[6] = {0};
    const char *line;
    size_t n;
    int64_t at;
    km_status status;
    t->columns = KM_NEW(columns);
    *t->columns = (columns){0, -1, -1, -1, -1, -1};
    t->untimed = true;
    while ((status = km_lines_next(&l, &line, &n, &at, err)) == 1)
        if ((status = scan_line(t, &s, &l, line, n, at, cell, err)) < 0) break;
    if (status == KM_OK && s.atoms > 0) { /* the file ends among the rows */
        t->truncated = s.short_row || (t->n_frames > 0 && s.atoms < t->n_atoms);
        if (!t->truncated) status = close_frame(t, &s, t->size, err);
    }
    t->truncated |= s.short_row;
    km_lines_free(&l);
    KM_TRY(status);
    if (t->n_frames == 0)
        return km_fail(err, KM_INPUT,
                       t->truncated ? "%s: truncated inside its first frame" : "%s: no atoms with coordinates",
                       t->name);
    if (cell[0] > 1 && !km_box_of_degrees(cell, cell + 3, t->box)) memset(t->box, 0, sizeof t->box);
    return KM_OK;
}

km_status km_cif_read(const km_traj *t, int64_t i, float *coords, int64_t *ret_fs, float *box, km_err *err)
{
    const columns *c = t->columns;
    const int places[] = {c->x, c->y, c->z};
    km_lines l = km_lines_from(t, t->offsets[i]);
    km_status status = KM_OK;
    *ret_fs = i;
    memcpy(box, t->box, sizeof t->box);
    for (int32_t a = 0; a < t->n_atoms && status >= 0; a++) {
        const char *line = "";
        size_t n = 0;
        field f[MOST_COLUMNS];
        if ((status = km_lines_next(&l, &line, &n, NULL, err)) < 0) break;
        bool good = status == 1 && split_row(line, n, f) == c->n;
        for (int k = 0; k < 3 && good; k++) {
            double v;
            good = km_text_number(f[places[k]].p, f[places[k]].n, &v);
            if (good) coords[3 * a + k] = (float)v;
        }
        if (!good)
            status = km_fail(err, KM_INPUT, "%s: frame %lld: no coordinates: '%.*s'", t->name, (long long)i,
                             (int)(n < 80 ? n : 80), line);
    }
    km_lines_free(&l);
    return status < 0 ? status : KM_OK;
}
