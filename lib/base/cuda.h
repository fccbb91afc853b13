/* SPDX-License-Identifier: MIT
 * libkm-cuda.so, the kernels for NVIDIA GPUs, which is opened only when it is wanted.
 * Tests: tests/unit/test_opt.c, tests/cli/device.bats */
#ifndef KM_BASE_CUDA_H
#define KM_BASE_CUDA_H

#include <stddef.h>

struct km_backend;

/* The table (kernels/backend.h) of device `index`, activations in bfloat16; -1 - i is that of process i of several on
 * this machine, which share its devices out in turn. Where it cannot be had, NULL and the reason
 * in msg [room]: no library, no driver or too old a one, no such device, no cuBLASLt. What fails later (memory, a
 * kernel) is told to `fail`, which must not return. lib/base/plugin.h says where it is looked for. */
const struct km_backend *km_cuda_load(int index, void (*fail)(const char *msg), char *msg, size_t room);

#endif
