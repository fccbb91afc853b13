/* SPDX-License-Identifier: MIT
 * Adam (Kingma & Ba 2015) on a parameter block, with clipping by the global norm, decoupled weight decay and a moving
 * average; matrices may go by Muon instead.
 * Tests: tests/unit/test_adam.c, reference cases of kind `train_step` */
#ifndef LIB_NN_ADAM_H
#define LIB_NN_ADAM_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/nn/params.h"

typedef struct km_adam {
    double lr, beta1, beta2, eps, weight_decay, max_grad_norm; /* max_grad_norm 0: no clipping */
    int64_t step;  /* steps done */
    km_dim n;
    float *m, *v;  /* [n] moments, owned */
    float *ema;    /* [n] moving average of the parameters, or NULL; owned */
    double ema_decay;
    const km_backend *opt_muon; /* see km_adam_use_muon */
    int threads;
    float *scratch;             /* [threads, n_scratch], owned */
    size_t n_scratch;
    const km_backend *opt_be;   /* see km_adam_use_device */
    float *m_there, *v_there, *ema_there;
    double *sum_there;
} km_adam;

/* Moments zero; with ema_decay > 0 the average starts from the parameters. The store must be ready for training. */
km_adam *km_adam_new(const km_params *p, double ema_decay);
void km_adam_free(km_adam *a);

/* From now on matrices of KM_MUON_LEAST rows and columns or more go by lib/nn/muon.h, in m its momentum; the rest stays
 * with Adam. The result does not depend on threads. */
void km_adam_use_muon(km_adam *a, const km_params *p, int threads);

/* From now on the moments, the average and the parameters are on this backend's device; gradients are expected there.
 * The host's arrays are what they were when km_adam_fetch was called last. Before km_adam_use_muon. */
void km_adam_use_device(km_adam *a, const km_backend *be);
void km_adam_fetch(km_adam *a);
/* km_adam_norm of gradients that lie where the steps are made. */
double km_adam_norm_of(km_adam *a, const km_params *p, const float *grad);
/* The L2 norm over the gradients [n] of all trained parameters, in double. */
double km_adam_norm(const km_params *p, const float *grad);
/* One step with learning rate a->lr: gradients are scaled by min(1, max_grad_norm / (norm + 1e-6)), then plain Adam
 * with bias correction on trained parameters, or Muon, which no scale changes; the average decays by min(ema_decay, (1
 * + step) / (10 + step)). */
void km_adam_step(km_adam *a, km_params *p, const float *grad, double norm);

#endif
