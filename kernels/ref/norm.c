/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "kernels/ref/ref.h"

/* mean and 1 / sqrt(var + eps) of a row */
static void moments(const double *x, km_dim C, double *mean, double *rstd)
{
    double m = 0, v = 0;
    for (km_dim c = 0; c < C; c++) m += x[c] / (double)C;
    for (km_dim c = 0; c < C; c++) v += (x[c] - m) * (x[c] - m) / (double)C;
    *mean = m;
    *rstd = 1 / sqrt(v + 1e-5);
}

/* dx += the gradient through norm(x) w, given the gradient dy at it (w NULL: 1) */
static void norm_row_bwd(double *dx, const double *dy, const double *w, const double *x, km_dim C)
{
    double mean, rstd, sum = 0, dot = 0;
    moments(x, C, &mean, &rstd);
    for (km_dim c = 0; c < C; c++) {
        double g = km_ref_stored(dy[c] * (w ? w[c] : 1)) / (double)C;
        sum += g, dot += g * (x[c] - mean) * rstd;
    }
    for (km_dim c = 0; c < C; c++) {
        double g = km_ref_stored(dy[c] * (w ? w[c] : 1));
        dx[c] += rstd * (g - sum - (x[c] - mean) * rstd * dot);
    }
}

void km_ref_layer_norm_fwd(const km_exec *ex, double *y, const double *x, const double *w, const double *b, km_dim M,
                           km_dim C)
{
    (void)ex;
    for (km_dim m = 0; m < M; m++) {
        double mean, rstd;
        moments(x + m * C, C, &mean, &rstd);
        for (km_dim c = 0; c < C; c++) y[m * C + c] = (x[m * C + c] - mean) * rstd * (w ? w[c] : 1) + (b ? b[c] : 0);
    }
}

void km_ref_layer_norm_bwd(const km_exec *ex, double *dx, double *dw, double *db, const double *dy, const double *x,
                           const double *w, km_dim M, km_dim C)
{
    (void)ex;
    for (km_dim m = 0; m < M; m++) {
        double mean, rstd;
        moments(x + m * C, C, &mean, &rstd);
        for (km_dim c = 0; c < C; c++) {
            double d = dy[m * C + c];
            if (dw) dw[c] += d * (x[m * C + c] - mean) * rstd;
            if (db) db[c] += d;
        }
        if (dx) norm_row_bwd(dx + m * C, dy + m * C, w, x + m * C, C);
    }
}

void km_ref_adaln_fwd(const km_exec *ex, double *y, const double *x, const double *scale, const double *shift,
                      const int32_t *level, km_dim F, km_dim L, km_dim N, km_dim C)
{
    (void)ex, (void)L;
    for (km_dim f = 0; f < F; f++)
        for (km_dim n = 0; n < N; n++) {
            double mean, rstd;
            km_dim i = (f * N + n) * C, l = (level[f] * N + n) * C;
            moments(x + i, C, &mean, &rstd);
            for (km_dim c = 0; c < C; c++) {
                double normed = km_ref_stored((x[i + c] - mean) * rstd);
                y[i + c] = km_ref_stored(normed * scale[l + c]) + shift[l + c];
            }
        }
}

void km_ref_adaln_bwd(const km_exec *ex, double *dx, double *dscale, double *dshift, const double *dy, const double *x,
                      const double *scale, const int32_t *level, km_dim F, km_dim L, km_dim N, km_dim C)
{
    (void)ex, (void)L;
    for (km_dim f = 0; f < F; f++)
        for (km_dim n = 0; n < N; n++) {
            double mean, rstd;
            km_dim i = (f * N + n) * C, l = (level[f] * N + n) * C;
            moments(x + i, C, &mean, &rstd);
            for (km_dim c = 0; c < C; c++) {
                if (dscale) dscale[l + c] += km_ref_stored(dy[i + c] * km_ref_stored((x[i + c] - mean) * rstd));
                if (dshift) dshift[l + c] += dy[i + c];
            }
            if (dx) norm_row_bwd(dx + i, dy + i, scale + l, x + i, C);
        }
}
