/* SPDX-License-Identifier: MIT
 * The loss of motion: an atom's speed and fluctuation by a thread, the products of a lag by a block, gradients by a
 * thread for each coordinate. Frames that do not count stand as in r. */
#include "kernels/cuda/sums.cuh"

struct motion {
    const float *x, *r, *target;
    km_dim F, A;
    __device__ float real(km_dim f, km_dim i) const { return r[f * A * 3 + i]; }
    __device__ float at(km_dim f, km_dim i) const { return target[f] != 0 ? x[f * A * 3 + i] : real(f, i); }
};

/* of the step of atom a from frame f to the next */
__device__ static float step_length(const motion &s, km_dim f, km_dim a)
{
    float square = 1e-6f;
    for (km_dim i = 3 * a; i < 3 * a + 3; i++) square += (s.at(f + 1, i) - s.at(f, i)) * (s.at(f + 1, i) - s.at(f, i));
    return sqrtf(square);
}

/* An atom's mean step less that in r. */
__device__ static double speed_off(const motion &s, km_dim a)
{
    double off = 0;
    motion real = {s.r, s.r, s.target, s.F, s.A};
    for (km_dim f = 0; f + 1 < s.F; f++) off += (double)step_length(s, f, a) - step_length(real, f, a);
    return off / (double)(s.F - 1);
}

/* sqrt(mean |u|^2 + 1e-6) of an atom, u being its place less the mean */
__device__ static double fluctuation(double mean[3], const motion &s, km_dim a)
{
    double square = 0;
    for (int k = 0; k < 3; k++) {
        mean[k] = 0;
        for (km_dim f = 0; f < s.F; f++) mean[k] += s.at(f, 3 * a + k) / (double)s.F;
        for (km_dim f = 0; f < s.F; f++) square += (s.at(f, 3 * a + k) - mean[k]) * (s.at(f, 3 * a + k) - mean[k]);
    }
    return sqrt(square / (double)s.F + 1e-6);
}

__device__ static double fluctuation_off(double mean[3], double *got, const motion &s, km_dim a)
{
    double unused[3];
    motion real = {s.r, s.r, s.target, s.F, s.A};
    *got = fluctuation(mean, s, a);
    return *got - fluctuation(unused, real, a);
}

/* Speeds and fluctuations, as parts has them */
__global__ static void speed_kernel(sums *to, const float *x, const float *r, const float *target,
                                    const float *weight, const float *parts, km_dim F, km_dim A)
{
    motion s = {x, r, target, F, A};
    double sum = 0, mean[3], got;
    KM_EACH(a, A)
    {
        double off = speed_off(s, a), wide = fluctuation_off(mean, &got, s, a);
        sum += weight[a] * (parts[0] * off * off + parts[2] * wide * wide);
    }
    leave_part(to, sum, 0);
}

/* u v [F, A, 3]: x and r less their means over frames, 0 where an atom is not chosen */
__global__ static void centre_kernel(float *u, float *v, const float *x, const float *r, const float *target,
                                     const float *chosen, km_dim F, km_dim A)
{
    motion s = {x, r, target, F, A};
    KM_EACH(i, A * 3)
    {
        double mean = 0, real = 0;
        for (km_dim f = 0; f < F; f++) mean += s.at(f, i), real += s.real(f, i);
        mean /= (double)F, real /= (double)F;
        for (km_dim f = 0; f < F; f++) {
            u[f * A * 3 + i] = chosen[i / 3] != 0 ? (float)(s.at(f, i) - mean) : 0;
            v[f * A * 3 + i] = chosen[i / 3] != 0 ? (float)(s.real(f, i) - real) : 0;
        }
    }
}

/* lags[k] = the products of u and of v with themselves k frames later; a block for each k */
__global__ static void lags_kernel(sums *lags, const float *u, const float *v, km_dim F, km_dim n)
{
    double a = 0, b = 0;
    km_dim ahead = blockIdx.x * n;
    for (km_dim i = threadIdx.x; i < F * n - ahead; i += blockDim.x)
        a += (double)u[i] * u[i + ahead], b += (double)v[i] * v[i + ahead];
    block_sum(&lags[blockIdx.x], a, b);
}

/* How much more is remembered after k frames than in r. */
__device__ static double memory_off(const sums *lags, km_dim k)
{
    return lags[k].a / (lags[0].a + 1e-6) - lags[k].b / (lags[0].b + 1e-6);
}

__global__ static void motion_kernel(float *y, const sums *speeds, const sums *lags, const float *parts, km_dim most)
{
    double sum = 0;
    for (km_dim k = 1; k <= most; k++) sum += memory_off(lags, k) * memory_off(lags, k) / (double)most;
    y[0] = (float)(total(speeds).a + parts[1] * sum);
}

static km_dim most_lags(km_dim lags, km_dim F) { return lags < F - 1 ? lags : F - 1; }

/* u and, behind it, v; lags[0 .. most] */
static const float *remember(sums **ret_lags, const float *x, const float *r, const float *target, const float *chosen,
                             km_dim most, km_dim F, km_dim A)
{
    float *u = (float *)km_cuda_scratch(1, (size_t)(2 * F * A * 3) * sizeof *u);
    *ret_lags = (sums *)km_cuda_scratch(2, (size_t)(most + 1) * sizeof(sums));
    KM_EACH_LAUNCH(centre_kernel, A * 3, u, u + F * A * 3, x, r, target, chosen, F, A);
    km_launch(lags_kernel, dim3((unsigned)most + 1), dim3(KM_BLOCK), 0, *ret_lags, u, u + F * A * 3, F, A * 3);
    return u;
}

void KM_CUDA(loss_motion_fwd)(const km_exec *, float *y, const float *x, const float *r, const float *target,
                              const float *atom_weight, const float *chosen, const float *parts, km_dim lags, km_dim F,
                              km_dim A)
{
    km_cuda_zero(y, sizeof *y);
    if (F < 3 || A == 0) return;
    km_dim most = most_lags(lags, F);
    sums *speeds = new_parts(0), *of;
    KM_SUM_LAUNCH(speed_kernel, A, speeds, x, r, target, atom_weight, parts, F, A);
    remember(&of, x, r, target, chosen, most, F, A);
    KM_ONE_LAUNCH(motion_kernel, y, speeds, of, parts, most);
}

/* g [F, A, 3] = the gradient at u; a thread goes through the frames of a coordinate */
__global__ static void memory_bwd_kernel(float *dx, float *g, const float *dy, const float *u, const sums *lags,
                                         const float *target, const float *parts, km_dim most, km_dim F, km_dim n)
{
    KM_EACH(i, n)
    {
        double mean = 0, own = lags[0].a + 1e-6;
        for (km_dim f = 0; f < F; f++) {
            double sum = 0;
            for (km_dim k = 1; k <= most; k++) {
                double near = (f + k < F ? u[(f + k) * n + i] : 0) + (f >= k ? u[(f - k) * n + i] : 0);
                sum += memory_off(lags, k) * (near - 2 * lags[k].a / own * u[f * n + i]);
            }
            g[f * n + i] = (float)(dy[0] * parts[1] * 2 * sum / (double)most / own);
            mean += g[f * n + i] / (double)F;
        }
        for (km_dim f = 0; f < F; f++)
            if (target[f] != 0) dx[f * n + i] += g[f * n + i] - (float)mean;
    }
}

__global__ static void speed_bwd_kernel(float *dx, const float *dy, const float *x, const float *r, const float *target,
                                        const float *weight, const float *parts, km_dim F, km_dim A)
{
    motion s = {x, r, target, F, A};
    KM_EACH(i, A * 3)
    {
        km_dim a = i / 3;
        float slope = (float)(dy[0] * parts[0] * weight[a] * 2 * speed_off(s, a) / (double)(F - 1)), before = 0;
        double mean[3], got, off = fluctuation_off(mean, &got, s, a);
        double wide = dy[0] * parts[2] * weight[a] * 2 * off / (got * (double)F);
        for (km_dim f = 0; f < F; f++) {
            float after = f + 1 < F ? slope * (s.at(f + 1, i) - s.at(f, i)) / step_length(s, f, a) : 0;
            if (target[f] != 0) dx[f * A * 3 + i] += before - after + (float)(wide * (s.at(f, i) - mean[i % 3]));
            before = after;
        }
    }
}

void KM_CUDA(loss_motion_bwd)(const km_exec *, float *opt_dx, const float *dy, const float *x, const float *r,
                              const float *target, const float *atom_weight, const float *chosen, const float *parts,
                              km_dim lags, km_dim F, km_dim A)
{
    if (!opt_dx || F < 3 || A == 0) return;
    km_dim most = most_lags(lags, F), n = A * 3;
    KM_EACH_LAUNCH(speed_bwd_kernel, n, opt_dx, dy, x, r, target, atom_weight, parts, F, A);
    if (most < 1) return;
    sums *of;
    const float *u = remember(&of, x, r, target, chosen, most, F, A);
    float *g = (float *)km_cuda_scratch(3, (size_t)(F * n) * sizeof *g);
    KM_EACH_LAUNCH(memory_bwd_kernel, n, opt_dx, g, dy, u, of, target, parts, most, F, n);
}
