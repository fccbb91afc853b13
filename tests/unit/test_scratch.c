/* SPDX-License-Identifier: MIT
 * Working memory of kernels: aligned, kept, one for each thread and slot, and gone with its thread. */
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>

#include "kernels/scratch.h"
#include "tests/unit/tap.h"

enum { LARGE = 1 << 24 }; /* floats: 64 MiB, which malloc maps by itself, so that what is mapped can be counted */

static void *use(void *arg)
{
    float **ret = arg;
    ret[0] = km_scratch(KM_SCRATCH_SHARED, LARGE);
    ret[1] = km_scratch(KM_SCRATCH_OWN, LARGE);
    ret[0][LARGE - 1] = 1, ret[1][LARGE - 1] = 2;
    return ret[0][LARGE - 1] == 1 ? arg : NULL;
}

static void test_one_thread(void)
{
    float *own = km_scratch(KM_SCRATCH_OWN, 100), *shared = km_scratch(KM_SCRATCH_SHARED, 100);
    ok((uintptr_t)own % 64 == 0 && (uintptr_t)shared % 64 == 0, "aligned to a cache line");
    for (int i = 0; i < 100; i++) own[i] = 1, shared[i] = 2;
    ok(own[0] == 1 && own[99] == 1 && shared[99] == 2, "two slots are two pieces of memory");
    ok(km_scratch(KM_SCRATCH_OWN, 50) == own && own[99] == 1, "a smaller piece is the same memory");
    own = km_scratch(KM_SCRATCH_OWN, 100000);
    own[99999] = 3;
    ok((uintptr_t)own % 64 == 0 && shared[0] == 2, "it grows, and leaves the other slot alone");
}

static void test_threads(void)
{
    enum { THREADS = 8 };
    size_t before = mallinfo2().hblkhd;
    bool apart = true;
    float *mine = km_scratch(KM_SCRATCH_OWN, 100), *theirs[2];
    for (int i = 0; i < THREADS; i++) {
        pthread_t t;
        void *done = NULL;
        if (pthread_create(&t, NULL, use, theirs) != 0 || pthread_join(t, &done) != 0) apart = false;
        apart = apart && done && theirs[0] != mine && theirs[1] != mine && theirs[0] != theirs[1];
    }
    ok(apart, "every thread has its own");
    ok(mallinfo2().hblkhd == before, "and gives it back when it ends: %zu bytes mapped, %zu before", mallinfo2().hblkhd,
       before);
}

int main(void)
{
    test_one_thread();
    test_threads();
    return tap_end();
}
