/* SPDX-License-Identifier: MIT
 * Work on rows that do not know of each other, a few at a time: what is made in between stays small enough for a
 * processor's cache, and threads share out the rows, not the operations.
 *
 * With a tape, few rows go through at once, and operations record as ever. Many go through as without one, and again in
 * backward, a few at a time, to be recorded and differentiated there: what is made in between is never whole in memory
 * either. A function of rows is then the only place where a layer is written down.
 * Tests: tests/unit/test_rows.c */
#ifndef LIB_NN_ROWS_H
#define LIB_NN_ROWS_H

#include "lib/tensor/ops.h"

enum { KM_NN_WIDER = 8 }; /* on a device 2^8 times as many rows are taken at a time */
enum { KM_NN_KEPT = 1 << 17 }; /* numbers in x up to which a tape records all rows at once */

/* What becomes of x [n, ...], rows first .. first + n - 1 of the whole: [n, ...]. Called from several threads at once.
 * opt_to: where the last operation should put it, if it takes such; in an update that is x's own memory. What lies
 * elsewhere is copied there. arg is copied for backward; what it points to has to last until then. */
typedef km_tensor *km_nn_rows(km_ctx *cx, const void *arg, const km_tensor *x, km_dim first, km_tensor *opt_to);

/* y [R, ..., C] = fn of x [R, ...], `each` rows at a time. The bytes do not depend on the threads. */
km_tensor *km_nn_map(km_ctx *cx, const km_tensor *x, km_dim each, km_nn_rows *fn, const void *arg, size_t arg_bytes,
                     km_dim C);
/* The same in place of a state (km_nn_state): fn keeps the shape. With a tape a new tensor. */
km_tensor *km_nn_update(km_ctx *cx, km_tensor *state, km_dim each, km_nn_rows *fn, const void *arg, size_t arg_bytes);
/* The same with no more than `each` rows at once with a tape too, though they be few: where fn makes much of a row. */
km_tensor *km_nn_update_strictly(km_ctx *cx, km_tensor *state, km_dim each, km_nn_rows *fn, const void *arg,
                                 size_t arg_bytes);
/* y [T, N, C] at (j, i) = fn of x [N, N, C] at (i, j), a row of pairs a row: the pairs are swapped, of all or of those
 * that fn keeps. opt_to: where y goes, not x; NULL: a new tensor, T = N. opt_share makes what all rows share and puts
 * it into arg; that lives while rows are worked on, and with a tape is made again in backward. */
typedef void km_nn_share(km_ctx *cx, void *arg);
km_tensor *km_nn_map_swapped(km_ctx *cx, const km_tensor *x, km_tensor *opt_to, km_dim each, km_nn_rows *fn,
                             km_nn_share *opt_share, void *arg, size_t arg_bytes);
/* For arg and its size: a pointer to a whole struct. */
#define KM_NN_ARG(pointer) (pointer), sizeof *(pointer)

#endif
