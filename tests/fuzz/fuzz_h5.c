/* SPDX-License-Identifier: MIT
 * Any HDF5 file that the library can write, as one of ours, of strangers, and of MISATO and mdCATH: the bytes say which
 * data sets it has, of what type, shape, unit and content. (Damaged files are the library's to find out.) Corpus:
 * tests/data/fuzz/h5.
 *
 * A data set: path, type, rank, a byte for each side, the width of a text that has one, unit, n, n bytes that fill it
 * again and again; but the system record: path, its length in two bytes, itself. */
#include <hdf5.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/h5md.h"
#include "lib/base/mem.h"
#include "lib/sets/sets.h"
#include "tests/fuzz/fuzz.h"

enum { MOST_SETS = 24, MOST_SIZE = 1 << 16, MOST_RANK = 4, MOST_FRAMES = 20 };

static const char *const paths[] = {"/kinematic/system",
                                    "/particles/trajectory1/position/value",
                                    "/particles/trajectory1/position/time",
                                    "/particles/x/position/value",
                                    "/particles/x/position/time",
                                    "/particles/x/box/edges",
                                    "/particles/x/box/edges/value",
                                    "/coordinates",
                                    "/time",
                                    "/cell_lengths",
                                    "/cell_angles",
                                    "/A/trajectory_coordinates",
                                    "/A/atoms_number",
                                    "/A/atoms_type",
                                    "/A/atoms_residue",
                                    "/A/molecules_begin_atom_index",
                                    "/A/pdbProteinAtoms",
                                    "/A/320/0/coords",
                                    "/A/320/0/box",
                                    "/A/sims320K/1/coords"};

typedef struct input {
    const uint8_t *p;
    size_t n;
} input;

static unsigned take(input *in)
{
    if (in->n == 0) return 0;
    in->n--;
    return *in->p++;
}

static const uint8_t *take_bytes(input *in, size_t *n)
{
    const uint8_t *p = in->p;
    if (*n > in->n) *n = in->n;
    in->p += *n, in->n -= *n;
    return p;
}

static void put_unit(hid_t set, unsigned which)
{
    static const char *const units[] = {"nm", "Angstrom", "ps", "ns", "furlong"};
    if (which % 6 == 5) return;
    const char *text = units[which % 6];
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    H5Tset_size(type, which & 64 ? H5T_VARIABLE : strlen(text));
    hid_t at = H5Acreate2(set, which & 128 ? "units" : "unit", type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (at >= 0) H5Awrite(at, type, which & 64 ? (const void *)&text : text), H5Aclose(at);
    H5Tclose(type), H5Sclose(space);
}

/* Numbers, as doubles that the library converts, or one text. */
static void fill(hid_t set, hid_t type, unsigned kind, size_t size, const uint8_t *bytes, size_t n)
{
    char text[257] = {0}; /* as wide as any */
    memcpy(text, bytes, n);
    if (H5Tget_class(type) == H5T_STRING) {
        char **many = km_calloc(size, sizeof *many);
        for (size_t i = 0; i < size; i++) many[i] = text;
        if (H5Tis_variable_str(type)) H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, many);
        else if (size == 1 && n > 0) H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text);
        free(many);
    } else {
        static const double scales[] = {1, 0.1, 1e30, NAN};
        double *x = km_calloc(size, sizeof *x);
        for (size_t i = 0; i < size && n > 0; i++) x[i] = (int8_t)bytes[i % n] * (i % 7 == 3 ? scales[kind >> 6] : 1);
        H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, x);
        free(x);
    }
}

static void put(hid_t file, hid_t type, int rank, const hsize_t *shape, input *in, const char *path, unsigned kind)
{
    hid_t groups = H5Pcreate(H5P_LINK_CREATE), how = H5Pcreate(H5P_DATASET_CREATE);
    hid_t space = rank ? H5Screate_simple(rank, shape, NULL) : H5Screate(H5S_SCALAR);
    size_t size = 1, n;
    for (int k = 0; k < rank; k++) size *= shape[k];
    H5Pset_create_intermediate_group(groups, 1);
    if (rank && size && kind & 16) H5Pset_chunk(how, rank, shape);
    if (rank && size && (kind & 48) == 48) H5Pset_deflate(how, 1);
    hid_t set = H5Dcreate2(file, path, type, space, groups, how, H5P_DEFAULT);
    const unsigned unit = take(in);
    n = take(in);
    const uint8_t *bytes = take_bytes(in, &n);
    if (set >= 0) {
        put_unit(set, unit);
        if (size) fill(set, type, kind, size, bytes, n);
        H5Dclose(set);
    }
    H5Sclose(space), H5Pclose(how), H5Pclose(groups);
}

static void put_record(hid_t file, input *in, const char *path)
{
    size_t n = take(in);
    n |= (size_t)take(in) << 8;
    const uint8_t *bytes = take_bytes(in, &n);
    const hsize_t shape = n;
    hid_t groups = H5Pcreate(H5P_LINK_CREATE), space = H5Screate_simple(1, &shape, NULL);
    H5Pset_create_intermediate_group(groups, 1);
    hid_t set = H5Dcreate2(file, path, H5T_STD_U8LE, space, groups, H5P_DEFAULT, H5P_DEFAULT);
    if (set >= 0) {
        if (n) H5Dwrite(set, H5T_NATIVE_UCHAR, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes);
        H5Dclose(set);
    }
    H5Sclose(space), H5Pclose(groups);
}

static void put_set(hid_t file, input *in)
{
    const hid_t numbers[] = {H5T_IEEE_F32LE, H5T_IEEE_F64LE, H5T_STD_I64LE, H5T_STD_I32BE, H5T_STD_U8LE, H5T_STD_U64LE};
    const char *path = paths[take(in) % (sizeof paths / sizeof *paths)];
    if (path == paths[0]) {
        put_record(file, in, path);
        return;
    }
    const unsigned kind = take(in), which = kind % 8;
    hsize_t shape[MOST_RANK], size = 1;
    const int rank = (int)take(in) % (MOST_RANK + 1);
    for (int k = 0; k < rank; k++) {
        shape[k] = take(in);
        if ((size *= shape[k]) > MOST_SIZE) return;
    }
    hid_t type = H5Tcopy(which < 6 ? numbers[which] : H5T_C_S1);
    if (which == 6) H5Tset_size(type, 1 + take(in));
    if (which == 7) H5Tset_size(type, H5T_VARIABLE);
    put(file, type, rank, shape, in, path, kind);
    H5Tclose(type);
}

static void read_trajectory(km_traj *t)
{
    km_err err;
    float *x = km_alloc(12 * (size_t)km_traj_atoms(t)), box[9];
    int64_t fs;
    for (int64_t i = 0; i < km_traj_frames(t) && i < MOST_FRAMES; i++)
        if (km_traj_read(t, i, x, &fs, box, &err) < 0) break;
    free(x);
    km_traj_close(t);
}

static void read_set(const char *set, const char *path)
{
    km_err err;
    km_traj *t;
    km_set_system s;
    const km_set_choice choice = {.opt_id = "A"};
    if (km_set_open(set, &choice, &path, 1, &s, &err) < 0) return;
    for (int i = 0; i < s.count; i++)
        if (km_set_trajectory_open(&s.trajectories[i], s.topology->system->n_atoms, &t, &err) == KM_OK)
            read_trajectory(t);
    km_set_clear(&s);
}

static void read_ours(const char *path)
{
    km_err err;
    km_h5md *h;
    if (km_h5md_open(path, &h, &err) < 0) return;
    float *x = km_alloc(12 * (size_t)km_h5md_system(h)->n_atoms);
    for (int k = 0; k < km_h5md_trajectories(h); k++)
        for (int64_t i = 0; i < km_h5md_frames(h, k) && i < MOST_FRAMES; i++)
            if (km_h5md_read(h, k, i, 1, 1, x, &err) < 0) break;
    free(x);
    km_h5md_close(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    km_err err;
    km_traj *t;
    char path[] = "/tmp/km-fuzz-XXXXXX.h5";
    const int fd = mkstemps(path, 3);
    if (fd < 0) abort();
    close(fd);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    if (file < 0) abort();
    input in = {data, size};
    for (int i = 0; i < MOST_SETS && in.n > 0; i++) put_set(file, &in);
    H5Fclose(file);
    if (km_traj_open(path, &t, &err) == KM_OK) read_trajectory(t);
    read_set("misato", path);
    read_set("mdcath", path);
    read_ours(path);
    unlink(path);
    return 0;
}
