/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "kernels/ref/ref.h"

void km_ref_axpby_fwd(const km_exec *ex, double *y, const double *x, double a, const double *u, double b, km_dim n)
{
    (void)ex;
    for (km_dim i = 0; i < n; i++) y[i] = a * x[i] + (u ? b * u[i] : 0);
}

void km_ref_square_sum_fwd(const km_exec *ex, double *sum, const double *x, km_dim n)
{
    (void)ex;
    *sum = 0;
    for (km_dim i = 0; i < n; i++) *sum += x[i] * x[i];
}

void km_ref_normalize_fwd(const km_exec *ex, double *y, const double *x, const double *square, km_dim n)
{
    (void)ex;
    for (km_dim i = 0; i < n; i++) y[i] = x[i] / (sqrt(*square) + 1e-30);
}

void km_ref_adam_fwd(const km_exec *ex, double *w, double *m, double *v, const double *g, double beta1, double beta2,
                     double step, double root, double eps, double keep, double scale, km_dim n)
{
    (void)ex;
    for (km_dim i = 0; i < n; i++) {
        m[i] = beta1 * m[i] + (1 - beta1) * scale * g[i];
        v[i] = beta2 * v[i] + (1 - beta2) * scale * g[i] * scale * g[i];
        w[i] = keep * w[i] - step * m[i] / (sqrt(v[i]) / root + eps);
    }
}
