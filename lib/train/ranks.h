/* SPDX-License-Identifier: MIT
 * Processes that train one model together. MPI lies in a library of its own, libkm-mpi.so, which is built where there
 * is an MPI and loaded only by a program that mpirun or srun has started: nobody else needs one.
 *
 * A pointer to ranks may be NULL everywhere: one process alone.
 * Tests: tests/cli/ranks.bats */
#ifndef LIB_TRAIN_RANKS_H
#define LIB_TRAIN_RANKS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/tensor/tensor.h"

typedef struct km_ranks km_ranks;

/* *ret is NULL where this process was started alone. KM_SYSTEM: started with others, but libkm-mpi.so is not there. */
km_status km_ranks_join(km_ranks **ret, km_err *err) KM_MUST_USE;
/* The end for all: after a failure the other ranks are ended too. After an interruption the first does that, when it
 * has written what is to be kept; the others wait for it, for two minutes at most. */
void km_ranks_leave(km_ranks *r, km_status status);
/* The ranks' devices, where there is one, can add up from now on (km_device.sum). KM_DEVICE where they cannot. */
km_status km_ranks_join_devices(km_ranks *r, const km_device *opt_d, km_err *err) KM_MUST_USE;
int km_ranks_rank(const km_ranks *r);
int km_ranks_size(const km_ranks *r);

/* Each returns KM_INTERRUPTED when a signal came meanwhile, as it does when another rank has died. */
/* x [n] becomes the sum over ranks, the same on all of them. */
km_status km_ranks_sum(km_ranks *r, double *x, int n, km_err *err) KM_MUST_USE;
/* The same begun: x is left alone until km_ranks_finish. All ranks begin the same sums in the same order. */
km_status km_ranks_begin(km_ranks *r, float *x, size_t n, km_err *err) KM_MUST_USE;
void km_ranks_progress(km_ranks *r); /* lets what was begun go on */
km_status km_ranks_finish(km_ranks *r, km_err *err) KM_MUST_USE;
/* Rank `root`'s bytes become everybody's; also a point where all wait for each other. */
km_status km_ranks_share(km_ranks *r, void *bytes, size_t n, int root, km_err *err) KM_MUST_USE;

/* What libkm-mpi.so gives: km_mpi_table(). Every function returns false when MPI failed. */
typedef struct km_mpi {
    bool (*init)(int *rank, int *size);
    bool (*begin_sum_double)(double *x, int n);
    bool (*begin_sum_float)(float *x, size_t n);
    bool (*begin_share)(void *bytes, size_t n, int root);
    bool (*test)(bool *done); /* all that was begun */
    void (*leave)(void);
    void (*end)(int code); /* all ranks */
} km_mpi;
const km_mpi *km_mpi_table(void);

#endif
