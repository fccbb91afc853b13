/* SPDX-License-Identifier: MIT */
#include "tools/bench.h"

#include "lib/base/clock.h"

double km_bench_best(int times, void (*run)(void *arg), void *arg)
{
    const double enough = 60;
    double best = 1e300, begin = km_seconds();
    for (int i = 0; i < times && (i == 0 || km_seconds() - begin < enough); i++) {
        double start = km_seconds();
        run(arg);
        double seconds = km_seconds() - start;
        if (seconds < best) best = seconds;
    }
    return best;
}
