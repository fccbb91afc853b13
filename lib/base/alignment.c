/* SPDX-License-Identifier: MIT */
#include "lib/base/alignment.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

km_msa *km_msa_new(int32_t n_rows, int32_t n_tokens)
{
    km_msa *m = KM_NEW(km_msa);
    size_t N = (size_t)n_tokens, n = (size_t)n_rows * N;
    *m = (km_msa){.n_rows = n_rows, .n_tokens = n_tokens, .residues = KM_NEWN(uint8_t, n),
                  .paired = KM_NEWN(uint8_t, n), .deletions = KM_NEWN(int32_t, n),
                  .profile = KM_NEWN(float, N * KM_MSA_CLASSES), .deletion_mean = KM_NEWN(float, N)};
    return m;
}

void km_msa_free(km_msa *m)
{
    if (!m) return;
    free(m->residues), free(m->paired), free(m->deletions), free(m->profile), free(m->deletion_mean);
    free(m);
}

km_msa *km_msa_copy(const km_msa *m)
{
    if (!m) return NULL;
    km_msa *c = km_msa_new(m->n_rows, m->n_tokens);
    size_t N = (size_t)m->n_tokens, n = (size_t)m->n_rows * N;
    memcpy(c->residues, m->residues, n), memcpy(c->paired, m->paired, n);
    memcpy(c->deletions, m->deletions, n * sizeof *c->deletions);
    memcpy(c->profile, m->profile, N * KM_MSA_CLASSES * sizeof *c->profile);
    memcpy(c->deletion_mean, m->deletion_mean, N * sizeof *c->deletion_mean);
    return c;
}

static km_status check_floats(const char *what, const float *x, size_t n, bool mask, km_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]) || (mask && x[i] != 0 && x[i] != 1))
            return km_fail(err, KM_INPUT, "%s: element %zu is not %s", what, i, mask ? "0 or 1" : "finite");
    return KM_OK;
}

km_status km_msa_check(const km_msa *m, km_err *err)
{
    size_t N = (size_t)m->n_tokens, n = (size_t)m->n_rows * N;
    for (size_t i = 0; i < n; i++) {
        if (m->residues[i] >= KM_MSA_CLASSES)
            return km_fail(err, KM_INPUT, "msa.residues: row %zu, token %zu: no class %d", i / N, i % N,
                           m->residues[i]);
        if (m->paired[i] > 1 || m->deletions[i] < 0)
            return km_fail(err, KM_INPUT, "msa: row %zu, token %zu: paired %d, deletions %d", i / N, i % N,
                           m->paired[i], m->deletions[i]);
    }
    KM_TRY(check_floats("msa.profile", m->profile, N * KM_MSA_CLASSES, false, err));
    return check_floats("msa.deletion_mean", m->deletion_mean, N, false, err);
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

km_templates *km_templates_copy(const km_templates *t)
{
    if (!t) return NULL;
    km_templates *c = km_templates_new(t->n_templates, t->n_tokens);
    size_t n = (size_t)t->n_templates * (size_t)t->n_tokens * sizeof(float);
    memcpy(c->restype, t->restype, n), memcpy(c->visibility_ids, t->visibility_ids, n);
    memcpy(c->frame_rot, t->frame_rot, 9 * n), memcpy(c->frame_t, t->frame_t, 3 * n);
    memcpy(c->cb, t->cb, 3 * n), memcpy(c->ca, t->ca, 3 * n);
    memcpy(c->mask_cb, t->mask_cb, n), memcpy(c->mask_frame, t->mask_frame, n), memcpy(c->mask, t->mask, n);
    return c;
}

km_status km_templates_check(const km_templates *t, km_err *err)
{
    size_t N = (size_t)t->n_tokens, n = (size_t)t->n_templates * N;
    for (size_t i = 0; i < n; i++)
        if (t->restype[i] < 0 || t->restype[i] >= KM_MSA_CLASSES)
            return km_fail(err, KM_INPUT, "templates.restype: template %zu, token %zu: no class %d", i / N, i % N,
                           t->restype[i]);
    KM_TRY(check_floats("templates.frame_rot", t->frame_rot, 9 * n, false, err));
    KM_TRY(check_floats("templates.frame_t", t->frame_t, 3 * n, false, err));
    KM_TRY(check_floats("templates.cb", t->cb, 3 * n, false, err));
    KM_TRY(check_floats("templates.ca", t->ca, 3 * n, false, err));
    KM_TRY(check_floats("templates.mask_cb", t->mask_cb, n, true, err));
    KM_TRY(check_floats("templates.mask_frame", t->mask_frame, n, true, err));
    return check_floats("templates.mask", t->mask, n, true, err);
}
