/* SPDX-License-Identifier: MIT */
#include "lib/base/cpu.h"

#include <sched.h>
#include <stddef.h>
#include <string.h>

static bool has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

bool km_cpu_has(const char *isa)
{
    if (!strcmp(isa, "avx512")) return has_avx512();
    if (!strcmp(isa, "avx2")) return has_avx2();
    return !strcmp(isa, "base");
}

const char *km_cpu_isa(void) { return has_avx512() ? "avx512" : has_avx2() ? "avx2" : "base"; }

int km_cpu_count(void)
{
    /* Larger machines than the fixed cpu_set_t has room for make the call fail: ask again with more room. */
    for (int cpus = 1024; cpus <= 1 << 18; cpus *= 4) {
        cpu_set_t *set = CPU_ALLOC((size_t)cpus);
        if (!set) break;
        size_t bytes = CPU_ALLOC_SIZE((size_t)cpus);
        int n = sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 0;
        CPU_FREE(set);
        if (n > 0) return n;
    }
    return 1;
}
