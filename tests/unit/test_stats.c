/* SPDX-License-Identifier: MIT */
#include "lib/traj/stats.h"

#include <math.h>

#include "tests/unit/second.h"
#include "tests/unit/tap.h"

enum { N = 40 };

int main(void)
{
    double a[N], b[N], same[N], ranks[5];
    const double ties[5] = {3, 1, 3, 2, 3}, odd[3] = {5, 1, 3}, none[3] = {2, NAN, 1};
    for (int i = 0; i < N; i++) {
        a[i] = nearbyint(sin(i * 1.7) * 4), b[i] = nearbyint(cos(i * 0.9) * 3 + sin(i * 1.7) * 2);
        same[i] = 2;
    }
    second_check("stats.pearson", km_pearson(a, b, N), 1e-9);
    second_check("stats.spearman", km_spearman(a, b, N), 1e-9);
    second_check("stats.kendall", km_kendall(a, b, N), 1e-9);
    ok(isnan(km_pearson(a, same, N)) && isnan(km_spearman(a, same, N)) && isnan(km_kendall(a, same, N)),
       "nothing correlates with a constant");
    km_stats_ranks(ties, 5, ranks);
    ok(ranks[0] == 4 && ranks[1] == 1 && ranks[2] == 4 && ranks[3] == 2 && ranks[4] == 4, "ties share their ranks");
    ok(km_median(odd, 3) == 3 && km_median(odd, 2) == 3 && isnan(km_median(odd, 0)), "medians");
    ok(km_median(none, 3) == 2, "NaN is the largest");
    ok(km_mean(odd, 3) == 3 && isnan(km_mean(odd, 0)), "means");
    return tap_end();
}
