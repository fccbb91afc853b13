/* SPDX-License-Identifier: MIT */
#include "lib/nn/params_init.h"

#include <math.h>

#include "lib/base/rng.h"

static void fill_constant(float *w, km_dim n, float value)
{
    for (km_dim i = 0; i < n; i++) w[i] = value;
}

static void fill_normal(float *w, km_dim n, uint64_t seed, uint32_t name_hash)
{
    km_rng rng = km_rng_of(seed, KM_RNG_WEIGHTS, name_hash, 0, 0);
    for (km_dim i = 0; i < n; i += 3) {
        float draw[3];
        km_rng_normal3(&rng, (uint32_t)(i / 3), draw);
        for (km_dim j = 0; j < 3 && i + j < n; j++) w[i + j] = draw[j];
    }
}

/* Normal, cut at two standard deviations, with variance scale / fan in after the cut: an element takes the first of its
 * draws that lies inside. */
static void fill_truncated(float *w, km_dim n, double variance, uint64_t seed, uint32_t name_hash)
{
    const double cut_deviation = 0.87962566103423978; /* of a standard normal cut at +-2 */
    double scale = sqrt(variance) / cut_deviation;
    for (km_dim i = 0; i < n; i++) {
        float draw[3] = {3, 3, 3};
        int j = 3;
        for (uint32_t round = 0; j == 3; round++) {
            km_rng rng = km_rng_of(seed, KM_RNG_WEIGHTS, name_hash, 0, round);
            km_rng_normal3(&rng, (uint32_t)i, draw);
            for (j = 0; j < 3 && fabsf(draw[j]) >= 2;) j++;
        }
        w[i] = (float)(scale * draw[j]);
    }
}

static void fill_uniform(float *w, km_dim n, double bound, uint64_t seed, uint32_t name_hash)
{
    km_rng rng = km_rng_of(seed, KM_RNG_WEIGHTS, name_hash, 0, 0);
    for (km_dim i = 0; i < n; i += 4) {
        double draw[4];
        km_rng_uniform4(&rng, (uint32_t)(i / 4), draw);
        for (km_dim j = 0; j < 4 && i + j < n; j++) w[i + j] = (float)(bound * (2 * draw[j] - 1));
    }
}

void km_params_fill(float *w, km_dim n, km_dim fan_in, km_init init, uint64_t seed, uint32_t name_hash,
                    double lambda_lo, double lambda_hi)
{
    double fan = fan_in > 0 ? (double)fan_in : 1;
    switch (init) {
    case KM_INIT_ZERO: fill_constant(w, n, 0); break;
    case KM_INIT_ONE: fill_constant(w, n, 1); break;
    case KM_INIT_BIAS_MINUS_2: fill_constant(w, n, -2); break;
    case KM_INIT_LECUN: fill_truncated(w, n, 1 / fan, seed, name_hash); break;
    case KM_INIT_HE: fill_truncated(w, n, 2 / fan, seed, name_hash); break;
    case KM_INIT_DEFAULT: fill_uniform(w, n, 1 / sqrt(fan), seed, name_hash); break;
    case KM_INIT_NORMAL: fill_normal(w, n, seed, name_hash); break;
    case KM_INIT_LOG_LAMBDA:
        for (km_dim i = 0; i < n; i++) {
            double share = n > 1 ? (double)i / (double)(n - 1) : 0;
            w[i] = (float)(log(lambda_lo) + share * (log(lambda_hi) - log(lambda_lo)));
        }
        break;
    }
}
