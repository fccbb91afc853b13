/* SPDX-License-Identifier: MIT
 * The templates' module, version 2: each template's geometry beside the pairs, through layers of its own, and the mean
 * over templates. The dropout of training is left out. */
#include <stdlib.h>

#include "lib/model/trunk/trunk_parts.h"
#include "lib/nn/rows.h"

enum { FEATURES = 109, PAIRS = 512 }; /* pairs taken at a time */

void km_template_module_init(km_template_module *m, km_params *p, const km_config *c)
{
    char name[KM_NN_NAME];
    km_dim T = c->template_dim, Z = c->token_z;
    *m = (km_template_module){0};
    if (!c->templates) return;
    m->depth = c->template_blocks;
    m->layers = KM_NEWN(km_pair_layer, (size_t)m->depth + 1);
    km_nn_norm_init(&m->z_norm, p, "template_module.z_norm", Z);
    km_nn_norm_init(&m->v_norm, p, "template_module.v_norm", T);
    km_nn_linear_init(&m->z, p, "template_module.z_proj", T, Z, KM_INIT_DEFAULT);
    km_nn_linear_init(&m->a, p, "template_module.a_proj", T, FEATURES, KM_INIT_DEFAULT);
    km_params_products_only(m->a.w, false);
    km_nn_linear_init(&m->u, p, "template_module.u_proj", Z, T, KM_INIT_DEFAULT);
    for (int i = 0; i < m->depth; i++)
        km_pair_layer_init(&m->layers[i], p, km_nn_name(name, "template_module.pairformer.layers.%d", i), T,
                           c->template_heads, c->template_head_width, c->family->triangle_bias);
}

void km_template_module_clear(km_template_module *m) { free(m->layers); }

static bool has_something(const km_features *f, km_dim t)
{
    for (km_dim n = 0; n < f->N; n++)
        if (f->template_mask[t * f->N + n] != 0) return true;
    return false;
}

static km_tensor *project(km_ctx *cx, const void *arg, const km_tensor *z, km_dim first, km_tensor *opt_to)
{
    const km_template_module *m = arg;
    (void)first;
    return km_nn_linear_to(cx, &m->z, km_nn_norm_run(cx, &m->z_norm, z), opt_to);
}

/* [N, N, T]: norm of v + layers(v), v = projected + what template t says of pairs */
static km_tensor *template_run(km_ctx *cx, const km_template_module *m, const km_tensor *projected,
                               const km_features *f, km_dim t, const float *pair_mask)
{
    km_dim N = f->N, at = t * N;
    const km_template_facts facts = {f->template_restype + at, f->visibility_ids + at, f->template_frame_rot + 9 * at,
                                     f->template_frame_t + 3 * at, f->template_cb + 3 * at, f->template_ca + 3 * at,
                                     f->template_mask_cb + at, f->template_mask_frame + at};
    km_mark mark = km_scope_begin(cx);
    km_tensor *v = km_add(cx, projected, km_cast(cx, km_template_pairs(cx, m->a.w, &facts, N))),
              *x = km_nn_state(cx, v);
    for (int i = 0; i < m->depth; i++) x = km_pair_layer_run(cx, &m->layers[i], x, f->token_mask, pair_mask);
    return km_scope_end(cx, mark, km_nn_norm_run(cx, &m->v_norm, km_add(cx, v, x)));
}

km_tensor *km_template_module_run(km_ctx *cx, const km_template_module *m, const km_tensor *z, const km_features *f)
{
    km_dim N = f->N, count = 0, T = km_size(m->z.w, 0);
    km_mark mark = km_scope_begin(cx);
    km_tensor *sum = NULL, *projected = NULL;
    const float *pair_mask = NULL;
    for (km_dim t = 0; t < f->n_templates; t++) {
        if (!has_something(f, t)) continue;
        if (count++ == 0) {
            pair_mask = km_pair_mask(cx, f->token_mask, N);
            projected = km_nn_map(cx, KM_RESHAPE(cx, z, N * N, km_size(z, 2)), PAIRS, project, KM_NN_ARG(m), T);
            projected = KM_RESHAPE(cx, projected, N, N, T);
        }
        km_tensor *v = template_run(cx, m, projected, f, t, pair_mask);
        sum = sum ? km_add(cx, sum, v) : v;
    }
    if (!sum) return NULL;
    return km_scope_end(cx, mark,
                        km_nn_linear_run(cx, &m->u, km_relu(cx, km_scale(cx, sum, 1 / (float)count))));
}
