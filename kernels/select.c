/* SPDX-License-Identifier: MIT
 * Which instruction set the processor has. */
#include <string.h>

#include "kernels/backend.h"

const km_backend *km_cpu_base_backend(void);
const km_backend *km_cpu_avx2_backend(void);
const km_backend *km_cpu_avx512_backend(void);

static bool has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

const km_backend *km_backend_cpu(const char *opt_isa)
{
    bool any = !opt_isa;
    if ((any || !strcmp(opt_isa, "avx512")) && has_avx512()) return km_cpu_avx512_backend();
    if ((any || !strcmp(opt_isa, "avx2")) && has_avx2()) return km_cpu_avx2_backend();
    if (any || !strcmp(opt_isa, "base")) return km_cpu_base_backend();
    return NULL;
}
