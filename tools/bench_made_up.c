/* SPDX-License-Identifier: MIT */
#include "tools/bench_made_up.h"

#include <stdlib.h>
#include <string.h>

km_bench_molecule km_bench_molecule_new(const km_bench_sizes *s)
{
    km_dim N = s->tokens, A = s->atoms, most = (N * KM_BENCH_ROWS > A * 4 ? N * KM_BENCH_ROWS : A * 4);
    km_bench_molecule m = {.zeros = KM_NEWN(float, (size_t)most),
                           .ones = KM_NEWN(float, (size_t)most),
                           .none = KM_NEWN(int32_t, (size_t)most),
                           .count = KM_NEWN(int32_t, (size_t)most),
                           .owner = KM_NEWN(int32_t, (size_t)A)};
    for (km_dim i = 0; i < most; i++) m.ones[i] = 1, m.count[i] = (int32_t)i;
    for (km_dim a = 0; a < A; a++) m.owner[a] = (int32_t)(a * N / A);
    m.f = (km_features){.N = N,
                        .A = A,
                        .token_mask = m.ones,
                        .atom_mask = m.ones,
                        .there = m.ones,
                        .atom_token = m.owner,
                        .ref_pos = m.zeros,
                        .ref_charge = m.zeros,
                        .ref_mask = m.ones,
                        .ref_element = m.none,
                        .ref_name = m.none,
                        .ref_space_uid = m.owner,
                        .asym_id = m.none,
                        .entity_id = m.none,
                        .sym_id = m.none,
                        .residue_index = m.count,
                        .token_index = m.count,
                        .cyclic_period = m.none,
                        .res_type = m.none,
                        .mol_type = m.none,
                        .modified = m.none,
                        .method = m.none,
                        .profile = m.zeros,
                        .deletion_mean = m.zeros};
    return m;
}

void km_bench_molecule_free(km_bench_molecule *m)
{
    free(m->zeros), free(m->ones), free(m->none), free(m->count), free(m->owner);
}

km_config km_bench_config(const char *family, int blocks, km_sampling *ret_sampling)
{
    bool biokinema = strcmp(family, "biokinema") == 0;
    km_config c;
    km_err err;
    const char *json = biokinema ? "{\"model\": {\"family\": \"biokinema\", \"atom_feature_dim\": 389,"
                                   " \"temporal_beta\": 0.5, \"msa_args\": {\"average_width\": 8}}}"
                                 : "{}";
    if (km_config_parse(json, &c, ret_sampling, &err) < 0) KM_BUG("%s", err.msg);
    c.token_depth = c.pairformer_blocks = blocks;
    return c;
}

void km_bench_fill(float *x, km_dim n)
{
    for (km_dim i = 0; i < n; i++) x[i] = (float)(i % 89) / 89.0f - 0.5f;
}

km_tensor *km_bench_tensor(km_ctx *cx, int nd, const km_dim *shape)
{
    km_dim n = 1;
    for (int i = 0; i < nd; i++) n *= shape[i];
    float *x = km_arena_get(cx->arena, (size_t)n * sizeof *x);
    if (!cx->dry) km_bench_fill(x, n);
    return km_tensor_of(cx, x, nd, shape);
}
