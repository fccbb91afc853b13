/* SPDX-License-Identifier: MIT */
#include "lib/chem/match.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assign.h"
#include "lib/base/mem.h"

enum { GAP_OPEN = -12, GAP_EXTEND = -1, NEVER = INT32_MIN / 4 };

/* BLOSUM62 (Henikoff & Henikoff 1992). */
static const char letters[] = "ARNDCQEGHILKMFPSTWYV";
static const int8_t blosum62[20][20] = {
    {4, -1, -2, -2, 0, -1, -1, 0, -2, -1, -1, -1, -1, -2, -1, 1, 0, -3, -2, 0},
    {-1, 5, 0, -2, -3, 1, 0, -2, 0, -3, -2, 2, -1, -3, -2, -1, -1, -3, -2, -3},
    {-2, 0, 6, 1, -3, 0, 0, 0, 1, -3, -3, 0, -2, -3, -2, 1, 0, -4, -2, -3},
    {-2, -2, 1, 6, -3, 0, 2, -1, -1, -3, -4, -1, -3, -3, -1, 0, -1, -4, -3, -3},
    {0, -3, -3, -3, 9, -3, -4, -3, -3, -1, -1, -3, -1, -2, -3, -1, -1, -2, -2, -1},
    {-1, 1, 0, 0, -3, 5, 2, -2, 0, -3, -2, 1, 0, -3, -1, 0, -1, -2, -1, -2},
    {-1, 0, 0, 2, -4, 2, 5, -2, 0, -3, -3, 1, -2, -3, -1, 0, -1, -3, -2, -2},
    {0, -2, 0, -1, -3, -2, -2, 6, -2, -4, -4, -2, -3, -3, -2, 0, -2, -2, -3, -3},
    {-2, 0, 1, -1, -3, 0, 0, -2, 8, -3, -3, -1, -2, -1, -2, -1, -2, -2, 2, -3},
    {-1, -3, -3, -3, -1, -3, -3, -4, -3, 4, 2, -3, 1, 0, -3, -2, -1, -3, -1, 3},
    {-1, -2, -3, -4, -1, -2, -3, -4, -3, 2, 4, -2, 2, 0, -3, -2, -1, -2, -1, 1},
    {-1, 2, 0, -1, -3, 1, 1, -2, -1, -3, -2, 5, -1, -3, -1, 0, -1, -3, -2, -2},
    {-1, -1, -2, -3, -1, 0, -2, -3, -2, 1, 2, -1, 5, 0, -2, -1, -1, -1, -1, 1},
    {-2, -3, -3, -3, -2, -3, -3, -3, -1, 0, 0, -3, 0, 6, -4, -2, -2, 1, 3, -1},
    {-1, -2, -2, -1, -3, -1, -1, -2, -2, -3, -3, -1, -2, -4, 7, -1, -1, -4, -3, -2},
    {1, -1, 1, 0, -1, 0, 0, 0, -1, -2, -2, 0, -1, -2, -1, 4, 1, -3, -2, -2},
    {0, -1, 0, -1, -1, -1, -1, -2, -2, -1, -1, -1, -1, -2, -1, 1, 5, -2, -2, 0},
    {-3, -3, -4, -4, -2, -2, -3, -2, -2, -3, -2, -3, -1, 1, -4, -3, -2, 11, 2, -3},
    {-2, -2, -2, -3, -2, -1, -2, -3, 2, -1, -1, -2, -1, 3, -3, -2, -2, 2, 7, -1},
    {0, -3, -3, -3, -1, -2, -2, -3, -3, 3, 1, -2, 1, -1, -2, -2, 0, -3, -1, 4},
};

static int32_t class_of(char letter)
{
    const char *at = letter ? strchr(letters, letter == 'U' ? 'C' : letter) : NULL;
    return at ? (int32_t)(at - letters) : -1;
}

static int32_t score(char a, char b)
{
    int32_t x = class_of(a), y = class_of(b);
    return x < 0 || y < 0 ? -1 : blosum62[x][y];
}

static int32_t max3(int32_t a, int32_t b, int32_t c) { return a > b ? (a > c ? a : c) : b > c ? b : c; }

int32_t km_match_global(const char *a, const char *b)
{
    int32_t n = (int32_t)strlen(a), m = (int32_t)strlen(b);
    /* best scores that end in a pair, in a gap of b, in a gap of a: row i - 1, then, from the left, row i */
    int32_t *pair = KM_NEWN(int32_t, 3 * ((size_t)m + 1)), *in_b = pair + m + 1, *in_a = in_b + m + 1;
    for (int32_t i = 0; i <= n; i++) {
        int32_t diagonal = 0; /* the best of the cell above on the left */
        for (int32_t j = 0; j <= m; j++) {
            int32_t above = i ? max3(pair[j], in_b[j], in_a[j]) : NEVER, above_b = i ? in_b[j] : NEVER;
            int32_t left = j ? max3(pair[j - 1], in_b[j - 1], in_a[j - 1]) : NEVER, left_a = j ? in_a[j - 1] : NEVER;
            pair[j] = i && j ? diagonal + score(a[i - 1], b[j - 1]) : i || j ? NEVER : 0;
            in_b[j] = i ? max3(above + GAP_OPEN, above_b + GAP_EXTEND, NEVER) : NEVER;
            in_a[j] = j ? max3(left + GAP_OPEN, left_a + GAP_EXTEND, NEVER) : NEVER;
            diagonal = above;
        }
    }
    int32_t best = max3(pair[m], in_b[m], in_a[m]);
    free(pair);
    return best;
}

int32_t km_match_offset(const char *a, const char *b, int32_t *ret_offset)
{
    int32_t n = (int32_t)strlen(a), m = (int32_t)strlen(b), best = 0, best_start = n;
    *ret_offset = 0;
    for (int32_t offset = 1 - n; offset < m; offset++) {
        int32_t i = offset < 0 ? -offset : 0, sum = 0, start = i;
        for (; i < n && i + offset < m; i++) {
            if (sum <= 0) sum = 0, start = i;
            sum += score(a[i], b[i + offset]);
            if (sum < best || sum <= 0 || (sum == best && start >= best_start)) continue;
            best = sum, best_start = start, *ret_offset = offset;
        }
    }
    return best;
}

void km_match_assign(const int32_t *scores, int32_t n, int32_t m, int32_t *column_of)
{
    int32_t rows = n < m ? n : m, columns = n < m ? m : n; /* the other way round where there are more rows */
    double *cost = KM_NEWN(double, (size_t)rows *(size_t)columns + 1);
    int32_t *found = KM_NEWN(int32_t, (size_t)rows + 1);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            cost[i * columns + j] = -(double)(n <= m ? scores[i * m + j] : scores[j * m + i]);
    km_assign(cost, rows, columns, found);
    for (int32_t i = 0; i < n; i++) column_of[i] = -1;
    for (int32_t i = 0; i < rows; i++) {
        if (n <= m) column_of[i] = found[i];
        else column_of[found[i]] = i;
    }
    free(cost), free(found);
}
