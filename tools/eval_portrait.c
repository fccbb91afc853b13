/* SPDX-License-Identifier: MIT
 * The numbers behind the page's figures of a protein. */
#include "tools/eval_portrait.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/superpose.h"

static const km_metric no_metrics[] = {{0}};

static void superpose(const km_portrait *p, float *x, int64_t F)
{
    int32_t A = p->c->A;
    float *weights = KM_NEWN(float, (size_t)A);
    for (int32_t i = 0; i < p->n_ca; i++) weights[p->ca[i]] = 1;
#pragma omp parallel for schedule(static) num_threads(p->c->options->threads)
    for (int64_t f = 0; f < F; f++) {
        double rot[9], from[3], to[3];
        km_superpose(x + f * A * 3, p->c->start, weights, A, rot, from, to);
        km_superpose_apply(x + f * A * 3, A, rot, from, to, x + f * A * 3);
    }
    free(weights);
}

static km_status read_side(const km_portrait *p, const km_clip *clips, int n, int64_t frames, int64_t dt,
                           km_portrait_side *s, km_err *err)
{
    int64_t step = (frames + KM_PORTRAIT_FRAMES - 1) / KM_PORTRAIT_FRAMES;
    km_clip *thin = KM_NEWN(km_clip, (size_t)n);
    s->lengths = KM_NEWN(int64_t, (size_t)n);
    for (int i = 0; i < n; i++) {
        thin[i] = clips[i];
        thin[i].stride *= step, thin[i].F = (clips[i].F + step - 1) / step;
        s->F += s->lengths[s->n_runs++] = thin[i].F;
    }
    s->spacing = km_ns_of_fs(dt * step);
    km_status status = km_eval_read(p->c, thin, n, NULL, 0, &s->x, err);
    free(thin);
    KM_TRY(status);
    superpose(p, s->x, s->F);
    s->ca = KM_NEWN(float, (size_t)s->F *(size_t)p->n_ca * 3);
    for (int64_t f = 0; f < s->F; f++)
        for (int32_t i = 0; i < p->n_ca; i++)
            memcpy(s->ca + (f * p->n_ca + i) * 3, s->x + (f * p->c->A + p->ca[i]) * 3, 3 * sizeof *s->ca);
    return KM_OK;
}

static void clear(km_portrait *p)
{
    free(p->ca), free(p->start);
    free(p->md.x), free(p->md.ca), free(p->md.lengths);
    free(p->model.x), free(p->model.ca), free(p->model.lengths);
}

static km_status measure(const km_eval_case *c, km_eval *e, km_eval_row *row, km_err *err)
{
    km_portrait p = {.c = c, .ca = KM_NEWN(int32_t, (size_t)c->A), .start = KM_NEWN(float, (size_t)c->A * 3)};
    for (int32_t a = 0; a < c->A; a++) {
        if (strcmp(c->system->atoms[a].name, "CA") || !km_eval_is_protein(c->system, c->system->atoms[a].residue))
            continue;
        memcpy(p.start + 3 * p.n_ca, c->start + 3 * a, 3 * sizeof *p.start);
        p.ca[p.n_ca++] = a;
    }
    km_status status = KM_OK;
    if (p.n_ca >= 3) {
        status = read_side(&p, c->ref, c->n_ref, c->ref_frames, c->ref_dt, &p.md, err);
        if (status == KM_OK) status = read_side(&p, c->model, c->n_model, c->model_frames, c->model_dt, &p.model, err);
        if (status == KM_OK) km_portrait_places(&p, row), km_portrait_chains(&p, row);
    } else {
        km_eval_note(e, "%s: nothing is drawn: three CA in common are needed", row->name);
    }
    clear(&p);
    return status;
}

static km_status portray(const km_eval_options *o, km_eval *e, km_err *err)
{
    km_eval_options alone = *o;
    alone.no_ceiling = true;
    return km_eval_each(&alone, e, KM_EVAL_ALL, measure, err);
}

const km_eval_panel km_eval_portrait = {
    .name = "portrait", .title = "Figures", .metrics = no_metrics, .measure = portray};
