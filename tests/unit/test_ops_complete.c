/* SPDX-License-Identifier: MIT
 * The table of kernels is whole: every row of kernels.def is there for every instruction set this processor has, and
 * every forward kernel has its backward beside it. */
#include <stdio.h>
#include <string.h>

#include "kernels/backend.h"
#include "tests/unit/tap.h"

static const char *const names[] = {
#define KM_KERNEL(name, args) #name,
#include "kernels/kernels.def"
#undef KM_KERNEL
};
enum { ROWS = sizeof names / sizeof *names };

/* What nothing is differentiated through. */
static const char *const constant[] = {"fourier_fwd",   "add_noise_fwd", "sampler_move_fwd", "hold_hands_fwd",
                                       "turn_fwd",      "superpose_fwd", "axpby_fwd",        "square_sum_fwd",
                                       "normalize_fwd", "adam_fwd"};
enum { CONSTANT = sizeof constant / sizeof *constant };

/* What kernels.def calls STEM_fwd must have STEM_bwd, but for what is not differentiated. */
static void test_pairs(void)
{
    for (int i = 0; i < ROWS; i++) {
        size_t stem = strlen(names[i]) - 4;
        const char *kind = names[i] + stem, *other = strcmp(kind, "_fwd") == 0 ? "_bwd" : "_fwd";
        bool found = false;
        for (int k = 0; k < CONSTANT; k++) found = found || strcmp(names[i], constant[k]) == 0;
        for (int k = 0; k < ROWS && !found; k++)
            found = strlen(names[k]) == stem + 4 && memcmp(names[k], names[i], stem) == 0 &&
                    strcmp(names[k] + stem, other) == 0;
        char what[96];
        snprintf(what, sizeof what, "%s has its other half", names[i]);
        ok((strcmp(kind, "_fwd") == 0 || strcmp(kind, "_bwd") == 0) && found, what);
    }
}

static void test_table(const km_backend *be)
{
    char what[96];
    ok(be->pack_new && be->pack_free && be->pack_bytes, "the table has packing");
#define KM_KERNEL(kernel, args)                                                                                        \
    snprintf(what, sizeof what, "%s has " #kernel, be->name);                                                          \
    ok(be->kernel != NULL, what);
#include "kernels/kernels.def"
#undef KM_KERNEL
}

int main(void)
{
    test_pairs();
    static const char *const isas[] = {"base", "avx2", "avx512"};
    for (int i = 0; i < 3; i++)
        if (km_backend_cpu(isas[i])) test_table(km_backend_cpu(isas[i]));
    return tap_end();
}
