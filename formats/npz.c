/* SPDX-License-Identifier: MIT
 * NumPy's arrays as trajectories: a .npy file, or the member of an .npz archive that holds positions [F, A, 3]. Format:
 * numpy.lib.format, versions 1 to 3. A packed member is unpacked into a temporary file, so that frames can be read in
 * any order. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "formats/traj_impl.h"
#include "formats/zip.h"
#include "lib/base/mem.h"

enum { MOST_HEADER = 1 << 16, MOST_RANK = 8, MOST_SEQUENCE = 100000 };
/* Two atoms that follow each other in a list of heavy atoms (or of CA) are at least 1.1 A apart, and hardly ever more
 * than 8: as medians these tell nanometres from angstrom. */
static const double nanometres_below = 0.8;

typedef struct array {
    char type;     /* f, U, or another letter of NumPy's */
    int width;     /* bytes of a number; of U characters */
    int rank;
    int64_t shape[MOST_RANK], begin; /* where the numbers lie in fd */
    bool row_major;
} array;

struct km_npz {
    array positions;
    FILE *unpacked; /* where they are, or NULL: in the trajectory's own file */
    int64_t end;    /* of their bytes there */
    double scale;
    char *sequence;
};

/* An array, or an archive whose first member is one. */
bool km_npz_is(const uint8_t *head, size_t n)
{
    enum { NAME = 30, LENGTH = 26 };
    if (n >= 6 && !memcmp(head, "\x93NUMPY", 6)) return true;
    if (n < NAME || memcmp(head, "PK\3\4", 4)) return false;
    size_t end = NAME + (size_t)(head[LENGTH] | head[LENGTH + 1] << 8);
    return end <= n && end >= NAME + 4 && !memcmp(head + end - 4, ".npy", 4);
}

static km_status read_at(const km_traj *t, FILE *opt_unpacked, void *out, size_t n, int64_t offset, km_err *err)
{
    if (!opt_unpacked) return km_traj_pread(t, out, n, offset, err);
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(fileno(opt_unpacked), (char *)out + done, n - done, offset + (int64_t)done);
        if (got <= 0) return km_fail(err, KM_INPUT, "%s: an array is shorter than its header says", t->name);
        done += (size_t)got;
    }
    return KM_OK;
}

/* What follows 'key': in a header, or NULL. */
static const char *value_of(const char *header, const char *key)
{
    const char *p = strstr(header, key);
    if (!p) return NULL;
    p += strlen(key);
    return p + strspn(p, "'\": ");
}

static bool read_shape(const char *p, array *a)
{
    if (!p || *p++ != '(') return false;
    while (*(p += strspn(p, " ,")) && *p != ')') {
        char *end;
        if (a->rank == MOST_RANK || *p < '0' || *p > '9') return false;
        a->shape[a->rank++] = strtoll(p, &end, 10);
        p = end;
    }
    return *p == ')';
}

/* The array whose header lies at `at`. False where it is none. */
static bool read_header(const km_traj *t, FILE *opt_unpacked, int64_t at, array *a)
{
    uint8_t head[12];
    km_err unused;
    if (read_at(t, opt_unpacked, head, sizeof head, at, &unused) < 0 || memcmp(head, "\x93NUMPY", 6)) return false;
    bool first = head[6] == 1;
    size_t n = first ? head[8] | (size_t)head[9] << 8
                     : head[8] | (size_t)head[9] << 8 | (size_t)head[10] << 16 | (size_t)head[11] << 24;
    if (n > MOST_HEADER) return false;
    char *text = KM_NEWN(char, n + 1);
    bool good = read_at(t, opt_unpacked, text, n, at + (first ? 10 : 12), &unused) == KM_OK;
    const char *descr = good ? value_of(text, "descr") : NULL, *order = good ? value_of(text, "fortran_order") : NULL;
    *a = (array){.begin = at + (first ? 10 : 12) + (int64_t)n};
    good = descr && (*descr == '<' || *descr == '|') && order && read_shape(value_of(text, "shape"), a);
    if (good) a->type = descr[1], a->width = atoi(descr + 2), a->row_major = !strncmp(order, "False", 5);
    free(text);
    return good;
}

static bool is_positions(const array *a)
{
    return a->type == 'f' && (a->width == 2 || a->width == 4 || a->width == 8) && a->row_major && a->rank == 3 &&
           a->shape[2] == 3 && a->shape[0] > 0 && a->shape[1] > 0 && a->shape[1] <= INT_MAX / 24 &&
           a->shape[0] <= INT64_MAX / 24 / a->shape[1];
}

/* -- members of an archive */

static km_status inflate_all(const km_traj *t, const km_zip_entry *e, int64_t at, FILE *out, km_err *err)
{
    uint8_t in[1 << 14], text[1 << 15];
    z_stream z = {0};
    uint64_t left = e->packed, made = 0;
    km_status status = KM_OK;
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK) return km_fail(err, KM_SYSTEM, "no memory to unpack with");
    for (int got = Z_OK; got != Z_STREAM_END && status == KM_OK;) {
        if (!z.avail_in && left) {
            size_t n = left < sizeof in ? (size_t)left : sizeof in;
            status = km_traj_pread(t, in, n, at, err);
            z.next_in = in, z.avail_in = (uInt)n, at += (int64_t)n, left -= n;
            if (status < 0) break;
        }
        z.next_out = text, z.avail_out = sizeof text;
        got = inflate(&z, Z_NO_FLUSH);
        size_t n = sizeof text - z.avail_out;
        made += n;
        if ((got != Z_OK && got != Z_STREAM_END) || made > e->size || (n == 0 && got == Z_OK && !left))
            status = km_fail(err, KM_INPUT, "%s: member '%.80s' is damaged", t->name, e->name);
        else if (fwrite(text, 1, n, out) != n) status = km_fail(err, KM_SYSTEM, "cannot write a temporary file");
    }
    inflateEnd(&z);
    if (status == KM_OK && fflush(out)) status = km_fail(err, KM_SYSTEM, "cannot write a temporary file");
    return status;
}

/* Where a member's bytes lie: in *ret_unpacked, the caller's, or in the file itself. */
static km_status reach(const km_traj *t, const km_zip_entry *e, FILE **ret_unpacked, int64_t *ret_at, km_err *err)
{
    uint8_t local[1 << 12];
    uint64_t begin, room = (uint64_t)t->size - e->offset;
    size_t n = room < sizeof local ? (size_t)room : sizeof local;
    *ret_unpacked = NULL;
    KM_TRY(km_traj_pread(t, local, n, (int64_t)e->offset, err));
    if (km_zip_data(local, n, e, &begin, err) < 0) return km_fail_in(err, t->name);
    *ret_at = (int64_t)(e->offset + begin);
    if (e->encrypted || (e->method != 0 && e->method != Z_DEFLATED) || begin > room || e->packed > room - begin)
        return km_fail(err, KM_INPUT, "%s: member '%.80s' cannot be unpacked", t->name, e->name);
    if (e->method == 0) return KM_OK;
    *ret_unpacked = tmpfile();
    if (!*ret_unpacked) return km_fail(err, KM_SYSTEM, "no temporary file can be made to unpack '%s'", t->name);
    km_status status = inflate_all(t, e, *ret_at, *ret_unpacked, err);
    if (status < 0) fclose(*ret_unpacked), *ret_unpacked = NULL;
    *ret_at = 0;
    return status;
}

/* How sure a member's name says positions: 0 not at all. */
static int rank_of(const char *name)
{
    static const char *const names[] = {"pos", "positions", "atom_positions", "coords", "coordinates", "xyz"};
    enum { N = sizeof names / sizeof *names };
    for (int i = 0; i < N; i++)
        if (!strncmp(name, names[i], strlen(names[i])) && !strcmp(name + strlen(names[i]), ".npy")) return N - i;
    return 0;
}

/* NumPy's text: four bytes a letter. */
static km_status read_sequence(const km_traj *t, const km_zip_entry *e, char **ret, km_err *err)
{
    FILE *unpacked;
    int64_t at;
    array a;
    KM_TRY(reach(t, e, &unpacked, &at, err));
    km_status status = KM_OK;
    if (read_header(t, unpacked, at, &a) && a.type == 'U' && a.rank == 0 && a.width > 0 && a.width < MOST_SEQUENCE) {
        size_t n = (size_t)a.width;
        uint8_t *letters = KM_NEWN(uint8_t, 4 * n);
        char *text = KM_NEWN(char, n + 1);
        status = read_at(t, unpacked, letters, 4 * n, a.begin, err);
        for (size_t i = 0; i < n; i++)
            text[i] = letters[4 * i + 1] || letters[4 * i] > 126 ? '?' : (char)letters[4 * i];
        free(letters);
        *ret = text;
    }
    if (unpacked) fclose(unpacked);
    return status;
}

/* The positions among the members: that of the best name, or the only one of their shape. */
static km_status find_member(km_traj *t, const km_zip_entry *entries, uint64_t n, km_err *err)
{
    struct km_npz *z = t->npz;
    int best = -1, fitting = 0;
    for (uint64_t i = 0; i < n; i++) {
        FILE *unpacked;
        int64_t at;
        array a;
        size_t length = strlen(entries[i].name);
        if (!entries[i].regular || length < 5 || strcmp(entries[i].name + length - 4, ".npy")) continue;
        if (!strcmp(entries[i].name, "sequence.npy")) KM_TRY(read_sequence(t, &entries[i], &z->sequence, err));
        KM_TRY(reach(t, &entries[i], &unpacked, &at, err));
        int rank = rank_of(entries[i].name);
        bool fits = read_header(t, unpacked, at, &a) && is_positions(&a);
        fitting += fits;
        if (fits && rank > best) {
            if (z->unpacked) fclose(z->unpacked);
            z->unpacked = unpacked, z->positions = a, best = rank;
            z->end = at + (int64_t)entries[i].size;
        } else if (unpacked) fclose(unpacked);
    }
    if (best < 0)
        return km_fail(err, KM_INPUT, "%s: none of its arrays holds positions: numbers [frames, atoms, 3]", t->name);
    return best > 0 || fitting == 1
               ? KM_OK
               : km_fail(err, KM_INPUT, "%s: %d of its arrays may be positions; one of them is to be called 'pos'",
                         t->name, fitting);
}

static km_status open_archive(km_traj *t, km_err *err)
{
    km_zip_directory d;
    km_zip_entry *entries;
    km_arena *arena = km_arena_new();
    size_t n = t->size < KM_ZIP_TAIL ? (size_t)t->size : KM_ZIP_TAIL;
    uint8_t *tail = km_arena_zero(arena, n), *bytes = NULL;
    km_status status = km_traj_pread(t, tail, n, t->size - (int64_t)n, err);
    if (status == KM_OK) {
        status = km_zip_locate(tail, n, (uint64_t)t->size, &d, err);
        if (status == KM_OK) {
            bytes = km_arena_zero(arena, (size_t)d.size + 1);
            status = km_traj_pread(t, bytes, (size_t)d.size, (int64_t)d.offset, err);
            if (status == KM_OK) status = km_zip_entries(bytes, &d, arena, &entries, err);
        }
        if (status < 0) status = km_fail_in(err, t->name);
    }
    if (status == KM_OK) status = find_member(t, entries, d.count, err);
    km_arena_free(arena);
    return status;
}

/* -- frames */

/* IEEE 754's half precision. */
static float half(const uint8_t *p)
{
    uint32_t bits = p[0] | (uint32_t)p[1] << 8, e = bits >> 10 & 31, f = bits & 1023;
    float v = e == 31 ? f ? NAN : INFINITY : e ? ldexpf((float)(f + 1024), (int)e - 25) : ldexpf((float)f, -24);
    return bits >> 15 ? -v : v;
}

static km_status read_frame(const km_traj *t, int64_t i, float *coords, km_err *err)
{
    const array *a = &t->npz->positions;
    size_t n = 3 * (size_t)t->n_atoms, bytes = n * (size_t)a->width;
    int64_t at = a->begin + i * (int64_t)bytes;
    if (a->width == 4) return read_at(t, t->npz->unpacked, coords, bytes, at, err);
    uint8_t *raw = KM_NEWN(uint8_t, bytes);
    km_status status = read_at(t, t->npz->unpacked, raw, bytes, at, err);
    for (size_t k = 0; k < n && status == KM_OK; k++) {
        double wide;
        if (a->width == 8) memcpy(&wide, raw + 8 * k, 8), coords[k] = (float)wide;
        else coords[k] = half(raw + 2 * k);
    }
    free(raw);
    return status;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static km_status find_unit(km_traj *t, km_err *err)
{
    int32_t n = t->n_atoms - 1;
    float *x = KM_NEWN(float, 3 * (size_t)t->n_atoms);
    double *d = KM_NEWN(double, (size_t)n + 1);
    km_status status = read_frame(t, 0, x, err);
    for (int32_t i = 0; i < n && status == KM_OK; i++)
        d[i] = sqrt(pow(x[3 * i + 3] - x[3 * i], 2) + pow(x[3 * i + 4] - x[3 * i + 1], 2) +
                    pow(x[3 * i + 5] - x[3 * i + 2], 2));
    qsort(d, (size_t)n, sizeof *d, ascending);
    bool nm = n > 0 && d[n / 2] < nanometres_below;
    t->npz->scale = nm ? 10 : 1;
    snprintf(t->note, sizeof t->note, "its lengths are taken for %s: atoms that follow each other are %.2g apart",
             nm ? "nanometres" : "angstrom", n > 0 ? d[n / 2] : 0.0);
    free(x), free(d);
    return status;
}

km_status km_npz_open(km_traj *t, km_err *err)
{
    uint8_t head[4];
    struct km_npz *z = t->npz = KM_NEW(struct km_npz);
    KM_TRY(km_traj_pread(t, head, t->size < 4 ? (size_t)t->size : 4, 0, err));
    if (head[0] == 'P') KM_TRY(open_archive(t, err));
    else if (!read_header(t, NULL, 0, &z->positions) || !is_positions(&z->positions))
        return km_fail(err, KM_INPUT, "%s: its array holds no positions: numbers [frames, atoms, 3]", t->name);
    if (head[0] != 'P') z->end = t->size;
    t->untimed = true;
    t->n_atoms = (int32_t)z->positions.shape[1], t->n_frames = z->positions.shape[0];
    int64_t frame = 3 * (int64_t)t->n_atoms * z->positions.width, whole = (z->end - z->positions.begin) / frame;
    if (whole < t->n_frames) t->truncated = true, t->n_frames = whole < 0 ? 0 : whole;
    if (t->n_frames == 0) return km_fail(err, KM_INPUT, "%s: truncated inside its first frame", t->name);
    return find_unit(t, err);
}

km_status km_npz_read(const km_traj *t, int64_t i, float *coords, int64_t *ret_fs, float *box, km_err *err)
{
    *ret_fs = i;
    memset(box, 0, 9 * sizeof *box);
    KM_TRY(read_frame(t, i, coords, err));
    for (int64_t k = 0; k < 3 * (int64_t)t->n_atoms && t->npz->scale != 1; k++)
        coords[k] = (float)(coords[k] * t->npz->scale);
    return KM_OK;
}

void km_npz_close(km_traj *t)
{
    if (!t->npz) return;
    if (t->npz->unpacked) fclose(t->npz->unpacked);
    free(t->npz->sequence), free(t->npz);
}

const char *km_npz_sequence(const km_traj *t) { return t->npz ? t->npz->sequence : NULL; }
