/* SPDX-License-Identifier: MIT
 * The trunk: input embedding, initial single and pair representations, recycled passes of templates, alignment and
 * pairformer. Weights need not have the modules of links, templates and alignment. */
#include <stdlib.h>
#include <string.h>

#include "lib/model/trunk/trunk_parts.h"
#include "lib/nn/rows.h"

enum { ROWS = 256 }; /* of a state, taken at a time */

struct km_trunk {
    km_config config;
    km_embedder embedder;
    km_nn_linear s_init, z_init_1, z_init_2, s_recycle, z_recycle;
    km_nn_norm s_norm, z_norm;
    const km_tensor *rel_pos; /* [token_z, 139], the diffusion module's too */
    km_token_links links;
    km_template_module templates;
    km_msa_module msa;
    km_pairformer pairformer;
};

km_trunk *km_trunk_new(const km_config *c, km_params *p)
{
    km_trunk *t = KM_NEW(km_trunk);
    km_dim S = c->token_s, Z = c->token_z, pairs_of = c->family->pairs_of_s ? S : c->inputs_s;
    t->config = *c;
    km_embedder_init(&t->embedder, p, c);
    km_nn_linear_init(&t->s_init, p, "s_init", S, c->inputs_s, KM_INIT_DEFAULT);
    km_nn_linear_init(&t->z_init_1, p, "z_init_1", Z, pairs_of, KM_INIT_DEFAULT);
    km_nn_linear_init(&t->z_init_2, p, "z_init_2", Z, pairs_of, KM_INIT_DEFAULT);
    t->rel_pos = km_relative_positions_init(p, c, "");
    km_nn_norm_init(&t->s_norm, p, "s_norm", S);
    km_nn_norm_init(&t->z_norm, p, "z_norm", Z);
    km_nn_linear_init(&t->s_recycle, p, "s_recycle", S, S, KM_INIT_ZERO);
    km_nn_linear_init(&t->z_recycle, p, "z_recycle", Z, Z, KM_INIT_ZERO);
    km_pairformer_init(&t->pairformer, p, c);
    km_token_links_init(&t->links, p, c);
    km_template_module_init(&t->templates, p, c);
    km_msa_module_init(&t->msa, p, c);
    return t;
}

void km_trunk_free(km_trunk *t)
{
    if (!t) return;
    km_embedder_clear(&t->embedder);
    km_pairformer_clear(&t->pairformer);
    km_template_module_clear(&t->templates);
    km_msa_module_clear(&t->msa);
    free(t);
}

km_tensor *km_trunk_pairs(km_ctx *cx, const km_trunk *t, const km_features *f, const km_tensor *s_inputs)
{
    km_mark mark = km_scope_begin(cx);
    const km_tensor *s = t->config.family->pairs_of_s ? km_nn_linear_run(cx, &t->s_init, s_inputs) : s_inputs;
    km_tensor *z = km_outer_add(cx, km_nn_linear_run(cx, &t->z_init_1, s), km_nn_linear_run(cx, &t->z_init_2, s));
    z = km_add(cx, z, km_relative_positions(cx, &t->config, t->rel_pos, f));
    return km_scope_end(cx, mark, km_token_links_add(cx, &t->links, z, f));
}

static km_tensor *zeros_like(km_ctx *cx, const km_tensor *t)
{
    km_tensor *zeros = km_tensor_like(cx, t);
    if (cx->be->device) cx->be->device->zero(zeros->data, km_bytes(zeros, km_numel(t)));
    else if (!cx->dry) memset(zeros->data, 0, km_bytes(zeros, km_numel(t)));
    return zeros;
}

typedef struct recycling {
    const km_nn_norm *norm;
    const km_nn_linear *linear;
    const km_tensor *init; /* as the state */
} recycling;

static km_tensor *begin_pass(km_ctx *cx, const void *arg, const km_tensor *x, km_dim first, km_tensor *opt_to)
{
    const recycling *r = arg;
    (void)opt_to;
    km_tensor *y = km_nn_linear_run(cx, r->linear, km_nn_norm_run(cx, r->norm, x));
    return km_add(cx, km_slice(cx, r->init, first, km_size(x, 0)), y);
}

/* init + linear(norm(state)), in place of the state [..., C] */
static km_tensor *recycle(km_ctx *cx, const km_tensor *init, const km_nn_norm *norm, const km_nn_linear *linear,
                          km_tensor *state)
{
    km_dim C = km_size(state, -1), R = km_numel(state) / C;
    const recycling r = {norm, linear, KM_RESHAPE(cx, init, R, C)};
    km_tensor *y = km_nn_update(cx, KM_RESHAPE(cx, state, R, C), ROWS, begin_pass, KM_NN_ARG(&r));
    return km_reshape(cx, y, state->nd, state->shape);
}

/* z + templates, then the alignment's module, whose result holds z already. As in Boltz-2 z is added to it and counts
 * twice, unless the family has it replaced. */
static km_tensor *add_evidence(km_ctx *cx, const km_trunk *t, km_tensor *z, const km_tensor *s_inputs,
                               const km_features *f)
{
    km_mark mark = km_scope_begin(cx);
    km_tensor *u = t->templates.layers ? km_template_module_run(cx, &t->templates, z, f) : NULL;
    if (u) z = km_nn_carry(cx, mark, z, km_add(cx, z, u));
    if (t->msa.depth == 0 || f->S == 0) return z;
    km_tensor *y = km_msa_module_run(cx, &t->msa, km_nn_state(cx, z), s_inputs, f);
    return km_nn_carry(cx, mark, z, t->config.family->rows_replace ? y : km_add(cx, z, y));
}

/* What a pass sees: rows of its own. */
static const km_features *of_pass(km_ctx *cx, const km_features *f, int pass)
{
    if (f->draws <= 1) return f;
    km_features *now = km_arena_get(cx->arena, sizeof *now);
    km_dim before = pass % f->draws * f->S * f->N;
    *now = *f;
    now->msa += before, now->has_deletion += before, now->deletion_value += before;
    now->msa_paired += before, now->msa_mask += before;
    return now;
}

km_trunk_out km_trunk_run(km_ctx *cx, const km_trunk *t, const km_features *f, int recycles)
{
    km_tape *tape = cx->tape;
    km_trunk_out out;
    out.s_inputs = km_embedder_run(cx, &t->embedder, f);
    km_tensor *s_init = km_nn_linear_run(cx, &t->s_init, out.s_inputs);
    km_tensor *z_init = km_trunk_pairs(cx, t, f, out.s_inputs);
    out.s = zeros_like(cx, s_init);
    out.z = zeros_like(cx, z_init);
    for (int pass = 0; pass <= recycles; pass++) {
        cx->tape = pass == recycles ? tape : NULL;
        km_mark mark = km_scope_begin(cx);
        out.s = km_carried(cx, mark, out.s, recycle(cx, s_init, &t->s_norm, &t->s_recycle, out.s));
        out.z = km_carried(cx, mark, out.z, recycle(cx, z_init, &t->z_norm, &t->z_recycle, out.z));
        out.z = add_evidence(cx, t, out.z, out.s_inputs, of_pass(cx, f, pass));
        km_pairformer_run(cx, &t->pairformer, &out.s, &out.z, f->token_mask);
        if (!cx->tape) km_arena_rewind(cx->arena, mark);
    }
    return out;
}
