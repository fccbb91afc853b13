/* SPDX-License-Identifier: MIT
 * lib/chem/match: scores of Biopython 1.88's PairwiseAligner(scoring="blastp"), and assignments by trying all. */
#include "lib/chem/match.h"

#include <stdlib.h>

#include "lib/base/rng.h"
#include "tests/unit/tap.h"

static void test_global(void)
{
    static const struct {
        const char *a, *b;
        int score;
    } cases[] = {
        {"ACDEFGHIKLMNPQRSTVWY", "ACDEFGHIKLMNPQRSTVWY", 116},
        {"MKTAYIAKQR", "TAYIKQRXW", -3},
        {"A", "W", -3},
        {"GGSGG", "ACDEFGHIKLMNPQ", -26},
        {"UCC", "CUX", 17},
        {"WWWWAAAAWWWW", "WWWWWWWW", 73},
        {"XMKX", "MKOO", -4},
        {"HEAGAWGHEE", "PAWHEAE", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int ab = km_match_global(cases[i].a, cases[i].b), ba = km_match_global(cases[i].b, cases[i].a);
        ok(ab == cases[i].score && ba == ab, "%s with %s: %d", cases[i].a, cases[i].b, ab);
    }
    ok(km_match_global("", "") == 0 && km_match_global("A", "") == -12 && km_match_global("", "AAA") == -14, "nothing");
}

static void test_offset(void)
{
    int32_t offset;
    ok(km_match_offset("WWCDE", "AAAWWCDE", &offset) == 11 + 11 + 9 + 6 + 5 && offset == 3, "moved to the right");
    ok(km_match_offset("AAAWWCDE", "WWCDE", &offset) == 42 && offset == -3, "and to the left");
    ok(km_match_offset("WAW", "W", &offset) == 11 && offset == 0, "of two places the first");
    ok(km_match_offset("AAAA", "WWWW", &offset) == 0, "nothing alike");
    ok(km_match_offset("", "W", &offset) == 0 && km_match_offset("W", "", &offset) == 0, "nothing");
    ok(km_match_offset("XXXX", "XXXX", &offset) == 0, "unknown residues are like nothing");
    ok(km_match_offset("WWWGGGGGGWWWW", "WWWPPPPPPWWWW", &offset) == 44 + 33 - 12 && offset == 0,
       "over a weak stretch");
}

/* The largest sum by trying all assignments of min(n, m) pairs. */
static int32_t best_sum(const int32_t *scores, int n, int m, int row, unsigned used, int left)
{
    int32_t best = INT32_MIN / 2;
    if (left == 0) return 0;
    if (row == n) return best;
    if (n - row > left) best = best_sum(scores, n, m, row + 1, used, left);
    for (int j = 0; j < m; j++) {
        if (used >> j & 1) continue;
        int32_t sum = scores[row * m + j] + best_sum(scores, n, m, row + 1, used | 1u << j, left - 1);
        best = sum > best ? sum : best;
    }
    return best;
}

static void test_assign(void)
{
    int wrong = 0;
    for (uint32_t k = 0; k < 300; k++) {
        int n = 1 + (int)(k % 5), m = 1 + (int)(k / 5 % 5), pairs = 0;
        int32_t scores[25], column[5], sum = 0;
        unsigned used = 0;
        km_rng rng = km_rng_of(4, KM_RNG_TEST, k, 0, 0);
        for (int i = 0; i < n * m; i++) {
            double u[4];
            km_rng_uniform4(&rng, (uint32_t)i, u);
            scores[i] = (int32_t)(u[0] * 40) - 20;
        }
        km_match_assign(scores, n, m, column);
        for (int i = 0; i < n; i++) {
            if (column[i] < 0) continue;
            wrong += column[i] >= m || (used >> column[i] & 1);
            used |= 1u << column[i];
            sum += scores[i * m + column[i]];
            pairs++;
        }
        wrong += pairs != (n < m ? n : m) || sum != best_sum(scores, n, m, 0, 0, pairs);
    }
    ok(wrong == 0, "300 assignments of up to five to up to five");
    int32_t none[1];
    km_match_assign(NULL, 0, 3, none);
    km_match_assign(NULL, 1, 0, none);
    ok(none[0] == -1, "nothing to assign to");
}

int main(void)
{
    test_global();
    test_offset();
    test_assign();
    return tap_end();
}
