/* SPDX-License-Identifier: MIT
 * One operation on one set of shapes as data, for operations whose inputs are a few tensors: opc_run checks it in the
 * ways that tests/unit/optest.h lists. */
#ifndef TESTS_UNIT_OPCASE_H
#define TESTS_UNIT_OPCASE_H

#include "tests/unit/optest.h"

enum { OPC_INPUTS = 7 };

typedef struct op_case {
    const char *name;
    int inputs;
    struct {
        int nd;
        km_dim shape[KM_MAX_DIMS];
    } in[OPC_INPUTS];
    unsigned params;      /* bit i: input i is a parameter */
    km_dim results;       /* numbers in the result */
    km_dim s[6];          /* sizes, as the case's functions use them */
    const int32_t *index; /* likewise */
    const double *c;      /* likewise: numbers that are not differentiated */
    double rtol;          /* of the result; gradients may be off by ten times as much */
    void (*fwd)(const struct op_case *c, double *y, double *const x[]);
    /* adds to dx; NULL: not differentiated */
    void (*bwd)(const struct op_case *c, double *const dx[], const double *dy, double *const x[], const double *y);
    km_tensor *(*op)(km_ctx *cx, const struct op_case *c, km_tensor *const x[]);
} op_case;

void opc_run(const op_case *c);

#endif
