/* SPDX-License-Identifier: MIT */
#include "kernels/ref/ref.h"

void km_ref_linear_fwd(const km_exec *ex, double *y, const double *x, const double *w, const double *b,
                       const double *add, bool cut, const km_pack *pack, km_dim M, km_dim I, km_dim O)
{
    (void)ex, (void)pack;
    for (km_dim m = 0; m < M; m++)
        for (km_dim o = 0; o < O; o++) {
            double sum = b ? b[o] : 0;
            for (km_dim i = 0; i < I; i++) sum += x[m * I + i] * w[o * I + i];
            if (add) sum = add[m * O + o] + km_ref_stored(sum);
            y[m * O + o] = cut && sum < 0 ? 0 : sum;
        }
}

void km_ref_linear_bwd(const km_exec *ex, double *dx, double *dw, double *db, const double *dy, const double *x,
                       const double *w, const km_pack *opt_pack, km_dim M, km_dim I, km_dim O)
{
    (void)ex, (void)opt_pack;
    for (km_dim m = 0; m < M; m++)
        for (km_dim o = 0; o < O; o++) {
            double d = dy[m * O + o];
            for (km_dim i = 0; dx && i < I; i++) dx[m * I + i] += d * w[o * I + i];
            for (km_dim i = 0; dw && i < I; i++) dw[o * I + i] += d * x[m * I + i];
            if (db) db[o] += d;
        }
}
