/* SPDX-License-Identifier: MIT */
#include "lib/base/assign.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "lib/base/mem.h"

/* One more row, by the shortest augmenting path (columns and rows from 1, column 0 a stand-in). */
static void add_row(const double *cost, int32_t row, int32_t m, double *u, double *v, int32_t *row_of)
{
    double *least = KM_NEWN(double, (size_t)m + 1);
    int32_t *from = KM_NEWN(int32_t, (size_t)m + 1), at = 0;
    bool *done = KM_NEWN(bool, (size_t)m + 1);
    for (int32_t j = 0; j <= m; j++) least[j] = INFINITY;
    row_of[0] = row;
    do {
        double step = INFINITY;
        int32_t next = 0, i = row_of[at];
        done[at] = true;
        for (int32_t j = 1; j <= m; j++) {
            if (done[j]) continue;
            double d = cost[(int64_t)(i - 1) * m + j - 1] - u[i] - v[j];
            if (d < least[j]) least[j] = d, from[j] = at;
            if (least[j] < step) step = least[j], next = j;
        }
        for (int32_t j = 0; j <= m; j++) {
            if (done[j]) u[row_of[j]] += step, v[j] -= step;
            else least[j] -= step;
        }
        at = next;
    } while (row_of[at]);
    for (; at; at = from[at]) row_of[at] = row_of[from[at]];
    free(least), free(from), free(done);
}

void km_assign(const double *cost, int32_t n, int32_t m, int32_t *column_of)
{
    double *u = KM_NEWN(double, (size_t)n + 1), *v = KM_NEWN(double, (size_t)m + 1);
    int32_t *row_of = KM_NEWN(int32_t, (size_t)m + 1);
    for (int32_t i = 1; i <= n; i++) add_row(cost, i, m, u, v, row_of);
    for (int32_t j = 1; j <= m; j++)
        if (row_of[j]) column_of[row_of[j] - 1] = j - 1;
    free(u), free(v), free(row_of);
}
