/* SPDX-License-Identifier: MIT */
#include "tools/bench.h"

#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double km_bench_best(int times, void (*run)(void *arg), void *arg)
{
    const double enough = 60;
    double best = 1e300, begin = now();
    for (int i = 0; i < times && (i == 0 || now() - begin < enough); i++) {
        double start = now();
        run(arg);
        double seconds = now() - start;
        if (seconds < best) best = seconds;
    }
    return best;
}
