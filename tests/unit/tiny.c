/* SPDX-License-Identifier: MIT */
#include "tests/unit/tiny.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/rng.h"

enum { N = 7, A = 40, REAL_TOKENS = 6, REAL_ATOMS = 38 };

/* As km_features_of does: the record and all arrays in one block. */
typedef struct tiny {
    km_features f;
    float token_mask[N], atom_mask[A], ref_pos[3 * A], ref_charge[A], profile[33 * N], deletion_mean[N];
    int32_t atom_token[A], ref_element[A], ref_name[4 * A], ref_space_uid[A];
    int32_t asym_id[N], entity_id[N], sym_id[N], residue_index[N], token_index[N], cyclic_period[N];
    int32_t res_type[N], mol_type[N], modified[N], method[N];
} tiny;

static void point(tiny *t)
{
    t->f = (km_features){
        .N = N, .A = A, .token_mask = t->token_mask, .atom_mask = t->atom_mask, .there = t->atom_mask,
        .atom_token = t->atom_token, .ref_pos = t->ref_pos, .ref_charge = t->ref_charge,
        .ref_element = t->ref_element, .ref_name = t->ref_name,
        .ref_space_uid = t->ref_space_uid, .asym_id = t->asym_id, .entity_id = t->entity_id, .sym_id = t->sym_id,
        .residue_index = t->residue_index, .token_index = t->token_index, .cyclic_period = t->cyclic_period,
        .res_type = t->res_type, .mol_type = t->mol_type, .modified = t->modified, .method = t->method,
        .profile = t->profile, .deletion_mean = t->deletion_mean,
    };
}

km_features *tiny_features(void)
{
    tiny *t = KM_NEW(tiny);
    float *pos = tiny_normals(3 * A, 1.5, 11);
    point(t);
    memcpy(t->ref_pos, pos, sizeof t->ref_pos);
    free(pos);
    for (int n = 0; n < N; n++) {
        t->token_mask[n] = n < REAL_TOKENS;
        t->asym_id[n] = t->sym_id[n] = n / 4;
        t->residue_index[n] = n % 4;
        t->token_index[n] = n;
        t->res_type[n] = 2 + n;
        t->profile[33 * n + 2 + n] = 1;
        t->method[n] = 1;
    }
    for (int a = 0; a < A; a++) {
        t->atom_mask[a] = a < REAL_ATOMS;
        t->atom_token[a] = a < REAL_ATOMS ? a * REAL_TOKENS / REAL_ATOMS : -1;
        t->ref_element[a] = 6 + a % 3;
        t->ref_name[4 * a] = 35 + a % 4;
        t->ref_space_uid[a] = a < REAL_ATOMS ? t->atom_token[a] : 0;
        t->ref_charge[a] = (float)(a % 5 == 0);
    }
    return &t->f;
}

km_model *tiny_model(int pairformer_blocks)
{
    char *json = km_asprintf("{\"model\": {\"token_s\": 12, \"token_z\": 6, \"atom_s\": 8, \"atom_z\": 4, "
                             "\"embedder_args\": {\"atom_encoder_depth\": 1,"
                             " \"atom_encoder_heads\": 2}, \"pairformer_args\": {\"num_blocks\": %d, \"num_heads\": 3, "
                             "\"pairwise_head_width\": 3,"
                             " \"pairwise_num_heads\": 2}, \"recycling_steps\": 1, \"sigma_data\": 4, \"dim_fourier\": "
                             "10, \"token_transformer_depth\": 2,"
                             " \"token_transformer_heads\": 4, \"token_temporal_heads\": 2, \"atom_encoder_depth\": 2, "
                             "\"atom_encoder_heads\": 2,"
                             " \"atom_decoder_depth\": 2, \"atom_decoder_heads\": 4, \"atom_temporal_heads\": 2}}",
                             pairformer_blocks);
    km_config c;
    km_sampling s;
    km_err err = {0};
    km_model *m = NULL;
    if (km_config_parse(json, &c, &s, &err) < 0 || km_model_make(&c, &s, 5, &m, &err) < 0) printf("# %s\n", err.msg);
    free(json);
    if (m) tiny_shake(m, "", 0.2, 6);
    return m;
}

float *tiny_normals(km_dim n, double scale, uint64_t seed)
{
    float *x = km_alloc((size_t)(n + 3) * sizeof *x);
    km_rng rng = km_rng_of(seed, KM_RNG_TEST, 0, 0, 0);
    for (km_dim i = 0; i < n; i += 3) km_rng_normal3(&rng, (uint32_t)(i / 3), x + i);
    for (km_dim i = 0; i < n; i++) x[i] *= (float)scale;
    return x;
}

void tiny_shake(km_model *m, const char *text, double scale, uint64_t seed)
{
    for (int i = 0; i < km_params_count(m->params); i++) {
        km_tensor *t = km_params_at(m->params, i);
        if (!strstr(km_params_name(m->params, i), text)) continue;
        float *add = tiny_normals(km_numel(t), scale, seed + (uint64_t)i);
        for (km_dim j = 0; j < km_numel(t); j++) t->data[j] += add[j];
        free(add);
    }
}
