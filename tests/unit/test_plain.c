/* SPDX-License-Identifier: MIT */
#include "lib/traj/plain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/superpose.h"
#include "tests/unit/second.h"
#include "tests/unit/tap.h"

static void gather(km_plain *p, float *x, int64_t F, const km_structure *s)
{
    int32_t A = s->system->n_atoms;
    float *ca = KM_NEWN(float, (size_t)A);
    for (int32_t i = 0; i < p->n_ca; i++) ca[p->ca[i]] = 1;
    for (int64_t f = 0; f < F; f++) {
        double rot[9], from[3], to[3];
        float *frame = x + f * A * 3;
        km_superpose(frame, s->coords, ca, A, rot, from, to);
        km_superpose_apply(frame, A, rot, from, to, frame);
    }
    km_plain_add(p, x, F);
    free(ca);
}

int main(void)
{
    int64_t n, m;
    float *md_x = second_frames("md", &n), *model_x = second_frames("model", &m);
    km_structure *s = second_start();
    km_plain md = km_plain_of(s->system, n), model = km_plain_of(s->system, m);
    km_plain_scores v;
    gather(&md, md_x, n, s), gather(&model, model_x, m, s);
    ok(model.n_pairs == 18 && model.n_kept == m && md.n_kept == n, "all frames are kept");
    km_plain_compare(&md, &model, 2, &v);
    second_check("plain.ca_rmsf_r", v.ca_rmsf_r, 1e-4), second_check("plain.pairwise", v.pairwise, 1e-3);
    second_check("plain.w2", v.w2, 1e-3), second_check("plain.favoured", v.favoured, 1e-6);
    second_check("plain.allowed", v.allowed, 1e-6), second_check("plain.outlier", v.outlier, 1e-6);
    second_check("plain.jsd", v.jsd, 1e-3);
    km_plain_clear(&md), km_plain_clear(&model);

    km_plain few = km_plain_of(s->system, 100000), same = km_plain_of(s->system, 1);
    ok(few.each == 334, "at most 300 frames of many are kept: every %lld-th", (long long)few.each);
    km_plain_add(&same, s->coords, 1), km_plain_add(&few, s->coords, 1);
    km_plain_compare(&few, &same, 1, &v);
    ok(v.w2 == 0 && v.jsd == 0 && isnan(v.pairwise) && v.md_favoured == v.favoured, "a frame beside itself");
    km_plain_clear(&few), km_plain_clear(&same);
    ok(km_rama_class(-60, -45) == KM_RAMA_FAVOURED && km_rama_class(-100, -10) == KM_RAMA_FAVOURED &&
           km_rama_class(-110, 0) == KM_RAMA_ALLOWED && km_rama_class(0, 180) == KM_RAMA_OUTLIER,
       "rectangles with their edges");
    free(md_x), free(model_x);
    km_structure_free(s);
    return tap_end();
}
