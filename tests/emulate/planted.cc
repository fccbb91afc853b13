/* SPDX-License-Identifier: MIT
 * Kernels with races, and the same ones without, for the test of race.h (tests/unit/test_races.c). */
#include "tests/emulate/emulate.h"

#include "kernels/cuda/mma.cuh"
#include "tests/emulate/race.h"

namespace
{

enum { THREADS = 64 };

/* A number handed to a thread that is `far` away; with what between is said by `between`. */
enum between { NOTHING, SHUFFLE, WARP, BLOCK };

__device__ inline void pass(between how)
{
    if (how == SHUFFLE) __shfl_xor_sync(~0u, 0, 1);
    if (how == WARP) __syncwarp();
    if (how == BLOCK) __syncthreads();
}

__global__ void hand_kernel(float *y, between how, int far)
{
    __shared__ float x[THREADS];
    x[threadIdx.x] = 1;
    pass(how);
    y[blockIdx.x * THREADS + threadIdx.x] = x[threadIdx.x ^ far];
}

/* The same array used twice. */
__global__ void again_kernel(float *y, between how, int far)
{
    KM_SHARED(float, x);
    for (int turn = 0; turn < 2; turn++) {
        x[threadIdx.x] = (float)turn;
        __syncthreads();
        y[threadIdx.x] = x[threadIdx.x ^ far];
        pass(how);
    }
}

__global__ void turned_kernel(float *y, between how, int)
{
    KM_SHARED(bf16, x);
    for (int i = 0; i < 8; i++) x[8 * threadIdx.x + i] = bf16{0};
    pass(how);
    uint32_t r[4];
    load_turned(r, x + 8 * threadIdx.x);
    y[threadIdx.x] = (float)r[0];
}

/* Of a copy that goes on beside its thread: read by it (far: by another) before it has arrived, or after. */
__global__ void early_kernel(float *y, between how, int far)
{
    KM_SHARED(float, x);
    copy_4(x + threadIdx.x, y + threadIdx.x, true);
    pass(how);
    y[THREADS + threadIdx.x] = x[threadIdx.x ^ far];
    __syncthreads();
    copies_arrive();
}
__global__ void arrived_kernel(float *y, between how, int far)
{
    KM_SHARED(float, x);
    copy_4(x + threadIdx.x, y + threadIdx.x, true);
    copies_arrive();
    pass(how);
    y[THREADS + threadIdx.x] = x[threadIdx.x ^ far];
}

/* All blocks and threads of one number, which all write the same to. */
__global__ void same_kernel(float *y, between how, int far)
{
    if ((int)threadIdx.x % far == 0) y[0] = 1;
    pass(how);
}

/* Halves of a word, by neighbours. */
__global__ void halves_kernel(float *y, between, int) { ((bf16 *)y)[blockIdx.x * THREADS + threadIdx.x] = bf16{1}; }

__global__ void sum_kernel(float *y, between, int) { atomicAdd(y, 1); }
__global__ void sum_and_read_kernel(float *y, between how, int)
{
    atomicAdd(y, 1);
    pass(how);
    if (threadIdx.x == THREADS - 1) y[1 + blockIdx.x] = y[0];
}

__global__ void unwritten_kernel(float *y, between, int)
{
    __shared__ float x[THREADS];
    if (threadIdx.x && blockIdx.x == 0) x[threadIdx.x] = 1;
    y[blockIdx.x * THREADS + threadIdx.x] = x[threadIdx.x];
}

__global__ void behind_kernel(float *y, between, int far)
{
    KM_SHARED(float, x);
    x[threadIdx.x + far] = 1;
    y[threadIdx.x] = x[threadIdx.x + far];
}

__global__ void word_kernel(float *y, between, int far) { *(uint32_t *)((bf16 *)y + 2 * threadIdx.x + far) = 1; }
__global__ void four_kernel(float *y, between, int far)
{
    *(float4 *)(y + 4 * threadIdx.x + far) = float4{1, 2, 3, (float)far};
}

/* Both halves of a block meet, at lines of their own. */
__global__ void parted_kernel(float *, between, int far)
{
    if ((int)threadIdx.x < far) __syncthreads();
    else __syncthreads(__LINE__ + 1);
}

const struct planted {
    const char *name;
    void (*kernel)(float *, between, int);
    between how;
    int far;
    unsigned blocks;
    bool race;
} all[] = {
    {"written and read by two threads of a warp", hand_kernel, NOTHING, 1, 1, true},
    {"a shuffle between", hand_kernel, SHUFFLE, 1, 1, true},
    {"__syncwarp between", hand_kernel, WARP, 1, 1, false},
    {"__syncthreads between", hand_kernel, BLOCK, 1, 1, false},
    {"__syncwarp between two warps", hand_kernel, WARP, 32, 1, true},
    {"__syncthreads between two warps", hand_kernel, BLOCK, 32, 1, false},
    {"shared memory of two blocks", hand_kernel, BLOCK, 32, 2, false},
    {"an array used again", again_kernel, NOTHING, 32, 1, true},
    {"an array used again in a warp, a shuffle between", again_kernel, SHUFFLE, 1, 1, true},
    {"an array used again in a warp, __syncwarp between", again_kernel, WARP, 1, 1, false},
    {"an array used again, __syncwarp between", again_kernel, WARP, 32, 1, true},
    {"an array used again, __syncthreads between", again_kernel, BLOCK, 32, 1, false},
    {"written and loaded for tensor cores", turned_kernel, NOTHING, 0, 1, true},
    {"written and loaded for tensor cores, a shuffle between", turned_kernel, SHUFFLE, 0, 1, true},
    {"written and loaded for tensor cores, __syncwarp between", turned_kernel, WARP, 0, 1, false},
    {"a copy read before it arrives", early_kernel, NOTHING, 0, 1, true},
    {"a copy read by others before it arrives, __syncthreads between", early_kernel, BLOCK, 1, 1, true},
    {"a copy read after it arrived", arrived_kernel, NOTHING, 0, 1, false},
    {"a copy read by others after it arrived", arrived_kernel, NOTHING, 1, 1, true},
    {"a copy read by others after it arrived, __syncthreads between", arrived_kernel, BLOCK, 32, 1, false},
    {"one number written by threads of a warp", same_kernel, NOTHING, 1, 1, true},
    {"one number written by threads of two warps", same_kernel, WARP, 32, 1, true},
    {"one number written by a thread", same_kernel, NOTHING, THREADS, 1, false},
    {"one number written by two blocks", same_kernel, BLOCK, THREADS, 2, true},
    {"halves of words", halves_kernel, NOTHING, 0, 2, false},
    {"atomic additions of two blocks", sum_kernel, NOTHING, 0, 2, false},
    {"an atomic addition and a read", sum_and_read_kernel, NOTHING, 0, 1, true},
    {"an atomic addition and a read, __syncthreads between", sum_and_read_kernel, BLOCK, 0, 1, false},
    {"an atomic addition and a read by two blocks", sum_and_read_kernel, BLOCK, 0, 2, true},
    {"read before it is written, but by another block", unwritten_kernel, NOTHING, 0, 2, true},
    {"all of the dynamic shared memory", behind_kernel, NOTHING, 0, 1, false},
    {"words at multiples of 4 bytes", word_kernel, NOTHING, 2, 1, false},
    {"four numbers at multiples of 16 bytes", four_kernel, NOTHING, 4, 1, false},
    {"words between them", word_kernel, NOTHING, 1, 1, true},
    {"behind the dynamic shared memory", behind_kernel, NOTHING, 1, 1, true},
};

void launch(const planted &p)
{
    float *y = (float *)emulate::carve(1 << 16);
    const size_t bytes = p.kernel == turned_kernel ? THREADS * 16 : THREADS * sizeof(float);
    emulate::open_memory(true);
    emulate::run((const void *)p.kernel, dim3(p.blocks), dim3(THREADS), bytes, [=] { p.kernel(y, p.how, p.far); });
    emulate::open_memory(false);
}

} // namespace

/* Runs number i and says whether it has a race and was found to; NULL behind the last. */
extern "C" const char *km_planted(int i, bool *ret_race, bool *ret_found)
{
    if (i >= (int)(sizeof all / sizeof *all)) return nullptr;
    race::count();
    launch(all[i]);
    *ret_race = all[i].race, *ret_found = race::count() > 0;
    return all[i].name;
}

/* Ends the program: by a race, where threads meet at two lines, by an access out of line (which: 0, 1, 2). */
extern "C" void km_planted_end(int which)
{
    static const planted ends[] = {all[0],
                                   {"", parted_kernel, NOTHING, 32, 1, true},
                                   {"", four_kernel, NOTHING, 2, 1, true}};
    launch(ends[which]);
}
