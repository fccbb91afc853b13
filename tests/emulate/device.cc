/* SPDX-License-Identifier: MIT
 * kernels/cuda/device.h without a device: memory that the emulator guards, products as plain loops. */
#include "kernels/cuda/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vector>

#include "kernels/cuda/rehearsal.h"
#include "tests/emulate/emulate.h"

static void (*on_failure)(const char *msg);
static struct {
    void *p;
    size_t bytes;
} scratch[KM_CUDA_SCRATCH];

/* Memory ends where KM_EMULATE_MEMORY (bytes) says. */
static size_t room_left = INT64_MAX;

/* A failure that a test asks for: KM_EMULATE_FAIL=kernel, memory or graph */
static bool is_to_fail(const char *what)
{
    const char *s = getenv("KM_EMULATE_FAIL");
    return s && strcmp(s, what) == 0;
}

const char *km_cuda_open(int index, void (*fail)(const char *msg), char *msg, size_t room)
{
    on_failure = fail;
    const char *memory = getenv("KM_EMULATE_MEMORY");
    if (memory) room_left = strtoull(memory, nullptr, 10);
    if (index <= 0) return "emulated";
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

size_t km_cuda_scratch_most(void)
{
    size_t sum = 0;
    for (int slot = 0; slot < KM_CUDA_SCRATCH; slot++) sum += km_rehearsal_asked(slot);
    return sum;
}

size_t km_cuda_room(void)
{
    size_t taken = emulate::device_bytes();
    return taken < room_left ? room_left - taken : 0;
}

void km_cuda_launched(int error) { km_cuda_check(error, "a kernel's launch"); }

/* -- graphs: the calls, to be made again */

typedef std::vector<std::function<void()>> graph;
static graph *kept;

void emulate::perform(const std::function<void()> &call)
{
    if (kept) kept->push_back(call);
    else call();
}

void km_cuda_begin(km_pass how)
{
    km_calls_begin(how);
    if (how == KM_PASS_KEPT) kept = new graph;
}

km_calls km_cuda_end(void)
{
    km_calls calls = km_calls_end();
    if (kept && calls.whole && !is_to_fail("graph")) calls.graph = kept;
    else delete kept;
    kept = nullptr;
    return calls;
}

void km_cuda_replay(void *g)
{
    for (const auto &call : *(graph *)g) call();
}

void km_cuda_discard(void *g) { delete (graph *)g; }

/* -- memory */

void *km_cuda_get(size_t bytes)
{
    if (km_cuda_rehearses()) return km_rehearsal_get(bytes);
    void *p = bytes <= km_cuda_room() && !is_to_fail("memory") ? emulate::device_alloc(bytes) : nullptr;
    if (!p) km_cuda_check(-1, "emulated: out of memory");
    return p;
}

void km_cuda_put(void *p)
{
    if (!p || km_rehearsal_owns(p)) return;
    if (km_calls_kept()) km_calls_spoil();
    emulate::device_free(p);
}

void km_cuda_refresh(void *to, const void *from, size_t bytes)
{
    if (!km_cuda_rehearses()) emulate::copy(to, from, bytes);
}

void km_cuda_upload(void *to, const void *from, size_t bytes)
{
    km_calls_copy();
    km_cuda_refresh(to, from, bytes);
}

void km_cuda_download(void *to, const void *from, size_t bytes)
{
    if (km_cuda_rehearses()) return;
    if (km_calls_under_way()) {
        km_calls_spoil();
        memset(to, 0, bytes);
        return;
    }
    if (is_to_fail("kernel")) km_cuda_check(-1, "a kernel: emulated: failed");
    emulate::copy(to, from, bytes);
}

/* As late as a device may make it. */
typedef struct transfer {
    const void *from;
    size_t bytes;
} transfer;

void *km_cuda_fetch(const void *from, size_t bytes) { return new transfer{from, bytes}; }

void km_cuda_fetched(void *fetch, void *to)
{
    transfer *t = (transfer *)fetch;
    km_cuda_download(to, t->from, t->bytes);
    delete t;
}

void km_cuda_move(void *to, const void *from, size_t bytes)
{
    if (km_left_out(km_cuda_move, to, from, bytes)) return;
    emulate::perform([=] { emulate::copy(to, from, bytes); });
}

void km_cuda_zero(void *p, size_t bytes)
{
    if (km_left_out(km_cuda_zero, p, bytes)) return;
    emulate::perform([=] { emulate::fill(p, 0, bytes); });
}

/* NaN every time, so that nothing is left of the last use. */
void *km_cuda_scratch(int slot, size_t bytes)
{
    if (km_cuda_rehearses()) return km_rehearsal_scratch(slot, bytes);
    if (bytes > scratch[slot].bytes) {
        km_cuda_put(scratch[slot].p);
        scratch[slot].p = km_cuda_get(bytes);
        scratch[slot].bytes = bytes;
    }
    void *p = scratch[slot].p;
    if (!km_calls_told()) emulate::perform([=] { emulate::fill(p, 0xff, bytes); });
    return p;
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

static void multiply(km_matrix c, km_matrix a, km_matrix b, int64_t m, int64_t n, int64_t k, int64_t batch, float beta,
                     km_epilogue end)
{
    emulate::check_pointer(a.p), emulate::check_pointer(b.p), emulate::check_pointer(c.p);
    emulate::check_pointer(end.opt_bias), emulate::check_pointer(end.opt_add);
    if (end.opt_add && beta != 0) km_cuda_check(-1, "emulated: a product with two things to add to");
    if (a.half != b.half) km_cuda_check(-1, "emulated: a product of two types");
    if ((uintptr_t)end.opt_bias % 16) km_cuda_check(-1, "emulated: a bias out of line");
    emulate::open_memory(true);
    for (int64_t e = 0; e < batch; e++)
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < n; j++) {
                float sum = 0;
                for (int64_t l = 0; l < k; l++)
                    sum += (a.transpose ? element(a, e, l, i) : element(a, e, i, l)) *
                           (b.transpose ? element(b, e, j, l) : element(b, e, l, j));
                if (end.opt_bias) sum += number(end.opt_bias, j, c.half);
                if (beta != 0) sum += beta * element(c, e, i, j);
                if (end.opt_add) sum += number(end.opt_add, e * c.stride + i * c.ld + j, c.half);
                put(c, e * c.stride + i * c.ld + j, end.cut && sum < 0 ? 0 : sum);
            }
    emulate::open_memory(false);
}

void km_cuda_gemm(km_matrix c, km_matrix a, km_matrix b, int64_t m, int64_t n, int64_t k, int64_t batch, float beta,
                  km_epilogue end)
{
    if (km_left_out(km_cuda_gemm, c, a, b, m, n, k, batch, beta, end)) return;
    emulate::perform([=] { multiply(c, a, b, m, n, k, batch, beta, end); });
}
