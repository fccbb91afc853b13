/* SPDX-License-Identifier: MIT
 * The trunk's modules of alignment and templates, and the whole trunk. */
#include "lib/model/trunk/trunk_parts.h"
#include "tests/oracle/oracle.h"

void oracle_msa_module(oracle_case *o)
{
    km_config c;
    km_msa_module m;
    if (!oracle_config(o, &c)) return;
    km_params *p = km_params_make(1, 1, 1);
    km_msa_module_init(&m, p, &c);
    if (oracle_fill_params(o, p)) {
        km_features *f = oracle_features(o);
        km_params_pack(p, o->cx->be);
        km_tensor *z = km_msa_module_run(o->cx, &m, oracle_tensor(o, "in/z"), oracle_tensor(o, "in/s_inputs"), f);
        oracle_compare_tensor(o, "out/z", z, km_pair_mask(o->cx, f->token_mask, f->N), f->N * f->N);
    }
    km_msa_module_clear(&m);
    km_params_free(p);
}

void oracle_template_module(oracle_case *o)
{
    km_config c;
    km_template_module m;
    if (!oracle_config(o, &c)) return;
    c.templates = true; /* the case is of this module alone */
    km_params *p = km_params_make(1, 1, 1);
    km_template_module_init(&m, p, &c);
    if (oracle_fill_params(o, p)) {
        km_features *f = oracle_features(o);
        km_params_pack(p, o->cx->be);
        const km_tensor *z = oracle_tensor(o, "in/z");
        km_tensor *u = km_template_module_run(o->cx, &m, z, f);
        if (!u) u = km_scale(o->cx, z, 0); /* left out: nothing is added */
        oracle_compare_tensor(o, "out/u", u, km_pair_mask(o->cx, f->token_mask, f->N), f->N * f->N);
    }
    km_template_module_clear(&m);
    km_params_free(p);
}

/* One pass, and all of them. */
void oracle_trunk(oracle_case *o)
{
    km_config c;
    if (!oracle_config(o, &c)) return;
    km_params *p = km_params_make(1, 1, 1);
    km_trunk *t = km_trunk_new(&c, p);
    if (oracle_fill_params(o, p)) {
        km_features *f = oracle_features(o);
        const float *pairs = km_pair_mask(o->cx, f->token_mask, f->N);
        km_dim n = f->N * f->N;
        km_params_pack(p, o->cx->be);
        km_trunk_out first = km_trunk_run(o->cx, t, f, 0), all = km_trunk_run(o->cx, t, f, c.recycles);
        const km_tensor *w = KM_PARAM(p, KM_INIT_DEFAULT, "rel_pos_encoder.linear_layer.weight", c.token_z, 139);
        km_tensor *near = km_relative_positions(o->cx, &c, w, f), *init = km_trunk_pairs(o->cx, t, f, all.s_inputs);
        oracle_compare_tensor(o, "out/rel_pos", near, pairs, n);
        oracle_compare_tensor(o, "out/z_init", init, pairs, n);
        oracle_compare_tensor(o, "out/s_inputs", all.s_inputs, f->token_mask, f->N);
        oracle_compare_tensor(o, "out/s_pass0", first.s, f->token_mask, f->N);
        oracle_compare_tensor(o, "out/z_pass0", first.z, pairs, n);
        oracle_compare_tensor(o, "out/s", all.s, f->token_mask, f->N);
        oracle_compare_tensor(o, "out/z", all.z, pairs, n);
    }
    km_trunk_free(t);
    km_params_free(p);
}
