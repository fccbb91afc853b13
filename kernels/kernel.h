/* SPDX-License-Identifier: MIT
 * What every kernel's signature (kernels.def) is made of. */
#ifndef KERNELS_KERNEL_H
#define KERNELS_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int64_t km_dim;

/* How a kernel runs: on how many threads, and how many elementary operations make it worth waking them (0: always). */
typedef struct km_exec {
    int threads;
    km_dim team_work;
    double *opt_flop; /* where the dry kernels count */
    size_t *opt_scratch; /* where they leave the most bytes of scratch that a thread took */
} km_exec;
/* Below this, about half a millisecond of one thread, a team costs more than it gives; more so where the processors are
 * busy with something else, as each loop then waits until its last thread has had its turn. */
#define KM_TEAM_WORK 1000000

/* A weight matrix prepared for repeated products on one backend (packed once at load); owned by who made it. */
typedef struct km_pack km_pack;

#endif
