/* SPDX-License-Identifier: MIT */
#include "lib/traj/draws.h"

#include <string.h>

#include "tests/unit/tap.h"

/* Rows of the published draws: numbers of frames, the draw, its ends and sum (numpy 1.24 and 2.4). */
typedef struct row {
    uint32_t n_ref;
    int64_t n[3];
    int64_t first[3], last[3], sum[3];
} row;

static const row rows[] = {
    {30003, {250, 250, 1000}, {10974, 19232, 2303}, {8372, 21662, 29956}, {3902411, 3882675, 14909648}},
    {30003, {300, 300, 1000}, {10974, 22799, 19533}, {11419, 1870, 3512}, {4757997, 4437327, 15063588}},
    {3003, {250, 250, 1000}, {2782, 2339, 2973}, {2875, 2344, 470}, {381531, 373634, 1433063}},
    {3003, {300, 300, 1000}, {2782, 2020, 1814}, {1957, 2484, 2441}, {458237, 431567, 1467739}},
};

int main(void)
{
    km_mt g;
    const uint32_t words[6] = {4053805790, 2173880614, 380293709, 1237255315, 2986595568, 1663397195};
    bool same = true;
    km_mt_seed(&g, 137);
    for (int i = 0; i < 6; i++) same &= km_mt_word(&g) == words[i];
    ok(same, "the first words of seed 137");
    for (int r = 0; r < 4; r++) {
        km_mt_seed(&g, 137);
        for (int d = 0; d < 3; d++) {
            int64_t out[1000], sum = 0;
            km_mt_below(&g, rows[r].n_ref, rows[r].n[d], out);
            for (int64_t i = 0; i < rows[r].n[d]; i++) sum += out[i];
            ok(out[0] == rows[r].first[d] && out[rows[r].n[d] - 1] == rows[r].last[d] && sum == rows[r].sum[d],
               "%u frames, %lld drawn, draw %d", rows[r].n_ref, (long long)rows[r].n[d], d + 1);
        }
    }
    int64_t zeros[3] = {7, 7, 7};
    km_mt_seed(&g, 137);
    km_mt_below(&g, 1, 3, zeros);
    ok(!zeros[0] && !zeros[1] && !zeros[2] && km_mt_word(&g) == words[0], "of one frame nothing is drawn");
    return tap_end();
}
