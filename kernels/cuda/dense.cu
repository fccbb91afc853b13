/* SPDX-License-Identifier: MIT
 * Products with weight matrices. With bfloat16 activations the inputs of every product are bfloat16: a weight packed
 * at load, or in training at each step, or rounded for this product. */
#include "kernels/cuda/columns.cuh"
#include "kernels/cuda/cuda.cuh"
#include "kernels/cuda/pack.h"

#ifdef KM_CUDA_BF16
__global__ static void rounded_kernel(bf16 *y, const float *x, km_dim n) { KM_EACH(i, n) put(&y[i], x[i]); }

/* x as it goes into a product: rounded in scratch memory */
static void *operand(int slot, const float *x, km_dim n)
{
    bf16 *y = (bf16 *)km_cuda_scratch(slot, (size_t)n * sizeof *y);
    KM_EACH_LAUNCH(rounded_kernel, n, y, x, n);
    return y;
}
enum { HALF = 1 };

static const void *weight(const float *opt_w, const km_pack *opt_pack, km_dim n)
{
    return opt_pack ? opt_pack->w : operand(1, opt_w, n);
}
#else
static void *operand(int, const float *x, km_dim) { return (void *)x; }
enum { HALF = 0 };

__global__ static void widened_kernel(float *y, const bf16 *x, km_dim n) { KM_EACH(i, n) y[i] = get(x[i]); }

/* A matrix that products alone read lies there packed only (lib/nn/params.h). */
static const void *weight(const float *opt_w, const km_pack *opt_pack, km_dim n)
{
    if (opt_w) return opt_w;
    float *w = (float *)km_cuda_scratch(1, (size_t)n * sizeof *w);
    KM_EACH_LAUNCH(widened_kernel, n, w, (const bf16 *)opt_pack->w, n);
    return w;
}
#endif

static km_matrix input(const void *p, km_dim columns, int transpose)
{
    return km_matrix{(void *)p, columns, 0, HALF, transpose};
}

/* A bias as a product adds it: of the result's type, at an address that cuBLASLt takes. */
static const void *addend(const float *opt_b, km_dim O)
{
    size_t bytes = (size_t)O * sizeof *opt_b;
    if (!opt_b || HALF) return opt_b ? operand(2, opt_b, O) : nullptr;
    if ((uintptr_t)opt_b % 16 == 0) return opt_b;
    void *b = km_cuda_scratch(2, bytes);
    km_cuda_move(b, opt_b, bytes);
    return b;
}

void KM_CUDA(linear_fwd)(const km_exec *, float *y, const float *x, const float *w, const float *opt_b,
                         const float *opt_add, bool cut, const km_pack *opt_pack, km_dim M, km_dim I, km_dim O)
{
    if (M == 0) return;
    km_cuda_gemm(km_matrix{y, O, 0, HALF, 0}, input(x, I, 0), input(weight(w, opt_pack, I * O), I, 1), M, O, I, 1, 0,
                 km_epilogue{addend(opt_b, O), opt_add, cut});
}

struct ones {
    const float *dy;
    km_dim C;
    __device__ float2 operator()(km_dim m, km_dim c) const { return float2{dy[m * C + c], 0}; }
};

__global__ static void bias_kernel(float *db, const float *dy, km_dim M, km_dim C)
{
    add_columns(db, nullptr, ones{dy, C}, M, C);
}

void KM_CUDA(linear_bwd)(const km_exec *, float *opt_dx, float *opt_dw, float *opt_db, const float *dy, const float *x,
                         const float *w, const km_pack *opt_pack, km_dim M, km_dim I, km_dim O)
{
    if (M == 0) return;
    if (opt_db) KM_COLUMNS_LAUNCH(bias_kernel, M, O, opt_db, dy, M, O);
    const void *d = operand(0, dy, M * O);
    if (opt_dx)
        km_cuda_gemm(km_matrix{opt_dx, I, 0, 0, 0}, input(d, O, 0), input(weight(w, opt_pack, I * O), I, 0), M, I, O, 1,
                     1, {});
    if (opt_dw) km_cuda_gemm(km_matrix{opt_dw, I, 0, 0, 0}, input(d, O, 1), input(x, I, 0), O, I, M, 1, 1, {});
}
