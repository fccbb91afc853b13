/* SPDX-License-Identifier: MIT
 * The parts that km-bench measures. */
#ifndef TOOLS_BENCH_H
#define TOOLS_BENCH_H

#include "lib/base/err.h"
#include "lib/tensor/tensor.h"

/* What a part is made of; every part takes what concerns it. */
typedef struct km_bench_sizes {
    const km_backend *be; /* on which it runs, where it computes */
    const char *family; /* of the network */
    int threads, size, tokens, atoms, frames, blocks, channels;
} km_bench_sizes;

/* The fastest of a few runs, and the processor's time, over all threads, of the one that took least of it; flop 0: the
 * part is not counted in operations but in items, if at all. bytes: the most memory of a run, weights excluded; 0 where
 * nobody asks. */
typedef struct km_timing {
    double seconds, flop, items, bytes, cpu_seconds;
} km_timing;

/* Runs until it has run `times` times or for long enough, twice at least: the first one's memory is new. */
void km_bench_best(int times, void (*run)(void *arg), void *arg, km_timing *ret);

/* How often a part of the network runs: on a device until its clocks have come up. */
static inline int km_bench_times(const km_backend *be) { return be->device ? 100 : 3; }

/* Wait until t is there: on a device work goes on behind the program's back. */
void km_bench_settle(km_ctx *cx, const km_tensor *t);

typedef km_status km_bench_part(const km_bench_sizes *s, km_timing *ret, km_err *err);
/* bench_products.c */
km_bench_part km_bench_gemm, km_bench_linear;
/* bench_network.c: an evaluation of the denoiser, its noise levels made beforehand; those of a schedule of 20 steps;
 * forward and backward; a frame behind a past */
km_bench_part km_bench_denoise, km_bench_levels, km_bench_train_step, km_bench_next_frame;
/* bench_trajectory.c: items are atoms of new frames */
km_bench_part km_bench_trajectory;
/* bench_trunk.c: a pass of the trunk; blocks of the pairformer and their dearest operations */
km_bench_part km_bench_trunk, km_bench_pairformer, km_bench_triangle_multiplication, km_bench_triangle_attention;
/* bench_traj.c: items are atoms; those of pairs are pairs of atoms */
km_bench_part km_bench_xtc, km_bench_clean, km_bench_h5md, km_bench_rmsd, km_bench_pairs;
/* bench_dictionary.c */
km_bench_part km_bench_dictionary;

#endif
