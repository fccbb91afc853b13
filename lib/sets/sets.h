/* SPDX-License-Identifier: MIT
 * Public data sets in their own layouts: where in the files of one system its topology lies and its trajectories, and
 * which of several clocks is to be trusted.
 *
 * atlas: a folder with ID.pdb and R1 to R3 as .xtc; 10 ps (protein tier) or 100 ps (analysis), as the clock says.
 * cath2, megasim, octapeptides: a folder with dataset.json, topology.pdb and trajs/; the step is save_traj_ns.
 * mdposit: a folder with structure.pdb, metadata.json and trajectory.xtc or .bin; the step is FRAMESTEP.
 * misato: MD.hdf5 and an id; 80 ps.
 * dd13m: a PDB file and H5MD files; their times, else 10 ps.
 * mdcath: one HDF5 file; 1 ns; 320 K unless others are asked for.
 *
 * Tests: tests/cli/strip_sets.bats */
#ifndef LIB_SETS_SETS_H
#define LIB_SETS_SETS_H

#include "formats/structure.h"
#include "formats/traj.h"

typedef struct km_set_trajectory {
    char *path, *name;     /* name: of the file, or the place in it */
    char *positions, *box; /* data sets of an HDF5 file, or NULL */
    bool bin;
    int64_t dt;        /* fs between frames; 0: by the file's clock */
    char *force_field; /* or NULL */
    double kelvin;     /* 0: not known */
} km_set_trajectory;

typedef struct km_set_system {
    char *name; /* the system's id */
    km_structure *topology;
    km_set_trajectory *trajectories;
    int count;
    float box[9];  /* of the topology's coordinates, or else of the first frame; angstrom, zeros: there is none */
    int ensembles; /* files left out because their frames have no times */
    char *license; /* as the set has it, or "" */
    char *note;    /* what had to be assumed, or "" */
    char *numbers; /* the topology's residues as the experiment's structure numbers them, spaces between; or NULL */
} km_set_system;

#define KM_SETS "atlas|cath2|megasim|octapeptides|mdposit|misato|dd13m|mdcath"

/* What of the set is wanted: the system, where the files have several; kelvins and numbers of replicas, "320,348", for
 * mdcath alone. NULL: all, but of temperatures the lowest. */
typedef struct km_set_choice {
    const char *opt_id, *opt_temperatures, *opt_replicas;
} km_set_choice;

/* The files or folders of one system. KM_INPUT: not of that
 * layout; KM_NEGATIVE: a system that the set itself says is of no use here (no trajectory, an ensemble). */
km_status km_set_open(const char *set, const km_set_choice *choice, const char *const *paths, int n_paths,
                      km_set_system *ret, km_err *err) KM_MUST_USE;
void km_set_clear(km_set_system *s);
/* A trajectory of it, for n_atoms atoms. */
km_status km_set_trajectory_open(const km_set_trajectory *t, int32_t n_atoms, km_traj **ret, km_err *err) KM_MUST_USE;

#endif
