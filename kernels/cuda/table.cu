/* SPDX-License-Identifier: MIT
 * The two tables, what they offer of the device, and the library's way in. */
#include "kernels/backend.h"
#include "kernels/cuda/cuda.cuh"
#include "kernels/cuda/group.h"
#include "kernels/cuda/pack.h"

/* The launchers of both compilations. They are functions of C++, so that one whose arguments are not those of the table
 * is missing when the library is linked. */
#define real float
#define KM_KERNEL(name, args)                                                                                          \
    void km_cuda_f32_##name args;                                                                                      \
    void km_cuda_bf16_##name args;
#include "kernels/kernels.def"
#undef KM_KERNEL
#undef real
void km_cuda_bf16_gated_linear(const km_exec *, float *y, const km_side *gate, const km_side *value, bool silu,
                               const float *opt_add, km_dim M, km_dim I, km_dim O);

extern "C" {
const char *km_cuda_version(void);
const km_backend *km_cuda_backend(int index, void (*fail)(const char *msg), char *msg, size_t room);
}

__global__ static void widen_kernel(float *y, const bf16 *x, km_dim n) { KM_EACH(i, n) y[i] = get(x[i]); }

__global__ static void round_kernel(bf16 *y, const float *x, km_dim n) { KM_EACH(i, n) put(&y[i], x[i]); }

static void round_all(void *to, const float *from, km_dim n) { KM_EACH_LAUNCH(round_kernel, n, (bf16 *)to, from, n); }
static void widen_all(float *to, const void *from, km_dim n)
{
    KM_EACH_LAUNCH(widen_kernel, n, to, (const bf16 *)from, n);
}

/* Numbers of 16 bits, `wide` of them a pair. */
__global__ static void swap_kernel(uint16_t *to, const uint16_t *from, km_dim first, km_dim R, km_dim rows, km_dim N,
                                   km_dim wide, bool back)
{
    KM_EACH(i, R * rows * wide)
    {
        km_dim column = (i / wide % rows * N + first + i / wide / rows) * wide + i % wide;
        if (back) to[i] = from[column];
        else to[column] = from[i];
    }
}

static void swap(void *to, const void *from, km_dim first, km_dim R, km_dim rows, km_dim N, size_t bytes, bool back)
{
    km_dim wide = (km_dim)(bytes / sizeof(uint16_t));
    KM_EACH_LAUNCH(swap_kernel, R * rows * wide, (uint16_t *)to, (const uint16_t *)from, first, R, rows, N, wide, back);
}

/* w lies on the device. */
static km_pack *pack_new(const float *w, km_dim out, km_dim in)
{
    km_pack *p = new km_pack;
    p->bytes = (size_t)(out * in) * sizeof(bf16);
    p->w = p->own = km_cuda_get(p->bytes);
    round_all(p->own, w, out * in);
    return p;
}

static km_pack *pack_over(const void *rounded, km_dim out, km_dim in)
{
    return new km_pack{rounded, nullptr, (size_t)(out * in) * sizeof(bf16)};
}

static void pack_free(km_pack *p)
{
    if (p) km_cuda_put(p->own);
    delete p;
}

static size_t pack_bytes(const km_pack *p) { return p->bytes; }

static km_device device;
static km_backend plain, half;

static void fill(km_backend *t, const char *name)
{
    t->name = name;
    t->device = &device;
    t->pack_new = pack_new, t->pack_free = pack_free, t->pack_bytes = pack_bytes;
}

const char *km_cuda_version(void) { return KM_VERSION; }

const km_backend *km_cuda_backend(int index, void (*fail)(const char *msg), char *msg, size_t room)
{
    device.name = km_cuda_open(index, fail, msg, room);
    if (!device.name) return nullptr;
    device.get = km_cuda_get, device.put = km_cuda_put;
    device.upload = km_cuda_upload, device.download = km_cuda_download, device.move = km_cuda_move;
    device.refresh = km_cuda_refresh, device.fetch = km_cuda_fetch, device.fetched = km_cuda_fetched;
    device.swap = swap, device.zero = km_cuda_zero;
    device.round = round_all, device.widen = widen_all;
    device.room = km_cuda_room, device.rehearse = km_cuda_rehearse, device.scratch = km_cuda_scratch_most;
    device.begin = km_cuda_begin, device.end = km_cuda_end, device.spoil = km_calls_spoil;
    device.group = km_cuda_group, device.join = km_cuda_join, device.sum = km_cuda_sum;
    device.replay = km_cuda_replay, device.discard = km_cuda_discard;
    fill(&plain, "cuda-f32"), fill(&half, "cuda");
    half.half = true, half.plain = &plain, half.opt_gated_linear = km_cuda_bf16_gated_linear,
    half.opt_pack_over = pack_over;
#define KM_KERNEL(name, args) plain.name = km_cuda_f32_##name, half.name = km_cuda_bf16_##name;
#include "kernels/kernels.def"
#undef KM_KERNEL
    return &half;
}
