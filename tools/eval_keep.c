/* SPDX-License-Identifier: MIT
 * Numbers that are kept to be drawn. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tools/eval.h"

void km_eval_keep(km_eval_row *row, const char *key, double *values, int nx, int ny)
{
    row->kept = km_realloc(row->kept, (size_t)(row->n_kept + 1) * sizeof *row->kept);
    snprintf(row->kept[row->n_kept].key, sizeof row->kept->key, "%s", key);
    row->kept[row->n_kept].values = values, row->kept[row->n_kept].nx = nx, row->kept[row->n_kept++].ny = ny;
}

const km_eval_array *km_eval_kept(const km_eval_row *row, const char *key)
{
    for (int i = 0; i < row->n_kept; i++)
        if (!strcmp(row->kept[i].key, key)) return &row->kept[i];
    return NULL;
}

static void widen(const double *x, int64_t n, int dims, double range[4])
{
    for (int64_t i = 0; i < n; i++)
        for (int d = 0; d < 2; d++) {
            range[2 * d] = fmin(range[2 * d], x[i * dims + d]);
            range[2 * d + 1] = fmax(range[2 * d + 1], x[i * dims + d]);
        }
}

/* Shares of the points per bin. */
static double *shares(const double *x, int64_t n, int dims, const double range[4], int size)
{
    double *bins = KM_NEWN(double, (size_t)size *(size_t)size);
    for (int64_t i = 0; i < n; i++) {
        int at[2];
        for (int d = 0; d < 2; d++) {
            double share = (x[i * dims + d] - range[2 * d]) / (range[2 * d + 1] - range[2 * d]) * size;
            at[d] = share >= size ? size - 1 : (int)share;
        }
        bins[at[1] * size + at[0]] += 1 / (double)n;
    }
    return bins;
}

void km_eval_keep_map(km_eval_row *row, const char *key, const double *md, int64_t n_md, const double *model,
                      int64_t n_model, int dims)
{
    char name[sizeof row->kept->key];
    double *range = KM_NEWN(double, 4);
    range[0] = range[2] = INFINITY, range[1] = range[3] = -INFINITY;
    widen(md, n_md, dims, range), widen(model, n_model, dims, range);
    if (!(range[1] > range[0] && range[3] > range[2])) {
        free(range);
        return;
    }
    int size = (int)fmin(KM_EVAL_MAP, fmax(KM_EVAL_MAP / 3.0, 1.5 * sqrt((double)n_md)));
    snprintf(name, sizeof name, "%s_md", key), km_eval_keep(row, name, shares(md, n_md, dims, range, size), size, size);
    km_eval_keep(row, key, shares(model, n_model, dims, range, size), size, size);
    snprintf(name, sizeof name, "%s_range", key), km_eval_keep(row, name, range, 4, 1);
}
