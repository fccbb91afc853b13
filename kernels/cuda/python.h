/* SPDX-License-Identifier: MIT */
#ifndef KERNELS_CUDA_PYTHON_H
#define KERNELS_CUDA_PYTHON_H

/* A library that Python's nvidia packages bring, by its file's name: those of a Python whose bin is on the PATH (of the
 * system, of a virtual or conda environment), then the user's own; NULL where there is none. */
void *km_open_python(const char *name);

#endif
