/* SPDX-License-Identifier: MIT
 * Which of the compiled sets of kernels the processor runs. */
#include <string.h>

#include "kernels/backend.h"
#include "lib/base/cpu.h"

const km_backend *km_cpu_base_backend(void);
const km_backend *km_cpu_avx2_backend(void);
const km_backend *km_cpu_avx512_backend(void);

const km_backend *km_backend_cpu(const char *opt_isa)
{
    const char *isa = opt_isa ? opt_isa : km_cpu_isa();
    if (!km_cpu_has(isa)) return NULL;
    if (!strcmp(isa, "avx512")) return km_cpu_avx512_backend();
    if (!strcmp(isa, "avx2")) return km_cpu_avx2_backend();
    return km_cpu_base_backend();
}
