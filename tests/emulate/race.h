/* SPDX-License-Identifier: MIT
 * Races between the threads of an emulated kernel. The kernels' sources are compiled with g++'s -fsanitize=thread,
 * whose calls at every access to memory come here (race_calls.cc) in place of libtsan; they are judged by CUDA's memory
 * model:
 *     two accesses to the same bytes by two threads, one of them a write, are a race unless something orders them, and
 *     two atomic ones are none;
 *     __syncthreads orders the accesses of a block's threads, __syncwarp those of a warp's, the end of a kernel all;
 *     nothing else does: no shuffle, no product on tensor cores, no load for one, and nothing between blocks.
 * It is seen too when a block reads shared memory that it has not written or that the launch did not give it, and when
 * an address is no multiple of what is read or written there (-fsanitize=alignment).
 *
 * KM_EMULATE_RACES=tell prints every pair of places once and goes on; otherwise the first race ends the program. */
#ifndef TESTS_EMULATE_RACE_H
#define TESTS_EMULATE_RACE_H

#include <stddef.h>

namespace race
{

/* Memory of which races are looked for; `scoped` belongs to one block at a time. At most three. */
void watch(const char *name, const void *p, size_t bytes, bool scoped);

/* A copy into shared memory that goes on beside its thread may write at any time until it arrives. */
enum access { READ, WRITE, ATOMIC, COPY, ARRIVAL };

/* A kernel, and how much it has of the dynamic shared memory. */
void begin_kernel(const void *kernel, const void *shared, size_t bytes);
void end_kernel();
void begin_block();
void block_met();
void warp_met(int warp);
void is_thread(int n); /* of the block, from now on */
/* By the thread that is, or by any of its warp. */
void at(const void *p, size_t bytes, access how, const void *from);
void at_by_warp(const void *p, size_t bytes, access how, const void *from);
/* At no multiple of what the type asks for. */
void out_of_line(const void *p, const void *from);

/* How many there were since the last call, for a test: from the first call on they are counted and nothing is said. */
int count();

} // namespace race

#endif
