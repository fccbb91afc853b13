/* SPDX-License-Identifier: MIT
 * Trajectory files behind one reader and one writer: XTC, TRR, DCD; read only: Amber's NetCDF, PDB and mmCIF of many
 * models, GRO, HDF5 (H5MD, mdtraj's, and data sets named by whoever knows a layout), NumPy's npy and npz, MDposit's
 * bin.
 *
 * Lengths are angstrom and times femtoseconds on this side, whatever the file has. Frames can be read in any order:
 * opening scans frame headers only and keeps their offsets (in memory; the file's own bytes are not decoded). Reading
 * an XTC frame and writing it again gives the same bytes (formats/README.md: how far, and what else to know). Tests:
 * tests/unit/test_xtc.c, tests/unit/test_trr.c, tests/unit/test_dcd.c, tests/unit/test_netcdf.c,
 * tests/unit/test_traj_text.c, tests/unit/test_traj_h5.c, tests/unit/test_npz.c, tests/fuzz/fuzz_traj.c */
#ifndef FORMATS_TRAJ_H
#define FORMATS_TRAJ_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

typedef enum km_traj_kind {
    KM_TRAJ_XTC = 1, KM_TRAJ_DCD, KM_TRAJ_TRR, /* these can be written */
    KM_TRAJ_NETCDF, KM_TRAJ_PDB, KM_TRAJ_CIF, KM_TRAJ_GRO, KM_TRAJ_H5, KM_TRAJ_NPZ, KM_TRAJ_BIN,
} km_traj_kind;

enum { KM_TRAJ_HEAD = 1024 }; /* as many bytes tell every kind, where the file has them */
/* The kind of a file that begins with these n bytes, or 0. Nothing tells a bin. */
km_traj_kind km_traj_kind_of(const uint8_t *head, size_t n);
km_traj_kind km_traj_kind_of_file(const char *path); /* 0 too where it cannot be read */
const char *km_traj_kind_name(km_traj_kind kind); /* xtc, dcd, trr, nc, pdb, cif, gro, h5, npz, bin */

typedef struct km_traj km_traj;

/* Kind by content. A file cut inside a frame opens with the whole frames before it, and km_traj_truncated says so.
 * Frames of a TRR without positions do not count. KM_SYSTEM: no such file; KM_INPUT: not a trajectory, damaged, or
 * without one whole frame. */
km_status km_traj_open(const char *path, km_traj **ret, km_err *err) KM_MUST_USE;
/* A bin: float32 of that many atoms and nothing else, angstrom. */
km_status km_traj_open_bin(const char *path, int32_t n_atoms, km_traj **ret, km_err *err) KM_MUST_USE;
/* Positions [F, A, 3] in an HDF5 file, angstrom; opt_box is a data set [3, 3] that serves all frames, nanometres. */
km_status km_traj_open_h5(const char *path, const char *positions, const char *opt_box, km_traj **ret,
                          km_err *err) KM_MUST_USE;
void km_traj_close(km_traj *t);
km_traj_kind km_traj_get_kind(const km_traj *t);
int32_t km_traj_atoms(const km_traj *t);
int64_t km_traj_frames(const km_traj *t);
bool km_traj_truncated(const km_traj *t);
/* Whether the file says when its frames are; where it does not, frame i has time i. */
bool km_traj_timed(const km_traj *t);
/* What had to be found out or assumed about the file, in one line, or "". */
const char *km_traj_note(const km_traj *t);
/* The residues' letters where the file has them (BioEmu's npz, whose atoms are their CA), or NULL. */
const char *km_traj_sequence(const km_traj *t);
/* Frame i into coords [A, 3]; box [3][3] angstrom (zeros where the file has none) and time where asked for.
 * Thread-safe: several threads may read different frames of one km_traj. */
km_status km_traj_read(const km_traj *t, int64_t i, float *coords, int64_t *opt_time_fs, float *opt_box, km_err *err)
    KM_MUST_USE;
/* The same without a look at whether the numbers are finite. */
km_status km_traj_decode(const km_traj *t, int64_t i, float *coords, int64_t *opt_time_fs, float *opt_box,
                         km_err *err) KM_MUST_USE;
/* n frames first, first + stride, ... into coords [n, A, 3] and times [n], decoded on `threads` threads. */
km_status km_traj_read_many(const km_traj *t, int64_t first, int64_t stride, int64_t n, int threads, float *coords,
                            int64_t *opt_times_fs, km_err *err) KM_MUST_USE;

typedef struct km_traj_writer km_traj_writer;
/* Through PATH.part and a rename on commit; kind must be one that can be written. XTC: precision is per nm (1000 as
 * GROMACS; 0 means 1000), fewer than 10 atoms are written uncompressed as GROMACS does; bytes are what GROMACS' own
 * writer makes. TRR: float32, box and positions. DCD: CHARMM layout with unit cell. */
km_status km_traj_create(const char *path, km_traj_kind kind, int32_t n_atoms, float xtc_precision,
                         km_traj_writer **ret, km_err *err) KM_MUST_USE;
/* KM_INPUT: a number not finite or beyond XTC's grid, or times that DCD cannot tell (they must be evenly spaced). */
km_status km_traj_write(km_traj_writer *w, const float *coords, int64_t time_fs, const float *opt_box, km_err *err)
    KM_MUST_USE;
km_status km_traj_commit(km_traj_writer *w, km_err *err) KM_MUST_USE; /* frees w */
void km_traj_abandon(km_traj_writer *w);                              /* removes the part, frees w */

#endif
