/* SPDX-License-Identifier: MIT
 * kernels/cuda/device.h without a device: memory that the emulator guards, products as plain loops. */
#include "kernels/cuda/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulate/emulate.h"

static void (*on_failure)(const char *msg);
static struct {
    void *p;
    size_t bytes;
} scratch[KM_CUDA_SCRATCH];

const char *km_cuda_open(int index, void (*fail)(const char *msg), char *msg, size_t room)
{
    on_failure = fail;
    if (index == 0) return "emulated";
    snprintf(msg, room, "no device %d: there is 1, counted from 0", index);
    return nullptr;
}

void km_cuda_check(int error, const char *what)
{
    if (!error) return;
    if (on_failure) on_failure(what);
    abort();
}

void *km_cuda_stream(void) { return nullptr; }

void *km_cuda_get(size_t bytes)
{
    void *p = emulate::device_alloc(bytes);
    if (!p) km_cuda_check(-1, "emulated: out of memory");
    return p;
}

void km_cuda_put(void *p) { emulate::device_free(p); }
void km_cuda_upload(void *to, const void *from, size_t bytes) { emulate::copy(to, from, bytes); }
void km_cuda_download(void *to, const void *from, size_t bytes) { emulate::copy(to, from, bytes); }
void km_cuda_move(void *to, const void *from, size_t bytes) { emulate::copy(to, from, bytes); }

void km_cuda_move_rows(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t rows)
{
    for (size_t r = 0; r < rows; r++)
        emulate::copy((char *)to + r * to_pitch, (const char *)from + r * from_pitch, width);
}

void km_cuda_zero(void *p, size_t bytes) { emulate::zero(p, bytes); }

void *km_cuda_scratch(int slot, size_t bytes)
{
    emulate::device_free(scratch[slot].p); /* fresh every time, so that nothing is left of the last use */
    scratch[slot].p = km_cuda_get(bytes);
    return scratch[slot].p;
}

static float number(const void *p, int64_t at, int half)
{
    return half ? __uint_as_float((unsigned)((const uint16_t *)p)[at] << 16) : ((const float *)p)[at];
}

static float element(const km_matrix &m, int64_t entry, int64_t row, int64_t column)
{
    return number(m.p, entry * m.stride + row * m.ld + column, m.half);
}

static void put(const km_matrix &m, int64_t at, float x)
{
    if (!m.half) {
        ((float *)m.p)[at] = x;
        return;
    }
    unsigned u = __float_as_uint(x);
    ((uint16_t *)m.p)[at] = (uint16_t)((u + 0x7fffu + (u >> 16 & 1)) >> 16);
}

void km_cuda_gemm(km_matrix c, km_matrix a, km_matrix b, int64_t m, int64_t n, int64_t k, int64_t batch, float alpha,
                  float beta, const void *opt_bias)
{
    emulate::check_pointer(a.p), emulate::check_pointer(b.p), emulate::check_pointer(c.p);
    emulate::check_pointer(opt_bias);
    if (a.half != b.half) km_cuda_check(-1, "emulated: a product of two types");
    if ((uintptr_t)opt_bias % 16) km_cuda_check(-1, "emulated: a bias out of line");
    emulate::open_memory(true);
    for (int64_t e = 0; e < batch; e++)
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < n; j++) {
                float sum = 0;
                for (int64_t l = 0; l < k; l++)
                    sum += (a.transpose ? element(a, e, l, i) : element(a, e, i, l)) *
                           (b.transpose ? element(b, e, j, l) : element(b, e, l, j));
                sum = alpha * sum + (opt_bias ? number(opt_bias, j, c.half) : 0);
                if (beta != 0) sum += beta * element(c, e, i, j);
                put(c, e * c.stride + i * c.ld + j, sum);
            }
    emulate::open_memory(false);
}
