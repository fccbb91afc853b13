/* SPDX-License-Identifier: MIT
 * Amber's NetCDF trajectories and restarts: classic NetCDF (CDF-1, -2, -5), big-endian, the variables of one frame in
 * one record. Formats: NetCDF user's guide, appendix B; AMBER NetCDF convention 1.0. Read here and not through
 * libnetcdf, whose one lock would be in the way of reading frames on several threads. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "formats/traj_impl.h"
#include "lib/base/box.h"
#include "lib/base/mem.h"

enum { MOST_HEADER = 1 << 20, MOST_ITEMS = 1024, MOST_RANK = 8 };
enum { TAG_DIMENSION = 10, TAG_VARIABLE = 11, TAG_ATTRIBUTE = 12 };
enum { NC_CHAR = 2, NC_FLOAT = 5, NC_DOUBLE = 6, NC_LAST = 11 };
static const int widths[NC_LAST + 1] = {0, 1, 1, 2, 4, 4, 8, 1, 2, 4, 8, 8};

typedef struct variable {
    int64_t begin, numbers; /* where the first lies; how many in a record, or in all */
    int width;              /* bytes of a number, 4 or 8; 0: there is no such variable */
    bool record;
    double scale; /* to angstrom or picoseconds */
} variable;

struct km_netcdf {
    variable coordinates, time, lengths, angles;
    int64_t record_bytes;
};

/* The header and how far it has been read. */
typedef struct header {
    const km_traj *t;
    uint8_t *data;
    size_t n, at;
    bool wide, cut; /* CDF-5: 64-bit counts; the bytes have run out */
    int64_t dimension[MOST_ITEMS];
    int n_dimensions, record; /* record: index of the unlimited one, or -1 */
} header;

static const uint8_t *take(header *h, uint64_t n)
{
    if (h->cut || n > h->n - h->at) {
        h->cut = true;
        return NULL;
    }
    const uint8_t *p = h->data + h->at;
    h->at += n;
    return p;
}

static uint64_t take_word(header *h)
{
    const uint8_t *p = take(h, 4);
    return p ? km_be32(p) : 0;
}
static uint64_t take_long(header *h)
{
    const uint8_t *p = take(h, 8);
    return p ? km_be64(p) : 0;
}
static uint64_t take_count(header *h) { return h->wide ? take_long(h) : take_word(h); }

/* A name or the values of an attribute, padded to four bytes; true where it is `text`. */
static bool take_text_is(header *h, const char *text)
{
    const uint64_t n = take_count(h);
    const uint8_t *p = n < MOST_HEADER ? take(h, (n + 3) / 4 * 4) : take(h, UINT64_MAX);
    return p && n == strlen(text) && !memcmp(p, text, n);
}

static km_status damaged(const header *h, km_err *err)
{
    return km_fail(err, KM_INPUT, "%s: %s", h->t->name,
                   h->cut ? "truncated inside its header, or damaged there" : "its NetCDF header is damaged");
}

/* The number of items in a list, which begins with its tag; both 0 where there is none. */
static km_status take_list(header *h, uint32_t tag, int *ret_n, km_err *err)
{
    const uint64_t found = take_word(h), n = take_count(h);
    *ret_n = 0;
    if (h->cut || n > MOST_ITEMS || (n > 0 && found != tag) || (found != 0 && found != tag)) return damaged(h, err);
    *ret_n = (int)n;
    return KM_OK;
}

static km_status read_dimensions(header *h, km_err *err)
{
    KM_TRY(take_list(h, TAG_DIMENSION, &h->n_dimensions, err));
    h->record = -1;
    for (int i = 0; i < h->n_dimensions; i++) {
        take_text_is(h, "");
        const uint64_t n = take_count(h);
        if (h->cut || n > INT64_MAX / 64) return damaged(h, err);
        h->dimension[i] = (int64_t)n;
        if (n == 0) h->record = i;
    }
    return KM_OK;
}

/* Attributes, of which a variable's scale_factor and units count. */
static km_status read_attributes(header *h, double *opt_scale, km_err *err)
{
    static const struct {
        const char *name;
        double scale;
    } units[] = {{"nanometer", 10}, {"nm", 10}, {"femtosecond", 1e-3}, {"nanosecond", 1e3}};
    int n;
    KM_TRY(take_list(h, TAG_ATTRIBUTE, &n, err));
    for (int i = 0; i < n; i++) {
        const size_t at = h->at;
        const bool is_scale = take_text_is(h, "scale_factor");
        h->at = h->cut ? h->at : at;
        const bool is_units = take_text_is(h, "units");
        const uint64_t type = take_word(h), count = take_count(h);
        if (h->cut || type < 1 || type > NC_LAST || count > MOST_HEADER) return damaged(h, err);
        const uint8_t *p = take(h, (count * (uint64_t)widths[type] + 3) / 4 * 4);
        if (!p) return damaged(h, err);
        if (!opt_scale) continue;
        if (is_scale && count == 1 && type == NC_FLOAT) *opt_scale *= km_be_float(p);
        if (is_scale && count == 1 && type == NC_DOUBLE) *opt_scale *= km_be_double(p);
        for (size_t k = 0; k < sizeof units / sizeof *units && is_units && type == NC_CHAR; k++)
            if (count == strlen(units[k].name) && !memcmp(p, units[k].name, count)) *opt_scale *= units[k].scale;
    }
    return KM_OK;
}

/* The next variable, into that of c which has its name. */
static km_status read_variable(header *h, struct km_netcdf *c, km_err *err)
{
    const struct {
        const char *name;
        variable *to;
    } known[] = {{"coordinates", &c->coordinates},
                 {"time", &c->time},
                 {"cell_lengths", &c->lengths},
                 {"cell_angles", &c->angles}};
    variable v = {.numbers = 1, .scale = 1}, *to = NULL;
    const size_t at = h->at;
    for (int k = 0; k < 4; k++) {
        h->at = h->cut ? h->at : at;
        if (take_text_is(h, known[k].name)) {
            to = known[k].to;
            break;
        }
    }
    const uint64_t rank = take_count(h);
    if (h->cut || rank > MOST_RANK) return damaged(h, err);
    for (uint64_t k = 0; k < rank; k++) {
        const uint64_t d = take_count(h);
        if (h->cut || d >= (uint64_t)h->n_dimensions) return damaged(h, err);
        if (k == 0 && (int)d == h->record) v.record = true;
        else if (h->dimension[d] == 0 || h->dimension[d] > INT64_MAX / 64 / v.numbers) return damaged(h, err);
        else v.numbers *= h->dimension[d];
    }
    KM_TRY(read_attributes(h, &v.scale, err));
    const uint64_t type = take_word(h);
    take_count(h); /* its size, which is what the dimensions say */
    const uint64_t begin = h->data[3] == 1 ? take_word(h) : take_long(h);
    if (h->cut || type < 1 || type > NC_LAST || begin > INT64_MAX / 2) return damaged(h, err);
    v.begin = (int64_t)begin;
    if (v.record) c->record_bytes += (v.numbers * widths[type] + 3) / 4 * 4;
    if (c->record_bytes > INT64_MAX / 4) return damaged(h, err);
    if (type == NC_FLOAT || type == NC_DOUBLE) v.width = widths[type];
    if (to) *to = v;
    return KM_OK;
}

static km_status read_header(km_traj *t, header *h, int64_t *ret_records, km_err *err)
{
    struct km_netcdf *c = t->netcdf;
    int n;
    take(h, 4);
    if (h->cut) return damaged(h, err);
    if (h->data[3] != 1 && h->data[3] != 2 && h->data[3] != 5)
        return km_fail(err, KM_INPUT, "%s: not a classic NetCDF file", t->name);
    h->wide = h->data[3] == 5;
    const uint64_t records = take_count(h), streaming = h->wide ? UINT64_MAX : UINT32_MAX;
    *ret_records = records == streaming || records > INT64_MAX / 2 ? -1 : (int64_t)records;
    KM_TRY(read_dimensions(h, err));
    KM_TRY(read_attributes(h, NULL, err));
    KM_TRY(take_list(h, TAG_VARIABLE, &n, err));
    for (int i = 0; i < n; i++) KM_TRY(read_variable(h, c, err));
    return KM_OK;
}

/* Where the record i of v ends. */
static int64_t end_of(const struct km_netcdf *c, const variable *v, int64_t i)
{
    return v->width ? v->begin + (v->record ? i * c->record_bytes : 0) + v->numbers * v->width : 0;
}

static bool has_frame(const km_traj *t, int64_t i)
{
    const struct km_netcdf *c = t->netcdf;
    return end_of(c, &c->coordinates, i) <= t->size && end_of(c, &c->time, i) <= t->size &&
           end_of(c, &c->lengths, i) <= t->size && end_of(c, &c->angles, i) <= t->size;
}

static km_status find_frames(km_traj *t, int64_t records, km_err *err)
{
    const struct km_netcdf *c = t->netcdf;
    const variable *x = &c->coordinates;
    if (x->width == 0 || x->numbers % 3 || x->numbers / 3 > INT_MAX / 16)
        return km_fail(err, KM_INPUT, "%s: no `coordinates` [frame, atom, 3] of floating-point numbers", t->name);
    t->n_atoms = (int32_t)(x->numbers / 3);
    t->untimed = c->time.width == 0 || c->time.numbers != 1;
    if ((c->lengths.width && c->lengths.numbers != 3) || (c->angles.width && c->angles.numbers != 3))
        return km_fail(err, KM_INPUT, "%s: a unit cell of other than three lengths and three angles", t->name);
    int64_t fit = has_frame(t, 0) ? 1 : 0;
    if (x->record && fit) {
        for (int64_t step = t->size / c->record_bytes + 1; step > 0; step /= 2)
            while (has_frame(t, fit - 1 + step)) fit += step;
    }
    t->n_frames = x->record ? (records < 0 || records > fit ? fit : records) : fit;
    t->truncated = x->record ? records > fit : fit == 0;
    if (t->n_frames > 0) return KM_OK;
    return km_fail(err, KM_INPUT, t->truncated ? "%s: truncated inside its first frame" : "%s: no frames", t->name);
}

km_status km_netcdf_open(km_traj *t, km_err *err)
{
    header h = {.t = t, .n = t->size < MOST_HEADER ? (size_t)t->size : MOST_HEADER};
    int64_t records = 0;
    t->netcdf = KM_NEW(struct km_netcdf);
    h.data = km_alloc(h.n);
    km_status s = km_traj_pread(t, h.data, h.n, 0, err);
    if (s == KM_OK) s = read_header(t, &h, &records, err);
    free(h.data);
    return s == KM_OK ? find_frames(t, records, err) : s;
}

void km_netcdf_close(km_traj *t) { free(t->netcdf); }

/* Record i of v as n numbers, scaled. */
static km_status read_numbers(const km_traj *t, const variable *v, int64_t i, double *out, km_err *err)
{
    uint8_t data[24];
    KM_ASSERT(v->numbers <= 3);
    KM_TRY(km_traj_pread(t, data, (size_t)(v->numbers * v->width),
                         v->begin + (v->record ? i * t->netcdf->record_bytes : 0), err));
    for (int64_t k = 0; k < v->numbers; k++)
        out[k] = v->scale * (v->width == 4 ? (double)km_be_float(data + 4 * k) : km_be_double(data + 8 * k));
    return KM_OK;
}

km_status km_netcdf_read(const km_traj *t, int64_t i, float *coords, int64_t *ret_fs, float *box, km_err *err)
{
    const struct km_netcdf *c = t->netcdf;
    const variable *x = &c->coordinates;
    double ps = 0, length[3], angle[3];
    *ret_fs = i;
    memset(box, 0, 9 * sizeof *box);
    if (!t->untimed) {
        KM_TRY(read_numbers(t, &c->time, i, &ps, err));
        if (!(fabs(ps) < 1e15))
            return km_fail(err, KM_INPUT, "%s: frame %lld has no valid time", t->name, (long long)i);
        *ret_fs = llround(ps * 1000);
    }
    if (c->lengths.width && c->angles.width) {
        KM_TRY(read_numbers(t, &c->lengths, i, length, err));
        KM_TRY(read_numbers(t, &c->angles, i, angle, err));
        if (!km_box_of_degrees(length, angle, box))
            return km_fail(err, KM_INPUT, "%s: frame %lld has an impossible unit cell", t->name, (long long)i);
    }
    const size_t bytes = (size_t)(x->numbers * x->width);
    uint8_t *data = km_alloc(bytes);
    km_status s = km_traj_pread(t, data, bytes, x->begin + (x->record ? i * c->record_bytes : 0), err);
    for (int64_t k = 0; k < x->numbers && s == KM_OK; k++) {
        const double v = x->width == 4 ? (double)km_be_float(data + 4 * k) : km_be_double(data + 8 * k);
        coords[k] = (float)(x->scale * v);
    }
    free(data);
    return s;
}
