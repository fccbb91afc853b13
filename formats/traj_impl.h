/* SPDX-License-Identifier: MIT
 * What the trajectory formats share with their dispatcher (traj.c), and nobody else. */
#ifndef FORMATS_TRAJ_IMPL_H
#define FORMATS_TRAJ_IMPL_H

#include <string.h>

#include "formats/structure_gro.h"
#include "formats/traj.h"
#include "lib/base/io.h"

struct km_traj {
    int fd;
    char *name; /* for messages */
    int64_t size;
    km_traj_kind kind;
    int32_t n_atoms;
    int64_t n_frames;
    bool truncated, untimed;
    char note[160];
    int64_t n_offsets;
    int64_t *offsets; /* XTC, TRR, text: of each frame; XTC, text: and of the end of the last one */
    struct km_netcdf *netcdf; /* these belong to one format each */
    struct km_traj_h5 *h5;
    struct km_npz *npz;
    struct km_cif_columns *columns;
    float box[9];     /* text: where a frame has none of its own */
    struct {
        int64_t header_bytes, frame_bytes, first_step, interval;
        double step_fs;
        bool swapped, cell;
        int extra; /* bytes behind z: a fourth dimension's record */
    } dcd;
};

struct km_traj_writer {
    km_output out;
    km_traj_kind kind;
    int32_t n_atoms;
    int64_t n_frames;
    float precision;              /* XTC, per nm */
    int64_t first_fs, interval_fs; /* DCD */
    void *buffer;
    size_t buffer_bytes;
};

/* Room for one offset more. */
void km_traj_add_offset(km_traj *t, int64_t offset);
/* n bytes at offset; anything less is KM_INPUT, or KM_SYSTEM where the system says so. */
km_status km_traj_pread(const km_traj *t, void *out, size_t n, int64_t offset, km_err *err) KM_MUST_USE;

km_status km_xtc_open(km_traj *t, km_err *err) KM_MUST_USE;
km_status km_xtc_read(const km_traj *t, int64_t i, float *coords, int64_t *ret_fs, float *box, km_err *err) KM_MUST_USE;
km_status km_xtc_write(km_traj_writer *w, const float *coords, int64_t time_fs, const float *box,
                       km_err *err) KM_MUST_USE;

km_status km_trr_open(km_traj *t, km_err *err) KM_MUST_USE;
km_status km_trr_read(const km_traj *t, int64_t i, float *coords, int64_t *ret_fs, float *box, km_err *err) KM_MUST_USE;
km_status km_trr_write(km_traj_writer *w, const float *coords, int64_t time_fs, const float *box,
                       km_err *err) KM_MUST_USE;

km_status km_dcd_open(km_traj *t, km_err *err) KM_MUST_USE;
km_status km_dcd_read(const km_traj *t, int64_t i, float *coords, int64_t *ret_fs, float *box, km_err *err) KM_MUST_USE;
km_status km_dcd_write(km_traj_writer *w, const float *coords, int64_t time_fs, const float *box,
                       km_err *err) KM_MUST_USE;
/* Complete the header, once the number of frames and their spacing are known. */
km_status km_dcd_finish(km_traj_writer *w, km_err *err) KM_MUST_USE;

km_status km_netcdf_open(km_traj *t, km_err *err) KM_MUST_USE;
km_status km_netcdf_read(const km_traj *t, int64_t i, float *coords, int64_t *ret_fs, float *box,
                         km_err *err) KM_MUST_USE;
void km_netcdf_close(km_traj *t);

/* Text: the frame's lines begin at offsets[i]. */
km_status km_pdb_open(km_traj *t, km_err *err) KM_MUST_USE;
km_status km_pdb_read(const km_traj *t, int64_t i, float *coords, int64_t *ret_fs, float *box, km_err *err) KM_MUST_USE;
km_status km_gro_open(km_traj *t, km_err *err) KM_MUST_USE;
km_status km_gro_read(const km_traj *t, int64_t i, float *coords, int64_t *ret_fs, float *box, km_err *err) KM_MUST_USE;
km_status km_cif_open(km_traj *t, km_err *err) KM_MUST_USE;
km_status km_cif_read(const km_traj *t, int64_t i, float *coords, int64_t *ret_fs, float *box, km_err *err) KM_MUST_USE;
bool km_pdb_is(const char *head, size_t n);
bool km_cif_is(const char *head, size_t n);

/* HDF5; t->h5 has the names of the data sets where they were given. */
km_status km_traj_h5_open(km_traj *t, km_err *err) KM_MUST_USE;
km_status km_traj_h5_read(const km_traj *t, int64_t i, float *coords, int64_t *ret_fs, float *box,
                          km_err *err) KM_MUST_USE;
struct km_traj_h5 *km_traj_h5_named(const char *positions, const char *opt_box);
void km_traj_h5_close(km_traj *t);

km_status km_npz_open(km_traj *t, km_err *err) KM_MUST_USE;
km_status km_npz_read(const km_traj *t, int64_t i, float *coords, int64_t *ret_fs, float *box, km_err *err) KM_MUST_USE;
void km_npz_close(km_traj *t);
const char *km_npz_sequence(const km_traj *t);
bool km_npz_is(const uint8_t *head, size_t n);

/* The packed coordinates of an XTC frame (xtc_coder.c). */
typedef struct km_xtc_block {
    float precision;
    int32_t min[3], max[3], small;
} km_xtc_block;
enum { KM_XTC_PAD = 128 }; /* zero bytes that must follow the packed ones */

/* Unpack n_atoms positions (angstrom) from bytes of data. NULL, or what is wrong. */
const char *km_xtc_unpack(const km_xtc_block *b, const uint8_t *data, size_t bytes, int32_t n_atoms, float *coords);
/* The most bytes km_xtc_pack makes, rounded up to 4. */
size_t km_xtc_pack_bound(int32_t n_atoms);
/* Round coords (angstrom) to the grid ints [A, 3] and pack them into data; ints is scratch. NULL, or why it cannot be.
 */
const char *km_xtc_pack(km_xtc_block *b, const float *coords, int32_t n_atoms, int32_t *ints, uint8_t *data,
                        size_t *ret_bytes);

static inline uint64_t km_be64(const void *p)
{
    uint64_t x;
    memcpy(&x, p, 8);
    return __builtin_bswap64(x);
}

static inline double km_be_double(const void *p)
{
    uint64_t x = km_be64(p);
    double d;
    memcpy(&d, &x, 8);
    return d;
}

static inline uint32_t km_be32(const void *p)
{
    uint32_t x;
    memcpy(&x, p, 4);
    return __builtin_bswap32(x);
}

static inline void km_put_be32(void *p, uint32_t x)
{
    x = __builtin_bswap32(x);
    memcpy(p, &x, 4);
}

static inline float km_be_float(const void *p)
{
    uint32_t x = km_be32(p);
    float f;
    memcpy(&f, &x, 4);
    return f;
}

static inline void km_put_be_float(void *p, float f)
{
    uint32_t x;
    memcpy(&x, &f, 4);
    km_put_be32(p, x);
}

#endif
