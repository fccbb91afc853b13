/* SPDX-License-Identifier: MIT
 * Single modules: temporal attention, pairformer, input embedder. */
#include <string.h>

#include "lib/model/trunk/trunk_parts.h"
#include "tests/oracle/oracle.h"

/* x [a, b, C] as [b, a, C] */
static float *swapped(oracle_case *o, const float *x, km_dim a, km_dim b, km_dim C)
{
    float *y = km_arena_get(o->cx->arena, (size_t)(a * b * C) * sizeof *y);
    for (km_dim i = 0; i < a; i++)
        for (km_dim j = 0; j < b; j++) memcpy(y + (j * a + i) * C, x + (i * b + j) * C, (size_t)C * sizeof *y);
    return y;
}

/* The layer's parameters have no prefix in the file; ours is a module called `t`. */
void oracle_temporal_attention(oracle_case *o)
{
    static const char *const names[] = {"norm.weight", "norm.bias", "q_proj.weight", "q_proj.bias", "k_proj.weight",
                                        "v_proj.weight", "gate.weight", "out_proj.weight", "log_lambda"};
    km_dim dim = (km_dim)oracle_number(o, "dim", 0), N = oracle_size(o, "in/x", 0), T = oracle_size(o, "in/x", 1);
    km_params *p = km_params_make(1, 1, 1);
    km_nn_temporal layer;
    km_nn_temporal_init(&layer, p, "t", dim, 0, (km_dim)oracle_number(o, "num_heads", 1),
                        (km_nn_decay){1, oracle_flag(o, "causal"), false});
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char key[KM_NN_NAME];
        km_nn_name(key, "param/%s", names[i]);
        const float *w = oracle_floats(o, key);
        for (int j = 0; j < km_params_count(p); j++)
            if (w && strcmp(km_params_name(p, j) + 2, names[i]) == 0)
                memcpy(km_params_at(p, j)->data, w, (size_t)km_numel(km_params_at(p, j)) * sizeof *w);
    }
    km_params_pack(p, o->cx->be);
    km_tensor *x = KM_TENSOR_OF(o->cx, swapped(o, oracle_floats(o, "in/x"), N, T, dim), T, N, dim);
    const km_nn_frames frames = {1, T, oracle_floats(o, "in/timestamps"), NULL};
    const float *y = km_read(o->cx, km_nn_temporal_run(o->cx, &layer, NULL, x, &frames, NULL));
    oracle_compare(o, "out/x", swapped(o, y, T, N, dim), N * T * dim);
    km_params_free(p);
}

void oracle_pairformer(oracle_case *o)
{
    km_config c;
    km_pairformer m;
    if (!oracle_config(o, &c)) return;
    km_params *p = km_params_from_prefix(o->file, "param/");
    km_pairformer_init(&m, p, &c);
    if (km_params_check(p, (const char *const[]){"pairformer_module.", NULL}, &o->err) < 0) {
        oracle_fail(o, o->err.msg);
    } else {
        km_tensor *s = oracle_tensor(o, "in/s"), *z = oracle_tensor(o, "in/z");
        km_params_pack(p, o->cx->be);
        const float *mask = oracle_floats(o, "in/token_mask");
        km_dim N = km_size(s, 0);
        km_pairformer_run(o->cx, &m, &s, &z, mask);
        oracle_compare_tensor(o, "out/s", s, mask, N);
        oracle_compare_tensor(o, "out/z", z, km_pair_mask(o->cx, mask, N), N * N);
    }
    km_pairformer_clear(&m);
    km_params_free(p);
}

void oracle_input_embedder(oracle_case *o)
{
    km_config c;
    km_embedder m;
    if (!oracle_config(o, &c)) return;
    km_params *p = km_params_from_prefix(o->file, "param/");
    km_embedder_init(&m, p, &c);
    if (km_params_check(p, NULL, &o->err) < 0) {
        oracle_fail(o, o->err.msg);
    } else {
        km_params_pack(p, o->cx->be);
        km_tensor *s = km_embedder_run(o->cx, &m, oracle_features(o));
        oracle_compare_tensor(o, "out/s_inputs", s, NULL, 0);
    }
    km_embedder_clear(&m);
    km_params_free(p);
}
