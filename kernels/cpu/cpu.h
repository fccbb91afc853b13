/* SPDX-License-Identifier: MIT
 * What the processor's kernels share. Each file here is compiled once for every instruction set (KM_ISA = base, avx2,
 * avx512); KM_CPU(name) is the function's name in this compilation, and the loops are plain C that the compiler
 * vectorises.
 *
 * Threads: a loop over independent rows is split with KM_PARALLEL_FOR, which stays on one thread below ex->team_work; a
 * reduction across rows is always made in the same order, whatever the number of threads. */
#ifndef KERNELS_CPU_CPU_H
#define KERNELS_CPU_CPU_H

#include "kernels/backend.h"

#define KM_CPU_JOIN_(isa, name) km_cpu_##isa##_##name
#define KM_CPU_JOIN(isa, name) KM_CPU_JOIN_(isa, name)
#define KM_CPU(name) KM_CPU_JOIN(KM_ISA, name)

#define real float
#define KM_KERNEL(name, args) void KM_CPU(name) args;
#include "kernels/kernels.def"
#undef KM_KERNEL
#undef real

const km_backend *KM_CPU(backend)(void);
km_pack *KM_CPU(pack_new)(const float *w, km_dim out, km_dim in);
void KM_CPU(pack_free)(km_pack *p);
size_t KM_CPU(pack_bytes)(const km_pack *p);

/* c [M, N] = op(a) op(b) (+ c) on the calling thread alone; op(a) [M, K], its transpose where said. Rows lda, ldb, ldc
 * apart as they lie in memory. */
typedef struct km_matrices {
    bool a_transposed, b_transposed, add;
    km_dim M, N, K;
    const float *a, *b;
    float *c;
    km_dim lda, ldb, ldc;
} km_matrices;
void KM_CPU(multiply)(const km_matrices *m);

#define KM_PRAGMA(x) _Pragma(#x)
/* for (i = 0; i < n; i++) on ex->threads threads when work (in elementary operations: numbers read, computed and
 * written; eight multiply-adds of an attention count as one) is worth it */
#define KM_PARALLEL_FOR(ex, work, i, n)                                                                                \
    KM_PRAGMA(omp parallel for schedule(static) num_threads((ex)->threads)                                             \
              if ((ex)->threads > 1 && (work) > (ex)->team_work))                                                      \
    for (km_dim i = 0; i < (n); i++)

#endif
