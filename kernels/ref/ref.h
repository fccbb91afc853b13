/* SPDX-License-Identifier: MIT
 * The oracle: every kernel as plain loops in float64, for tests only. Same arguments as the table's, with double for
 * float. */
#ifndef KERNELS_REF_REF_H
#define KERNELS_REF_REF_H

#include "kernels/backend.h"

#define real double
#define KM_KERNEL(name, args) void km_ref_##name args;
#include "kernels/kernels.def"
#undef KM_KERNEL
#undef real

#endif
