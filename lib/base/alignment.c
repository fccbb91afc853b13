/* SPDX-License-Identifier: MIT */
#include "lib/base/alignment.h"

#include <stdlib.h>

#include "lib/base/mem.h"

km_msa *km_msa_new(int32_t n_rows, int32_t n_tokens)
{
    km_msa *m = KM_NEW(km_msa);
    size_t N = (size_t)n_tokens, n = (size_t)n_rows * N;
    *m = (km_msa){.n_rows = n_rows, .n_tokens = n_tokens, .residues = KM_NEWN(uint8_t, n),
                  .paired = KM_NEWN(uint8_t, n), .deletions = KM_NEWN(int32_t, n),
                  .profile = KM_NEWN(float, N * 33), .deletion_mean = KM_NEWN(float, N)};
    return m;
}

void km_msa_free(km_msa *m)
{
    if (!m) return;
    free(m->residues), free(m->paired), free(m->deletions), free(m->profile), free(m->deletion_mean);
    free(m);
}

km_templates *km_templates_new(int32_t n_templates, int32_t n_tokens)
{
    km_templates *t = KM_NEW(km_templates);
    size_t n = (size_t)n_templates * (size_t)n_tokens;
    *t = (km_templates){.n_templates = n_templates, .n_tokens = n_tokens, .restype = KM_NEWN(int32_t, n),
                        .frame_rot = KM_NEWN(float, 9 * n), .frame_t = KM_NEWN(float, 3 * n),
                        .cb = KM_NEWN(float, 3 * n), .ca = KM_NEWN(float, 3 * n), .mask_cb = KM_NEWN(float, n),
                        .mask_frame = KM_NEWN(float, n), .mask = KM_NEWN(float, n),
                        .visibility_ids = KM_NEWN(int32_t, n)};
    return t;
}

void km_templates_free(km_templates *t)
{
    if (!t) return;
    free(t->restype), free(t->frame_rot), free(t->frame_t), free(t->cb), free(t->ca);
    free(t->mask_cb), free(t->mask_frame), free(t->mask), free(t->visibility_ids);
    free(t);
}
