/* SPDX-License-Identifier: MIT
 * CA of a case, streamed: what trajectories and kinetics are asked about. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/superpose.h"
#include "tools/eval.h"

static km_eval_side side_of(const km_clip *clips, int n)
{
    km_eval_side s = {.clips = clips, .n_runs = n, .lengths = KM_NEWN(int64_t, (size_t)n)};
    for (int i = 0; i < n; i++) {
        s.F += s.lengths[i] = clips[i].F;
        if (clips[i].F > s.longest) s.longest = clips[i].F;
    }
    return s;
}

/* The common atoms of which `is` holds by name. */
static km_eval_ca atoms_of(const km_eval_case *c, bool (*is)(const char *name))
{
    km_eval_ca ca = {.start = KM_NEWN(float, (size_t)c->A * 3), .atoms = KM_NEWN(int32_t, (size_t)c->A)};
    for (int32_t a = 0; a < c->A; a++) {
        if (!is(c->system->atoms[a].name)) continue;
        memcpy(ca.start + 3 * ca.n, c->start + 3 * a, 3 * sizeof *ca.start);
        ca.atoms[ca.n++] = a;
    }
    ca.md = side_of(c->ref, c->n_ref), ca.model = side_of(c->model, c->n_model);
    return ca;
}

static bool is_ca(const char *name) { return !strcmp(name, "CA"); }

static bool is_backbone(const char *name)
{
    return !strcmp(name, "N") || is_ca(name) || !strcmp(name, "C") || !strcmp(name, "O");
}

bool km_eval_ca_of(const km_eval_case *c, km_eval *e, const km_eval_row *row, km_eval_ca *ret)
{
    *ret = atoms_of(c, is_ca);
    if (ret->n < 3)
        km_eval_note(e, "%s: nothing is computed: the panel needs three CA in common, there are %d", row->name, ret->n);
    return ret->n >= 3;
}

km_eval_ca km_eval_backbone_of(const km_eval_case *c) { return atoms_of(c, is_backbone); }

void km_eval_ca_clear(km_eval_ca *ca)
{
    free(ca->start), free(ca->atoms), free(ca->md.lengths), free(ca->model.lengths);
    *ca = (km_eval_ca){0};
}

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

km_status km_eval_ca_stream(const km_eval_case *c, const km_eval_ca *ca, const km_eval_side *side,
                            km_eval_ca_taker *take, void *arg, km_err *err)
{
    float *x = KM_NEWN(float, KM_EVAL_PIECE *(size_t)ca->n * 3);
    int32_t *atoms = KM_NEWN(int32_t, (size_t)ca->n);
    km_eval_piece p = {.x = x};
    km_status status = KM_OK;
    for (int i = 0; i < side->n_runs && status == KM_OK; i++) {
        km_clip one = side->clips[i];
        for (int k = 0; k < ca->n; k++) atoms[k] = one.atoms[ca->atoms[k]];
        one.atoms = atoms, one.n_atoms = ca->n;
        for (p.at = 0; p.at < one.F && status == KM_OK; p.at += p.n, p.first += p.n) {
            p.length = one.F, p.n = one.F - p.at < KM_EVAL_PIECE ? one.F - p.at : KM_EVAL_PIECE;
            status = km_clip_read(&one, p.at, p.n, c->options->threads, x, err);
            if (status < 0) break;
            superpose(c, ca, x, p.n);
            take(arg, &p);
        }
    }
    free(x), free(atoms);
    return status;
}
