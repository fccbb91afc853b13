/* SPDX-License-Identifier: MIT
 * This instruction set's row of function pointers. */
#include "kernels/cpu/cpu.h"

#define STRING_(x) #x
#define STRING(x) STRING_(x)

const km_backend *KM_CPU(backend)(void)
{
    static const km_backend table = {
        .name = "cpu-" STRING(KM_ISA),
        .pack_new = KM_CPU(pack_new),
        .pack_free = KM_CPU(pack_free),
        .pack_bytes = KM_CPU(pack_bytes),
#define KM_KERNEL(name, args) .name = KM_CPU(name),
#include "kernels/kernels.def"
#undef KM_KERNEL
    };
    return &table;
}
