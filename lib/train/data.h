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
    int set;                    /* index in the configuration, 0 where it has no sets */
    km_dim residues;            /* tokens of the whole system, by which frames are counted */
    int64_t dt;                 /* spacing of its frames, fs */
    int *long_enough, n_long;   /* [n_long] the trajectories that windows are drawn from */
    float *atom_mask;           /* [A] present atoms */
    float *traced;              /* [A] those that stand for a residue (CA, C1'), and all of anything else */
    int32_t *residue, *mol_type; /* [A] */
    int32_t *bonds;             /* [n_all_bonds, 2], first those of known length */
    int32_t *ligand_bonds;      /* [n_ligand_bonds, 2] those within ligands */
    float *bond_lengths;        /* [n_bonds] */
    int n_bonds, n_all_bonds, n_ligand_bonds;
    struct km_slow *opt_slow;   /* its slow motions (slow.h), where the configuration wants them */
} km_train_system;

typedef struct km_dataset {
    km_train_system *systems;
    int count;
    int *train, n_train, *val, n_val; /* indices, in order of their set */
} km_dataset;

/* paths: files, or directories whose *.h5 are taken in order of name; windows are of trajectories of at least
 * frames_max frames (2 where the configuration has sets: their windows are as long as the spacing drawn lets them be),
 * and each file has one. Frames are equally spaced, with one spacing in a file. Where the configuration has sets, a
 * file of another is refused, and one of weight 0 left out.
 * A file X.yaml beside X.h5 with `ligand: CHAIN` makes the losses take that chain, one of several, for a ligand;
 * features stay.
 *
 * opt_split: lines `system<TAB>train|val|test` (system: the file's stem, at most once), `#` before remarks; a file that
 * it does not name is to train on. Without one, validation_share of the systems by a hash of the sequence. A test
 * system's file is never opened. */
km_status km_dataset_open(const char *const *paths, int n_paths, const char *opt_split, const km_train_config *c,
                          km_dataset **ret, km_err *err) KM_MUST_USE;
void km_dataset_close(km_dataset *d);

/* The features of the whole system with rows drawn for this sample, numbered from 1; 0: those that the system has, as
 * km-trunk draws them. The caller's. */
km_features *km_train_features(const km_train_system *t, const km_train_config *c, uint32_t sample);

/* A group of B windows of T frames of one system. All arrays owned. */
typedef struct km_group {
    const km_train_system *system, *whole; /* the same, but where a large one was cut */
    km_train_system *opt_cut; /* then system, owned; its tokens are these of the whole */
    int32_t *opt_tokens;
    km_features *opt_drawn; /* the system's, with rows of its own: where a trunk in the step draws from more */
    int64_t number; /* by which it was drawn */
    int B, T;
    float *x;       /* [B, T, A, 3] clean, aligned, rotated and shifted */
    float *noisy;   /* [B, T, A, 3] what the model sees */
    float *sigma;   /* [B, T] 0 for condition frames */
    float *times;   /* [B, T] ns, from 0 */
    float *target;  /* [B, T] 0/1: sigma > 0 */
} km_group;

/* Draw group number g from the systems listed. Without sets a system too short for the spacing drawn gives a shorter
 * spacing, with sets a shorter window; one with fewer frames than the window is an error that names it. Windows of a
 * group from a set share trajectory and spacing. m: of the model to train, for its noise, task and pose. Several
 * threads may draw at once (formats/h5_lock.h). */
km_status km_group_draw(const km_dataset *d, const int *systems, int n_systems, const km_train_config *c,
                        const km_config *m, uint64_t seed, int64_t g, int windows, km_group *ret,
                        km_err *err) KM_MUST_USE;
void km_group_clear(km_group *g);
/* The most frames that a window of a system of so many tokens has. */
int km_group_longest(const km_train_config *c, km_dim tokens);

/* -- crop.c */
/* So many tokens of a system, at most, as one of its own: everything but features and trunk is the whole one's. All
 * tokens of a ligand stay where they fit; the others are near one place of frame x [A, 3], or runs of the sequence, as
 * AlphaFold 3 cuts them. Nothing of an alignment goes with it. atoms [A of the cut], tokens [N of it]: which of the
 * whole's they are. All are the caller's. */
km_train_system *km_train_crop(const km_train_system *s, int tokens, bool spatial, bool all_bonds, const float *x,
                               uint64_t seed, uint32_t number, int32_t **ret_atoms, int32_t **ret_tokens);
/* Masks, residues, loss classes (opt_mol_type [A], else the chains') and bonds: all, or those of a ligand with a
 * polymer. */
void km_train_system_fill(km_train_system *t, const km_system *s, const int32_t *opt_mol_type, bool all_bonds);
void km_train_system_clear(km_train_system *t); /* these, and the features */

#endif
