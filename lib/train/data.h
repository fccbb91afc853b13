/* SPDX-License-Identifier: MIT
 * Training data: H5MD files of clean trajectories, and windows drawn from them as the seed design's noise as masking
 * has it.
 *
 * Sample number g (step x batch + index in the batch) and the seed decide everything about a group of windows, so that
 * resuming and the number of threads do not matter.
 * Tests: tests/unit/test_train_data.c */
#ifndef LIB_TRAIN_DATA_H
#define LIB_TRAIN_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/h5md.h"
#include "lib/model/model.h"
#include "lib/train/config.h"

typedef enum km_split { KM_TRAIN, KM_VAL, KM_TEST } km_split;

/* One file: its system and what the losses need of it. */
typedef struct km_train_system {
    char *path;
    km_h5md *file;
    km_features *features;
    km_split split;
    int64_t dt;                 /* spacing of its frames, fs */
    float *atom_mask;           /* [A] present atoms */
    int32_t *residue, *mol_type; /* [A] */
    int32_t *bonds;             /* [n_bonds, 2] */
    float *bond_lengths;        /* [n_bonds] */
    int n_bonds;
} km_train_system;

typedef struct km_dataset {
    km_train_system *systems;
    int count;
    int *train, n_train, *val, n_val; /* indices */
} km_dataset;

/* paths: files, or directories whose *.h5 are taken in order of name; every trajectory of at least frames_max frames,
 * equally spaced, with one spacing in a file. opt_split: lines `system<TAB>train|val|test` (system: the file's stem, at
 * most once), `#` before remarks; a file that it does not name is to train on. Without one, validation_share of the
 * systems by a hash of the sequence. A test system's file is never opened. */
km_status km_dataset_open(const char *const *paths, int n_paths, const char *opt_split, const km_train_config *c,
                          km_dataset **ret, km_err *err) KM_MUST_USE;
void km_dataset_close(km_dataset *d);

/* A group of B windows of T frames of one system. All arrays owned. */
typedef struct km_group {
    const km_train_system *system;
    int B, T;
    float *x;       /* [B, T, A, 3] clean, aligned, rotated and shifted */
    float *noisy;   /* [B, T, A, 3] what the model sees */
    float *sigma;   /* [B, T] 0 for condition frames */
    float *times;   /* [B, T] ns, from 0 */
    float *target;  /* [B, T] 0/1: sigma > 0 */
} km_group;

/* Draw group number g from the systems listed. A system too short for the spacing drawn gives a shorter one; one with
 * fewer frames than the window is an error that names it. m: of the model to train, for its noise, task and pose. */
km_status km_group_draw(const km_dataset *d, const int *systems, int n_systems, const km_train_config *c,
                        const km_config *m, uint64_t seed, int64_t g, int windows, km_group *ret,
                        km_err *err) KM_MUST_USE;
void km_group_clear(km_group *g);

#endif
