/* SPDX-License-Identifier: MIT
 * lib/base: errors, arenas, random numbers. */
#include "tests/unit/tap.h"

#include <math.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/digest.h"
#include "lib/base/err.h"
#include "lib/base/mem.h"
#include "lib/base/rng.h"
#include "lib/base/text.h"

static void test_errors(void)
{
    km_err e;
    ok(km_fail(&e, KM_INPUT, "line %d: bad", 7) == KM_INPUT && !strcmp(e.msg, "line 7: bad"),
       "a failure has its message");
    ok(km_fail_in(&e, "x.pdb") == KM_INPUT && !strcmp(e.msg, "x.pdb: line 7: bad"), "a prefix goes in front");
}

static void test_arena(void)
{
    km_arena *a = km_arena_new();
    char *p = km_arena_get(a, 100);
    memset(p, 1, 100);
    km_mark m = km_arena_mark(a);
    for (int i = 0; i < 100; i++) memset(km_arena_get(a, 100000), i, 100000);
    ok(p[99] == 1, "blocks do not move");
    ok(km_arena_peak(a) >= 10000000, "the peak is counted");
    km_arena_rewind(a, m);
    char *q = km_arena_zero(a, 64);
    ok(((uintptr_t)q & 63) == 0 && q[63] == 0, "aligned and zeroed after a rewind");
    km_arena_free(a);
}

static void test_philox(void)
{
    /* Known answers of the Random123 distribution, kat_vectors, philox4x32 10 rounds. */
    uint32_t out[4];
    const uint32_t zero[4] = {0}, ones[4] = {~0u, ~0u, ~0u, ~0u};
    km_philox(out, zero, zero);
    ok(out[0] == 0x6627e8d5u && out[1] == 0xe169c58du && out[2] == 0xbc57ac4cu && out[3] == 0x9b00dbd8u,
       "philox of zeros");
    km_philox(out, ones, ones);
    ok(out[0] == 0x408f276du && out[1] == 0x41c83b0eu && out[2] == 0xa20bc7c6u && out[3] == 0x6d5451fdu,
       "philox of ones");
    km_rng r = km_rng_of(1, KM_RNG_TEST, 0, 0, 0);
    double sum = 0, square = 0;
    int n = 20000;
    for (int i = 0; i < n; i++) {
        float x[3];
        km_rng_normal3(&r, (uint32_t)i, x);
        for (int k = 0; k < 3; k++) sum += x[k], square += (double)x[k] * x[k];
    }
    ok(fabs(sum / (3 * n)) < 0.02 && fabs(square / (3 * n) - 1) < 0.02, "normal numbers have mean 0 and variance 1");
    km_rng other = km_rng_of(1, KM_RNG_TEST, 0, 1, 0);
    ok(memcmp(&r, &other, sizeof r) != 0, "another time, another stream");
}

static void test_clock(void)
{
    double before = km_seconds(), after = km_seconds();
    ok(after >= before && after - before < 60, "time passes");
}

static void test_digest(void)
{
    char one[65], two[65];
    km_digest *d = km_digest_new();
    km_digest_add(d, "abc", 3);
    km_digest_end(d, one);
    ok(!strcmp(one, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), "FIPS 180's example");
    d = km_digest_new();
    km_digest_add(d, "a", 1), km_digest_add(d, "bc", 2);
    km_digest_end(d, two);
    ok(!strcmp(one, two), "in pieces");
}

static void test_text(void)
{
    ok(km_ends_with("a.cif", ".cif") && km_ends_with(".cif", ".cif") && km_ends_with("a", ""), "an end");
    ok(!km_ends_with("cif", ".cif") && !km_ends_with("a.cif.gz", ".cif") && !km_ends_with("", "x"), "and none");
}

int main(void)
{
    test_digest();
    test_clock();
    test_errors();
    test_arena();
    test_philox();
    test_text();
    return tap_end();
}
