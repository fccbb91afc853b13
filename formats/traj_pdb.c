/* SPDX-License-Identifier: MIT
 * PDB (wwPDB format 3.3) as a trajectory: a frame is what lies between ENDMDL or END records; CRYST1 is its box, or
 * that of the first frame; a TITLE may tell its time as GROMACS writes it. */
#include <stdlib.h>

#include "formats/traj_lines.h"
#include "lib/base/box.h"

enum { AT_ALTERNATE = 16, AT_X = 30, WIDTH = 8, ATOM_END = 54 };

static bool is_record(const char *line, size_t n, const char *name)
{
    const size_t m = strlen(name);
    return n >= m && !memcmp(line, name, m) && (n == m || m == 6 || line[m] == ' ');
}

static bool is_atom(const char *line, size_t n) { return is_record(line, n, "ATOM  ") || is_record(line, n, "HETATM"); }

bool km_pdb_is(const char *head, size_t n)
{
    static const char *const first[] = {"HEADER", "TITLE ", "COMPND", "SOURCE", "KEYWDS", "EXPDTA", "AUTHOR",
                                        "REVDAT", "REMARK", "SEQRES", "CRYST1", "ORIGX1", "SCALE1", "MODEL ",
                                        "ATOM  ", "HETATM", "NUMMDL", "SPLIT ", "CAVEAT", "OBSLTE", "MDLTYP"};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        if (is_record(head, n, first[i])) return true;
    return false;
}

/* A unit cell of 1 1 1 is how a structure without one is written. */
static bool read_cryst(const char *line, size_t n, float box[9])
{
    static const int from[] = {6, 15, 24, 33, 40, 47, 54};
    double v[6];
    if (n < 54) return false;
    for (int k = 0; k < 6; k++)
        if (!km_text_number(line + from[k], (size_t)(from[k + 1] - from[k]), &v[k])) return false;
    if (v[0] <= 1 && v[1] <= 1 && v[2] <= 1) return false;
    return km_box_of_degrees(v, v + 3, box);
}

/* A frame while the file is scanned. */
typedef struct scan {
    int64_t atoms;
    bool open, timed; /* a MODEL record has come; a time has come */
} scan;

static km_status close_frame(km_traj *t, scan *s, int64_t end, km_err *err)
{
    KM_TRY(km_text_end_frame(t, s->atoms, end, err));
    t->untimed |= !s->timed;
    *s = (scan){0};
    return KM_OK;
}

static km_status scan_line(km_traj *t, scan *s, const char *line, size_t n, int64_t at, int64_t end, km_err *err)
{
    int64_t unused;
    if (is_atom(line, n)) {
        if (n > AT_ALTERNATE && line[AT_ALTERNATE] != ' ')
            return km_fail(err, KM_INPUT, "%s: an alternate location at byte %lld: not a trajectory", t->name,
                           (long long)at);
        s->atoms++;
        return KM_OK;
    }
    if (is_record(line, n, "MODEL")) s->open = true;
    if (is_record(line, n, "TITLE") && km_text_title_fs(line, n, &unused)) s->timed = true;
    if (is_record(line, n, "CRYST1") && t->n_frames == 0) read_cryst(line, n, t->box);
    if (is_record(line, n < 3 ? n : 3, "END") && s->atoms > 0) /* ENDMDL too */
        return close_frame(t, s, end, err);
    return KM_OK;
}

km_status km_pdb_open(km_traj *t, km_err *err)
{
    km_lines l = km_lines_from(t, 0);
    scan s = {0};
    const char *line;
    size_t n;
    int64_t at;
    km_status status;
    bool cut = false;
    km_traj_add_offset(t, 0);
    while ((status = km_lines_next(&l, &line, &n, &at, err)) == 1) {
        cut = is_atom(line, n) && n < ATOM_END;
        if (cut && l.whole)
            status = km_fail(err, KM_INPUT, "%s: an atom cut short at byte %lld", t->name, (long long)at);
        else if (!cut) status = scan_line(t, &s, line, n, at, l.offset + (int64_t)l.at, err);
        if (status < 0) break;
    }
    /* A model that is not closed is cut; without MODEL records the file's end closes the last frame. */
    if (status == KM_OK && (s.atoms > 0 || s.open)) {
        t->truncated = cut || s.open || (t->n_frames > 0 && s.atoms < t->n_atoms);
        if (!t->truncated) status = close_frame(t, &s, t->size, err);
    }
    t->truncated |= status == KM_OK && cut;
    km_lines_free(&l);
    KM_TRY(status);
    if (t->n_frames == 0)
        return km_fail(err, KM_INPUT, t->truncated ? "%s: truncated inside its first frame" : "%s: no atoms", t->name);
    return KM_OK;
}

static km_status read_atom(const km_traj *t, const char *line, size_t n, int64_t i, float *x, km_err *err)
{
    for (int k = 0; k < 3; k++) {
        double v;
        if (n < ATOM_END || !km_text_number(line + AT_X + WIDTH * k, WIDTH, &v))
            return km_fail(err, KM_INPUT, "%s: frame %lld: a coordinate that is no number: '%.*s'", t->name,
                           (long long)i, (int)(n < 60 ? n : 60), line);
        x[k] = (float)v;
    }
    return KM_OK;
}

km_status km_pdb_read(const km_traj *t, int64_t i, float *coords, int64_t *ret_fs, float *box, km_err *err)
{
    km_lines l = km_lines_from(t, t->offsets[i]);
    const char *line;
    size_t n;
    int64_t atoms = 0, at;
    km_status status;
    *ret_fs = i;
    memcpy(box, t->box, sizeof t->box);
    while ((status = km_lines_next(&l, &line, &n, &at, err)) == 1 && at < t->offsets[i + 1]) {
        if (is_atom(line, n) && atoms < t->n_atoms) {
            if ((status = read_atom(t, line, n, i, coords + 3 * atoms++, err)) < 0) break;
        } else if (is_record(line, n, "TITLE") && !t->untimed) km_text_title_fs(line, n, ret_fs);
        else if (is_record(line, n, "CRYST1")) read_cryst(line, n, box);
    }
    km_lines_free(&l);
    if (status >= 0 && atoms != t->n_atoms)
        return km_fail(err, KM_INPUT, "%s: frame %lld changed while it was read", t->name, (long long)i);
    return status < 0 ? status : KM_OK;
}
