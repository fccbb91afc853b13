/* SPDX-License-Identifier: MIT
 * Memory of a device, its copies and its two streams (kernels/cuda/device.cu), long products (gemm.cu), sums over
 * processes (group.cu), on the CUDA library: tests/emulate, which does what is not ordered in one order and in the
 * other, or a device in `make test-gpu`. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/mem.h"
#include "tests/unit/optest.h"
#include "tests/unit/tap.h"

enum { COPIES = 6 };
/* Copies go through 32 MB of locked memory, which so many of these use up. */
static const size_t LARGE = (size_t)9 << 20, HUGE = (size_t)40 << 20;

static void number(char *x, size_t bytes, int n)
{
    for (size_t i = 0; i < bytes; i++) x[i] = (char)(i * 7 + i / 4096 + (size_t)n * 31);
}

static bool is_number(const km_device *d, const void *there, size_t bytes, int n)
{
    char *got = km_alloc(bytes), *want = km_alloc(bytes);
    d->download(got, there, bytes);
    number(want, bytes, n);
    bool same = memcmp(got, want, bytes) == 0;
    free(got), free(want);
    return same;
}

/* Before a pass, in it and after it, with no one waiting in between. */
static void test_copies(const km_device *d, const char *order)
{
    void *there[COPIES];
    char *x = km_alloc(HUGE);
    bool good = true;
    for (int i = 0; i < COPIES; i++) there[i] = d->get(LARGE);
    for (int i = 0; i < COPIES; i++) {
        if (i == COPIES / 3) d->begin(KM_PASS_KEPT);
        number(x, LARGE, i);
        d->refresh(there[i], x, LARGE);
        memset(x, 1, LARGE);
        if (i == COPIES * 2 / 3) {
            km_calls calls = d->end();
            if (calls.graph) d->discard(calls.graph);
        }
    }
    for (int i = 0; i < COPIES; i++) good = good && is_number(d, there[i], LARGE, i);
    ok(good, "the host's memory is free when a copy was asked for, streams %s", order);
    void *all = d->get(HUGE);
    number(x, HUGE, 3);
    d->upload(all, x, HUGE);
    memset(x, 1, HUGE);
    ok(is_number(d, all, HUGE, 3), "and where it is larger than what copies go through");
    for (int i = 0; i < COPIES; i++) d->put(there[i]);
    d->put(all);
    free(x);
}

/* What is fetched is as it was when that was asked for, whatever comes later. */
static void test_fetch(const km_device *d, const char *order)
{
    char *x = km_alloc(HUGE), *got = km_alloc(LARGE);
    void *a = d->get(LARGE), *b = d->get(LARGE);
    bool good = true;
    for (int i = 0; i < 3; i++) {
        number(x, LARGE, i);
        d->upload(a, x, LARGE);
        d->move(b, a, LARGE);
        void *fetch = d->fetch(b, LARGE);
        d->zero(a, LARGE);
        void *other = d->get(LARGE);
        d->zero(other, LARGE);
        d->put(other);
        d->fetched(fetch, got);
        good = good && memcmp(got, x, LARGE) == 0;
        d->put(b);
        b = d->get(LARGE);
    }
    ok(good, "what was fetched is what was there, streams %s", order);
    d->put(a), d->put(b);
    free(x), free(got);
}

/* A move within an array, and memory that was given back and taken again at once. */
static void test_order(const km_device *d, const char *order)
{
    enum { SHIFT = 1000 };
    char *x = km_alloc(LARGE), *got = km_alloc(LARGE);
    number(x, LARGE, 1);
    void *a = d->get(LARGE);
    d->upload(a, x, LARGE);
    d->move((char *)a + SHIFT, a, LARGE - SHIFT);
    void *b = d->get(LARGE);
    d->move(b, a, LARGE);
    d->put(a);
    a = d->get(LARGE);
    d->zero(a, LARGE);
    d->download(got, b, LARGE);
    ok(memcmp(got + SHIFT, x, LARGE - SHIFT) == 0 && memcmp(got, x, SHIFT) == 0,
       "moves and memory in the order of the calls, streams %s", order);
    d->put(a), d->put(b);
    free(x), free(got);
}

/* In a pass that the device refuses, at its beginning or later, nothing is done. */
static void test_refused(const km_device *d, const char *what)
{
    char *x = km_alloc(LARGE);
    void *a = d->get(LARGE), *b = d->get(LARGE);
    number(x, LARGE, 1);
    d->upload(a, x, LARGE);
    d->move(b, a, LARGE);
    setenv("KM_EMULATE_FAIL", what, 1);
    d->begin(KM_PASS_KEPT);
    d->zero(a, LARGE);
    d->move(b, a, LARGE);
    km_calls calls = d->end();
    unsetenv("KM_EMULATE_FAIL");
    ok(!calls.graph && is_number(d, a, LARGE, 1) && is_number(d, b, LARGE, 1), "no graph, nothing done: %s", what);
    d->put(a), d->put(b);
    free(x);
}

/* y [M, 2] = x [M, 2] w [2, 2] of so many rows that cuBLASLt's kernels have no grid for them at once. */
static void test_long(const km_backend *be, const char *what)
{
    enum { M = 600000, WIDE = 2 };
    const km_device *d = be->device;
    const float w[WIDE * WIDE] = {1, 2, 3, 4};
    const size_t bytes = (size_t)M * WIDE * sizeof(float);
    float *x = km_alloc(bytes), *y = km_alloc(bytes), *there = d->get(bytes), *result = d->get(bytes);
    float *weight = d->get(sizeof w);
    bool good = true;
    for (int i = 0; i < M * WIDE; i++) x[i] = (float)(i % 1001);
    d->upload(there, x, bytes), d->upload(weight, w, sizeof w);
    be->linear_fwd(&(km_exec){.threads = 1}, result, there, weight, NULL, there, false, NULL, M, WIDE, WIDE);
    d->download(y, result, bytes);
    for (int i = 0; i < M; i++) {
        const float *at = x + 2 * i;
        good = good && y[2 * i] == 2 * at[0] + 2 * at[1] && y[2 * i + 1] == 3 * at[0] + 5 * at[1];
    }
    ok(good, "a product of %d rows%s", M, what);
    d->put(there), d->put(result), d->put(weight);
    free(x), free(y);
}

/* -- two processes */

/* One of them: what both have, one after another, without waiting. */
static bool adds_up(const km_device *d, const char name[KM_GROUP], int rank)
{
    enum { SUMS = 3, N = 1000 };
    char msg[256];
    float x[N], got[N];
    bool good = d->join(name, rank, 2, msg, sizeof msg);
    float *there = d->get(sizeof x), *sum = d->get(sizeof x);
    for (int s = 1; s <= SUMS && good; s++) {
        for (int i = 0; i < N; i++) x[i] = (float)(rank + 1) * (float)(i + s);
        d->upload(there, x, sizeof x);
        d->move(sum, there, sizeof x);
        d->sum(sum, N);
        d->move(there, sum, sizeof x);
        d->zero(sum, sizeof x);
        d->download(got, there, sizeof x);
        for (int i = 0; i < N; i++) good = good && got[i] == 3 * (float)(i + s);
    }
    return good;
}

/* Before this process has opened the device, which a child could not use. */
static void test_group(void)
{
    int fds[2], status = 0;
    char name[KM_GROUP], msg[256];
    if (pipe(fds) != 0) return;
    pid_t child = fork();
    const km_device *d = opt_cuda()->device;
    const bool emulated = strcmp(d->name, "emulated") == 0; /* real ones are one a process */
    if (child == 0) {
        bool good = !emulated || (read(fds[0], name, sizeof name) == sizeof name && adds_up(d, name, 1));
        _exit(good ? 0 : 1);
    }
    bool good = !emulated || (d->group(name, msg, sizeof msg) && write(fds[1], name, sizeof name) == sizeof name &&
                              adds_up(d, name, 0));
    good = waitpid(child, &status, 0) == child && status == 0 && good;
    ok(good, "two processes add up in the order of the calls%s", emulated ? "" : " # skip one device");
    close(fds[0]), close(fds[1]);
}

static void test_no_group(const km_device *d)
{
    char name[KM_GROUP], msg[256] = "";
    setenv("KM_EMULATE_FAIL", "group", 1);
    ok(!d->group(name, msg, sizeof msg) && strcmp(msg, "NCCL: a group: emulated: no group") == 0, "no group: %s", msg);
    unsetenv("KM_EMULATE_FAIL");
    memset(name, 'x', sizeof name);
    name[KM_GROUP - 1] = 0;
    ok(!d->join(name, 0, 2, msg, sizeof msg), "a group that nobody made: %s", msg);
}

int main(void)
{
    test_group();
    const km_device *d = opt_cuda()->device;
    const bool emulated = strcmp(d->name, "emulated") == 0;
    static const char *const orders[] = {"late", "early"};
    for (int i = 0; i < (emulated ? 2 : 1); i++) {
        setenv("KM_EMULATE_STREAMS", orders[i], 1);
        test_copies(d, orders[i]);
        test_fetch(d, orders[i]);
        test_order(d, orders[i]);
    }
    if (emulated) test_refused(d, "capture"), test_refused(d, "copy"), test_refused(d, "graph"), test_no_group(d);
    if (emulated) setenv("KM_EMULATE_FAIL", "algorithm", 1);
    test_long(opt_cuda()->plain, emulated ? " by the third algorithm" : "");
    unsetenv("KM_EMULATE_FAIL");
    return tap_end();
}
