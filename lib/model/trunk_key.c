/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "lib/base/digest.h"
#include "lib/model/model.h"

/* An array of n numbers of four bytes, or that there is none. */
static void add_array(km_digest *d, const void *opt_data, km_dim n)
{
    km_digest_add(d, opt_data ? "+" : "-", 1);
    if (opt_data) km_digest_add(d, opt_data, (size_t)n * 4);
}

static void digest_features(const km_features *f, km_dim classes, char out[65])
{
    km_dim N = f->N, A = f->A, P = N * N, S = f->S * N * (f->draws > 1 ? f->draws : 1), T = f->n_templates * N;
    const struct {
        const void *data;
        km_dim n;
    } arrays[] = {
        {f->token_mask, N},      {f->atom_mask, A},         {f->atom_token, A},     {f->ref_pos, 3 * A},
        {f->ref_charge, A},      {f->ref_element, A},       {f->ref_name, 4 * A},   {f->ref_space_uid, A},
        {f->asym_id, N},         {f->entity_id, N},         {f->sym_id, N},         {f->residue_index, N},
        {f->token_index, N},     {f->cyclic_period, N},     {f->res_type, N},       {f->mol_type, N},
        {f->modified, N},        {f->method, N},            {f->profile, classes * N},   {f->deletion_mean, N},
        {f->token_bonds, P},     {f->type_bonds, P},        {f->contact_conditioning, P}, {f->contact_threshold, P},
        {f->msa, S},             {f->has_deletion, S},      {f->deletion_value, S}, {f->msa_paired, S},
        {f->msa_mask, S},        {f->template_restype, T},  {f->visibility_ids, T}, {f->template_frame_rot, 9 * T},
        {f->template_frame_t, 3 * T}, {f->template_cb, 3 * T}, {f->template_ca, 3 * T}, {f->template_mask_cb, T},
        {f->template_mask_frame, T}, {f->template_mask, T},
    };
    const int64_t sizes[] = {N, A, f->S, f->n_templates};
    km_digest *d = km_digest_new();
    km_digest_add(d, sizes, sizeof sizes);
    if (f->draws > 1) km_digest_add(d, &f->draws, sizeof f->draws);
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) add_array(d, arrays[i].data, arrays[i].n);
    if (f->ref_mask) add_array(d, f->ref_mask, A);
    km_digest_end(d, out);
}

void km_trunk_key(const km_model *m, const km_features *f, int recycles, char key[65], char input[65])
{
    char text[256];
    digest_features(f, m->config.family->classes, input);
    km_digest *d = km_digest_new();
    int n = snprintf(text, sizeof text, "kinematic trunk 2 %s %d %s", m->trunk_digest, recycles, input);
    km_digest_add(d, text, (size_t)n + 1);
    km_digest_end(d, key);
}
