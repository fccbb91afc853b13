/* SPDX-License-Identifier: MIT
 * Muon (K. Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"): a matrix steps along the
 * semi-orthogonal matrix nearest to its momentum, so that every direction of its gradient moves it alike. The step is
 * scaled to the size that Adam's has (J. Liu et al. 2025, "Muon is scalable for LLM training", section 2.2), so both
 * share one learning rate.
 * Tests: tests/unit/test_muon.c */
#ifndef LIB_NN_MUON_H
#define LIB_NN_MUON_H

#include "lib/tensor/tensor.h"

/* Matrices of at least so many rows and columns are stepped so. */
#define KM_MUON_LEAST 16

/* Floats of scratch for a matrix of R rows and C columns. */
size_t km_muon_scratch(km_dim R, km_dim C);
/* x [R, C] with R <= C becomes about the nearest matrix with orthonormal rows: five of Jordan's quintic Newton-Schulz
 * iterations take every singular value that is not tiny to between 0.65 and 1.2. A zero matrix stays zero. Here as
 * below all arrays lie where be, for float32, computes; scratch is km_muon_scratch floats, aligned for a double. */
void km_muon_orthogonalize(const km_backend *be, float *x, km_dim R, km_dim C, float *scratch);
/* One step of w [R, C]: m = 0.95 m + 0.05 g, and against the orthogonalised 0.95 m + 0.05 g goes lr * 0.2 * sqrt(max(R,
 * C)); before that w shrinks by lr * decay. */
void km_muon_step(const km_backend *be, float *w, float *m, const float *g, km_dim R, km_dim C, double lr, double decay,
                  float *scratch);

#endif
