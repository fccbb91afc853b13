/* SPDX-License-Identifier: MIT */
#include "tools/bench.h"

#include "lib/base/clock.h"

void km_bench_settle(km_ctx *cx, const km_tensor *t)
{
    if (!cx->dry) km_read(cx, km_slice(cx, KM_RESHAPE(cx, t, km_numel(t)), 0, 1));
}

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
