/* SPDX-License-Identifier: MIT */
#include "lib/traj/landscape.h"

#include <math.h>

#include "tests/unit/second.h"
#include "tests/unit/tap.h"

enum { N = 300, M = 200 };

int main(void)
{
    double u[2 * N], v[2 * M], flat[6] = {0, 1, 0, 2, 0, 3};
    km_landscape l;
    for (int i = 0; i < N; i++) u[2 * i] = sin(i * 0.37) + 0.3 * sin(i * 2.1), u[2 * i + 1] = cos(i * 0.53);
    for (int i = 0; i < M; i++) v[2 * i] = 1.2 * sin(i * 0.71) + 0.4, v[2 * i + 1] = 0.9 * cos(i * 0.31) + 0.2 * sin(i);
    km_landscape_compare(u, N, v, M, &l);
    second_check("landscape.jsd", l.jsd, 1e-8);
    second_check("landscape.recall", l.recall, 1e-9);
    second_check("landscape.precision", l.precision, 1e-9);
    second_check("landscape.f1", l.f1, 1e-9);
    second_check("landscape.hit", l.hit, 1e-9);
    second_check("landscape.recovery", l.recovery, 1e-9);
    km_landscape_compare(u, N, u, N, &l);
    ok(l.jsd == 0 && l.recall == 1 && l.precision == 1 && l.hit == 1 && l.recovery == 1, "a set and itself");
    for (int i = 0; i < 2 * M; i++) v[i] += 100;
    km_landscape_compare(u, N, v, M, &l);
    ok(l.recall == 0 && isnan(l.precision) && l.hit == 0, "a model somewhere else");
    km_landscape_compare(flat, 3, v, M, &l);
    ok(isnan(l.jsd) && isnan(l.recall), "a reference that goes nowhere");
    return tap_end();
}
