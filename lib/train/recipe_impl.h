/* SPDX-License-Identifier: MIT
 * Between the terms of lib/train/recipe.h. */
#ifndef LIB_TRAIN_RECIPE_IMPL_H
#define LIB_TRAIN_RECIPE_IMPL_H

#include "lib/train/recipe.h"

/* |x_i - x_j| of a frame x [A, 3] */
double km_recipe_distance(const float *x, km_dim i, km_dim j);
/* grad += scale d|x_i - x_j| / dx */
void km_recipe_push(const float *x, km_dim i, km_dim j, double scale, double *grad);
/* The three terms of the Markov model into values, and their weighted gradient by x added to grad [T, A, 3]. */
void km_recipe_add_markov(const km_recipe_inputs *in, const double weights[KM_RECIPE_TERMS], const float *x,
                          double values[KM_RECIPE_TERMS], double *grad);

#endif
