/* SPDX-License-Identifier: MIT */
#include "tools/bench.h"

#include <math.h>
#include <time.h>

#include "lib/base/clock.h"

void km_bench_settle(km_ctx *cx, const km_tensor *t)
{
    if (!cx->dry) km_read(cx, km_slice(cx, KM_RESHAPE(cx, t, km_numel(t)), 0, 1));
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void km_bench_best(int times, void (*run)(void *arg), void *arg, km_timing *ret)
{
    const double enough = 60;
    double begin = km_seconds();
    ret->seconds = ret->cpu_seconds = 1e300;
    for (int i = 0; i < times && (i < 2 || km_seconds() - begin < enough); i++) {
        double start = km_seconds(), cpu_start = cpu_seconds();
        run(arg);
        ret->seconds = fmin(ret->seconds, km_seconds() - start);
        ret->cpu_seconds = fmin(ret->cpu_seconds, cpu_seconds() - cpu_start);
    }
}
