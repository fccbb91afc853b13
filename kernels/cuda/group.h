/* SPDX-License-Identifier: MIT
 * Devices of several processes (km_device in kernels/backend.h): NCCL, opened when they join. */
#ifndef KERNELS_CUDA_GROUP_H
#define KERNELS_CUDA_GROUP_H

#include "kernels/backend.h"

extern "C" {
bool km_cuda_group(char name[KM_GROUP], char *msg, size_t room);
bool km_cuda_join(const char name[KM_GROUP], int rank, int size, char *msg, size_t room);
void km_cuda_sum(float *x, km_dim n);
}

#endif
