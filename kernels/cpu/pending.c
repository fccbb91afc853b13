/* SPDX-License-Identifier: MIT
 * Weak stand-ins for kernels that are being written; each disappears as its family lands, and this file with the last of them. */
#include <stdio.h>
#include <stdlib.h>

#include "kernels/cpu/cpu.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"
#define real float
#define KM_KERNEL(name, args)                                                                                          \
    __attribute__((weak)) void KM_CPU(name) args                                                                       \
    {                                                                                                                  \
        fprintf(stderr, "no kernel " #name "\n");                                                                      \
        abort();                                                                                                       \
    }
#include "kernels/kernels.def"
__attribute__((weak)) km_pack *KM_CPU(pack_new)(const float *w, km_dim out, km_dim in) { return NULL; }
__attribute__((weak)) void KM_CPU(pack_free)(km_pack *p) { }
__attribute__((weak)) size_t KM_CPU(pack_bytes)(const km_pack *p) { return 0; }
