/* SPDX-License-Identifier: MIT
 * CA of a case, held: what trajectories and kinetics are asked about. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/traj/superpose.h"
#include "tools/eval.h"

static void superpose(const km_eval_case *c, const km_eval_ca *ca, float *x, int64_t F)
{
#pragma omp parallel for schedule(static) num_threads(c->options->threads)
    for (int64_t f = 0; f < F; f++) {
        double rot[9], from[3], to[3];
        float *frame = x + f * ca->n * 3;
        km_superpose(frame, ca->start, NULL, ca->n, rot, from, to);
        km_superpose_apply(frame, ca->n, rot, from, to, frame);
    }
}

static km_status read_side(const km_eval_case *c, const km_clip *clips, int n, const int32_t *atoms, km_eval_ca *ca,
                           km_eval_side *side, km_err *err)
{
    *side = (km_eval_side){.n_runs = n, .lengths = KM_NEWN(int64_t, (size_t)n)};
    for (int i = 0; i < n; i++) side->F += side->lengths[i] = clips[i].F;
    KM_TRY(km_eval_read(c, clips, n, atoms, ca->n, &side->x, err));
    superpose(c, ca, side->x, side->F);
    return KM_OK;
}

km_status km_eval_ca_read(const km_eval_case *c, km_eval *e, const km_eval_row *row, km_eval_ca *ret, km_err *err)
{
    int32_t *atoms = KM_NEWN(int32_t, (size_t)c->A);
    *ret = (km_eval_ca){.start = KM_NEWN(float, (size_t)c->A * 3)};
    for (int32_t a = 0; a < c->A; a++) {
        if (strcmp(c->system->atoms[a].name, "CA")) continue;
        memcpy(ret->start + 3 * ret->n, c->start + 3 * a, 3 * sizeof *ret->start);
        atoms[ret->n++] = a;
    }
    km_status status = KM_OK;
    if (ret->n < 3) {
        km_eval_note(e, "%s: nothing is computed: the panel needs three CA in common, there are %d", row->name, ret->n);
    } else {
        status = read_side(c, c->ref, c->n_ref, atoms, ret, &ret->md, err);
        if (status == KM_OK) status = read_side(c, c->model, c->n_model, atoms, ret, &ret->model, err);
    }
    free(atoms);
    return status;
}

void km_eval_ca_clear(km_eval_ca *ca)
{
    free(ca->start), free(ca->md.x), free(ca->md.lengths), free(ca->model.x), free(ca->model.lengths);
    *ca = (km_eval_ca){0};
}
