/* SPDX-License-Identifier: MIT
 * The loss of flexibility. */
#include "lib/base/err.h"
#include "lib/tensor/ops.h"

typedef struct flex_state {
    const km_tensor *x;
    const float *r, *target, *atom_mask;
    const int32_t *residue, *mol_type;
    float parts[3];
    bool type_weights;
    km_tensor *y;
} flex_state;

static void loss_flex_backward(km_ctx *cx, void *state)
{
    flex_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_be(cx, s->x)->loss_flex_bwd(
        &cx->ex, km_grad(cx, s->x), km_grad(cx, s->y), s->x->data, km_floats(cx, s->r, km_numel(s->x)),
        km_floats(cx, s->target, km_rows(s->x, 2)), km_floats(cx, s->atom_mask, km_size(s->x, -2)),
        km_ints(cx, s->residue, km_size(s->x, -2)), km_ints(cx, s->mol_type, km_size(s->x, -2)),
        km_floats(cx, s->parts, 3), s->type_weights, km_rows(s->x, 2), km_size(s->x, -2));
}

km_tensor *km_loss_flex(km_ctx *cx, const km_tensor *x, const float *r, const float *target, const float *atom_mask,
                        const int32_t *residue, const int32_t *mol_type, const float parts[3], bool type_weights)
{
    KM_ASSERT(km_size(x, -1) == 3);
    km_tensor *y = KM_TENSOR_AS(cx, x, 1);
    km_be(cx, x)->loss_flex_fwd(&cx->ex, y->data, x->data, km_floats(cx, r, km_numel(x)),
                                km_floats(cx, target, km_rows(x, 2)), km_floats(cx, atom_mask, km_size(x, -2)),
                                km_ints(cx, residue, km_size(x, -2)), km_ints(cx, mol_type, km_size(x, -2)),
                                km_floats(cx, parts, 3), type_weights, km_rows(x, 2), km_size(x, -2));
    if (KM_RECORDING(cx, x)) {
        flex_state *s = km_arena_get(cx->arena, sizeof *s);
        *s = (flex_state){x, r, target, atom_mask, residue, mol_type, {parts[0], parts[1], parts[2]}, type_weights, y};
        km_record(cx, y, loss_flex_backward, s);
    }
    return y;
}
