/* SPDX-License-Identifier: MIT */
#include "formats/traj.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/traj_impl.h"
#include "lib/base/mem.h"

typedef struct format {
    const char *name;
    km_status (*open)(km_traj *t, km_err *err);
    km_status (*read)(const km_traj *t, int64_t i, float *coords, int64_t *ret_fs, float *box, km_err *err);
    void (*close)(km_traj *t); /* or NULL */
    km_status (*write)(km_traj_writer *w, const float *coords, int64_t time_fs, const float *box, km_err *err);
    km_status (*finish)(km_traj_writer *w, km_err *err); /* or NULL */
} format;

static km_status open_bin(km_traj *t, km_err *err);
static km_status read_bin(const km_traj *t, int64_t i, float *coords, int64_t *ret_fs, float *box, km_err *err);

static const format formats[] = {
    [KM_TRAJ_XTC] = {"xtc", km_xtc_open, km_xtc_read, NULL, km_xtc_write, NULL},
    [KM_TRAJ_DCD] = {"dcd", km_dcd_open, km_dcd_read, NULL, km_dcd_write, km_dcd_finish},
    [KM_TRAJ_TRR] = {"trr", km_trr_open, km_trr_read, NULL, km_trr_write, NULL},
    [KM_TRAJ_NETCDF] = {"nc", km_netcdf_open, km_netcdf_read, km_netcdf_close},
    [KM_TRAJ_PDB] = {"pdb", km_pdb_open, km_pdb_read},
    [KM_TRAJ_CIF] = {"cif", km_cif_open, km_cif_read},
    [KM_TRAJ_GRO] = {"gro", km_gro_open, km_gro_read},
    [KM_TRAJ_H5] = {"h5", km_traj_h5_open, km_traj_h5_read, km_traj_h5_close},
    [KM_TRAJ_NPZ] = {"npz", km_npz_open, km_npz_read, km_npz_close},
    [KM_TRAJ_BIN] = {"bin", open_bin, read_bin},
};

km_traj_kind km_traj_kind_of(const uint8_t *head, size_t n)
{
    const uint32_t magic = n >= 4 ? km_be32(head) : 0;
    if (magic == 1995 || magic == 2023) return KM_TRAJ_XTC;
    if (magic == 1993) return KM_TRAJ_TRR;
    if (n >= 8 && (!memcmp(head + 4, "CORD", 4) || magic == 84 || magic == 84u << 24)) return KM_TRAJ_DCD;
    if (n >= 4 && !memcmp(head, "CDF", 3) && head[3] < 8) return KM_TRAJ_NETCDF;
    if (n >= 8 && !memcmp(head, "\x89HDF\r\n\x1a\n", 8)) return KM_TRAJ_H5;
    if (km_npz_is(head, n)) return KM_TRAJ_NPZ;
    const char *text = (const char *)head;
    if (km_pdb_is(text, n)) return KM_TRAJ_PDB;
    if (km_cif_is(text, n)) return KM_TRAJ_CIF;
    return km_gro_is(text, n) ? KM_TRAJ_GRO : 0;
}

km_traj_kind km_traj_kind_of_file(const char *path)
{
    uint8_t head[KM_TRAJ_HEAD];
    FILE *f = fopen(path, "rb");
    if (!f) return 0;
    const size_t n = fread(head, 1, sizeof head, f);
    fclose(f);
    return km_traj_kind_of(head, n);
}

const char *km_traj_kind_name(km_traj_kind kind) { return formats[kind].name; }

void km_traj_add_offset(km_traj *t, int64_t offset)
{
    if ((t->n_offsets & (t->n_offsets - 1)) == 0) /* room doubles at powers of two */
        t->offsets = km_realloc(t->offsets, (t->n_offsets ? 2 * (size_t)t->n_offsets : 1) * sizeof *t->offsets);
    t->offsets[t->n_offsets++] = offset;
}

km_status km_traj_pread(const km_traj *t, void *out, size_t n, int64_t offset, km_err *err)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(t->fd, (char *)out + done, n - done, offset + (int64_t)done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return km_fail(err, KM_SYSTEM, "cannot read '%s': %s", t->name, strerror(errno));
        if (got == 0)
            return km_fail(err, KM_INPUT, "%s: truncated while it was read, at byte %lld", t->name, (long long)offset);
        done += (size_t)got;
    }
    return KM_OK;
}

static km_status find_kind(km_traj *t, km_err *err)
{
    uint8_t head[KM_TRAJ_HEAD] = {0};
    const size_t n = t->size < KM_TRAJ_HEAD ? (size_t)t->size : KM_TRAJ_HEAD;
    KM_TRY(km_traj_pread(t, head, n, 0, err));
    t->kind = km_traj_kind_of(head, n);
    if (t->kind) return KM_OK;
    const bool gzip = n > 2 && head[0] == 0x1f && head[1] == 0x8b;
    return km_fail(err, KM_INPUT, gzip ? "%s: compressed: unpack it first" : "%s: not a trajectory of a known format",
                   t->name);
}

static km_status open_file(km_traj *t, km_err *err)
{
    struct stat st;
    t->fd = open(t->name, O_RDONLY | O_CLOEXEC);
    if (t->fd < 0 || fstat(t->fd, &st) != 0) {
        return km_fail(err, KM_SYSTEM, "cannot open '%s': %s", t->name, strerror(errno));
    }
    if (!S_ISREG(st.st_mode)) return km_fail(err, KM_INPUT, "%s: not a regular file", t->name);
    t->size = st.st_size;
    if (t->size == 0) return km_fail(err, KM_INPUT, "%s: empty", t->name);
    if (!t->kind) KM_TRY(find_kind(t, err));
    return formats[t->kind].open(t, err);
}

/* kind 0: by content */
static km_traj *start(const char *path, km_traj_kind kind)
{
    km_traj *t = KM_NEW(km_traj);
    t->name = km_strdup(path);
    t->fd = -1;
    t->kind = kind;
    return t;
}

static km_status finish_open(km_traj *t, km_traj **ret, km_err *err)
{
    km_status s = open_file(t, err);
    if (s < 0) km_traj_close(t);
    *ret = s < 0 ? NULL : t;
    return s;
}

km_status km_traj_open(const char *path, km_traj **ret, km_err *err) { return finish_open(start(path, 0), ret, err); }

km_status km_traj_open_bin(const char *path, int32_t n_atoms, km_traj **ret, km_err *err)
{
    KM_ASSERT(n_atoms > 0 && n_atoms <= INT_MAX / 12);
    km_traj *t = start(path, KM_TRAJ_BIN);
    t->n_atoms = n_atoms;
    return finish_open(t, ret, err);
}

km_status km_traj_open_h5(const char *path, const char *positions, const char *opt_box, km_traj **ret, km_err *err)
{
    km_traj *t = start(path, KM_TRAJ_H5);
    t->h5 = km_traj_h5_named(positions, opt_box);
    return finish_open(t, ret, err);
}

/* MDposit's bin: float32 of all atoms, frame after frame, angstrom (mmb-irb/MDDB-REST-API). */
static km_status open_bin(km_traj *t, km_err *err)
{
    const int64_t bytes = 12 * (int64_t)t->n_atoms;
    t->untimed = true;
    t->n_frames = t->size / bytes;
    t->truncated = t->size % bytes != 0;
    return t->n_frames ? KM_OK
                       : km_fail(err, KM_INPUT, "%s: truncated inside its first frame of %d atoms", t->name,
                                 t->n_atoms);
}

static km_status read_bin(const km_traj *t, int64_t i, float *coords, int64_t *ret_fs, float *box, km_err *err)
{
    const size_t bytes = 12 * (size_t)t->n_atoms;
    *ret_fs = i;
    memset(box, 0, 9 * sizeof *box);
    return km_traj_pread(t, coords, bytes, i * (int64_t)bytes, err);
}

void km_traj_close(km_traj *t)
{
    if (!t) return;
    if (t->kind && formats[t->kind].close) formats[t->kind].close(t);
    if (t->fd >= 0) close(t->fd);
    free(t->offsets);
    free(t->columns);
    free(t->name);
    free(t);
}

km_traj_kind km_traj_get_kind(const km_traj *t) { return t->kind; }
int32_t km_traj_atoms(const km_traj *t) { return t->n_atoms; }
int64_t km_traj_frames(const km_traj *t) { return t->n_frames; }
bool km_traj_truncated(const km_traj *t) { return t->truncated; }
bool km_traj_timed(const km_traj *t) { return !t->untimed; }
const char *km_traj_note(const km_traj *t) { return t->note; }
const char *km_traj_sequence(const km_traj *t) { return km_npz_sequence(t); }

km_status km_traj_decode(const km_traj *t, int64_t i, float *coords, int64_t *opt_time_fs, float *opt_box, km_err *err)
{
    KM_ASSERT(i >= 0 && i < t->n_frames);
    int64_t time_fs;
    float box[9];
    KM_TRY(formats[t->kind].read(t, i, coords, &time_fs, box, err));
    if (opt_time_fs) *opt_time_fs = time_fs;
    if (opt_box) memcpy(opt_box, box, sizeof box);
    return KM_OK;
}

km_status km_traj_read(const km_traj *t, int64_t i, float *coords, int64_t *opt_time_fs, float *opt_box, km_err *err)
{
    KM_TRY(km_traj_decode(t, i, coords, opt_time_fs, opt_box, err));
    for (int64_t k = 0; k < 3 * (int64_t)t->n_atoms; k++) {
        if (!isfinite(coords[k])) {
            return km_fail(err, KM_INPUT, "%s: frame %lld, atom %lld: not a finite number", t->name, (long long)i,
                           (long long)(k / 3));
        }
    }
    return KM_OK;
}

/* What the threads of one km_traj_read_many share: each takes the next frame until none is left or one has failed. */
typedef struct many {
    const km_traj *t;
    int64_t first, stride, n;
    float *coords;
    int64_t *opt_times_fs;
    _Atomic int64_t next;
    pthread_mutex_t lock;
    km_status status; /* of the first frame in order that failed */
    int64_t failed;
    km_err *err;
} many;

static void *read_some(void *arg)
{
    many *m = arg;
    for (int64_t k; (k = atomic_fetch_add(&m->next, 1)) < m->n;) {
        km_err e;
        float *coords = m->coords + k * 3 * m->t->n_atoms;
        km_status s = km_traj_read(m->t, m->first + k * m->stride, coords, m->opt_times_fs ? m->opt_times_fs + k : NULL,
                                   NULL, &e);
        if (s == KM_OK) continue;
        pthread_mutex_lock(&m->lock);
        if (m->status == KM_OK || k < m->failed) {
            m->status = s;
            m->failed = k;
            if (m->err) *m->err = e;
        }
        pthread_mutex_unlock(&m->lock);
        atomic_store(&m->next, m->n);
    }
    return NULL;
}

km_status km_traj_read_many(const km_traj *t, int64_t first, int64_t stride, int64_t n, int threads, float *coords,
                            int64_t *opt_times_fs, km_err *err)
{
    enum { MOST = 64 };
    KM_ASSERT(n >= 0 && threads >= 1 && (n == 0 || (first >= 0 && first < t->n_frames)));
    KM_ASSERT(n == 0 || (first + (n - 1) * stride >= 0 && first + (n - 1) * stride < t->n_frames));
    many m = {
        .t = t, .first = first, .stride = stride, .n = n, .coords = coords, .opt_times_fs = opt_times_fs, .err = err};
    pthread_t thread[MOST];
    int started = 0;
    pthread_mutex_init(&m.lock, NULL);
    while (started < threads - 1 && started < MOST && started < n - 1 &&
           pthread_create(&thread[started], NULL, read_some, &m) == 0) {
        started++;
    }
    read_some(&m);
    for (int k = 0; k < started; k++) pthread_join(thread[k], NULL);
    pthread_mutex_destroy(&m.lock);
    return m.status;
}

km_status km_traj_create(const char *path, km_traj_kind kind, int32_t n_atoms, float xtc_precision,
                         km_traj_writer **ret, km_err *err)
{
    KM_ASSERT(formats[kind].write && n_atoms > 0 && n_atoms <= INT_MAX / 16);
    km_traj_writer *w = KM_NEW(km_traj_writer);
    w->kind = kind;
    w->n_atoms = n_atoms;
    w->precision = xtc_precision > 0 ? xtc_precision : 1000;
    km_status s = km_output_open(&w->out, path, true, err);
    if (s < 0) free(w);
    *ret = s < 0 ? NULL : w;
    return s;
}

km_status km_traj_write(km_traj_writer *w, const float *coords, int64_t time_fs, const float *opt_box, km_err *err)
{
    static const float none[9];
    for (int64_t k = 0; k < 3 * (int64_t)w->n_atoms; k++) {
        if (!isfinite(coords[k])) {
            return km_fail(err, KM_INPUT, "%s: frame %lld, atom %lld: not a finite number", w->out.what,
                           (long long)w->n_frames, (long long)(k / 3));
        }
    }
    KM_TRY(formats[w->kind].write(w, coords, time_fs, opt_box ? opt_box : none, err));
    w->n_frames++;
    return KM_OK;
}

static void drop(km_traj_writer *w)
{
    free(w->buffer);
    free(w);
}

km_status km_traj_commit(km_traj_writer *w, km_err *err)
{
    km_status s = formats[w->kind].finish ? formats[w->kind].finish(w, err) : KM_OK;
    if (s < 0) km_output_abandon(&w->out, false);
    else s = km_output_commit(&w->out, err);
    drop(w);
    return s;
}

void km_traj_abandon(km_traj_writer *w)
{
    km_output_abandon(&w->out, false);
    drop(w);
}
