/* SPDX-License-Identifier: MIT
 * The losses of structure, bonds, local distances and the ligand's centroid. */
#include "lib/base/err.h"
#include "lib/tensor/ops.h"

typedef struct loss_state {
    const km_tensor *x;
    const float *r, *frame, *atom; /* per frame: weight or target; per atom: weight or mask */
    const int32_t *mol_type;
    float radius;
    km_tensor *y;
} loss_state;

static void record(km_ctx *cx, km_backward *backward, loss_state state)
{
    if (!KM_RECORDING(cx, state.x)) return;
    loss_state *s = km_arena_get(cx->arena, sizeof *s);
    *s = state;
    km_record(cx, state.y, backward, s);
}

static void loss_struct_backward(km_ctx *cx, void *state)
{
    loss_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_be(cx, s->x)->loss_struct_bwd(&cx->ex, km_grad(cx, s->x), km_grad(cx, s->y), s->x->data,
                                     km_floats(cx, s->r, km_numel(s->x)), km_floats(cx, s->frame, km_rows(s->x, 2)),
                                     km_floats(cx, s->atom, km_size(s->x, -2)), km_rows(s->x, 2), km_size(s->x, -2));
}

km_tensor *km_loss_struct(km_ctx *cx, const km_tensor *x, const float *r, const float *frame_weight,
                          const float *atom_weight)
{
    KM_ASSERT(km_size(x, -1) == 3);
    km_tensor *y = KM_TENSOR_AS(cx, x, 1);
    km_be(cx, x)->loss_struct_fwd(&cx->ex, y->data, x->data, km_floats(cx, r, km_numel(x)),
                                  km_floats(cx, frame_weight, km_rows(x, 2)),
                                  km_floats(cx, atom_weight, km_size(x, -2)), km_rows(x, 2), km_size(x, -2));
    record(cx, loss_struct_backward, (loss_state){.x = x, .r = r, .frame = frame_weight, .atom = atom_weight, .y = y});
    return y;
}

static void loss_lddt_backward(km_ctx *cx, void *state)
{
    loss_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_be(cx, s->x)->loss_lddt_bwd(&cx->ex, km_grad(cx, s->x), km_grad(cx, s->y), s->x->data,
                                   km_floats(cx, s->r, km_numel(s->x)), km_floats(cx, s->frame, km_rows(s->x, 2)),
                                   km_floats(cx, s->atom, km_size(s->x, -2)),
                                   km_ints(cx, s->mol_type, km_size(s->x, -2)), s->radius, km_rows(s->x, 2),
                                   km_size(s->x, -2));
}

km_tensor *km_loss_lddt(km_ctx *cx, const km_tensor *x, const float *r, const float *target, const float *atom_mask,
                        const int32_t *opt_mol_type, float radius)
{
    KM_ASSERT(km_size(x, -1) == 3);
    km_tensor *y = KM_TENSOR_AS(cx, x, 1);
    km_be(cx, x)->loss_lddt_fwd(&cx->ex, y->data, x->data, km_floats(cx, r, km_numel(x)),
                                km_floats(cx, target, km_rows(x, 2)), km_floats(cx, atom_mask, km_size(x, -2)),
                                km_ints(cx, opt_mol_type, km_size(x, -2)), radius, km_rows(x, 2), km_size(x, -2));
    record(cx, loss_lddt_backward,
           (loss_state){
               .x = x, .r = r, .frame = target, .atom = atom_mask, .mol_type = opt_mol_type, .radius = radius, .y = y});
    return y;
}

static void loss_center_backward(km_ctx *cx, void *state)
{
    loss_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_be(cx, s->x)->loss_center_bwd(&cx->ex, km_grad(cx, s->x), km_grad(cx, s->y), s->x->data,
                                     km_floats(cx, s->r, km_numel(s->x)), km_floats(cx, s->frame, km_rows(s->x, 2)),
                                     km_ints(cx, s->mol_type, km_size(s->x, -2)), km_rows(s->x, 2), km_size(s->x, -2));
}

km_tensor *km_loss_center(km_ctx *cx, const km_tensor *x, const float *r, const float *frame_weight,
                          const int32_t *mol_type)
{
    KM_ASSERT(km_size(x, -1) == 3);
    km_tensor *y = KM_TENSOR_AS(cx, x, 1);
    km_be(cx, x)->loss_center_fwd(&cx->ex, y->data, x->data, km_floats(cx, r, km_numel(x)),
                                  km_floats(cx, frame_weight, km_rows(x, 2)), km_ints(cx, mol_type, km_size(x, -2)),
                                  km_rows(x, 2), km_size(x, -2));
    record(cx, loss_center_backward, (loss_state){.x = x, .r = r, .frame = frame_weight, .mol_type = mol_type, .y = y});
    return y;
}

typedef struct bond_state {
    const km_tensor *x;
    const float *r, *frame_weight, *opt_lengths, *opt_mask;
    const int32_t *bonds;
    km_dim B;
    km_tensor *y;
} bond_state;

static void loss_bond_backward(km_ctx *cx, void *state)
{
    bond_state *s = state;
    if (!km_has_grad(s->y)) return;
    km_be(cx, s->x)->loss_bond_bwd(&cx->ex, km_grad(cx, s->x), km_grad(cx, s->y), s->x->data,
                                   km_floats(cx, s->r, km_numel(s->x)),
                                   km_floats(cx, s->frame_weight, km_rows(s->x, 2)), km_ints(cx, s->bonds, 2 * s->B),
                                   km_floats(cx, s->opt_lengths, s->B), km_floats(cx, s->opt_mask, s->B),
                                   km_rows(s->x, 2), km_size(s->x, -2), s->B);
}

km_tensor *km_loss_bond(km_ctx *cx, const km_tensor *x, const float *r, const float *frame_weight,
                        const int32_t *bonds, const float *opt_lengths, const float *opt_bond_mask, km_dim n_bonds)
{
    KM_ASSERT(km_size(x, -1) == 3);
    km_tensor *y = KM_TENSOR_AS(cx, x, 1);
    km_be(cx, x)->loss_bond_fwd(&cx->ex, y->data, x->data, km_floats(cx, r, km_numel(x)),
                                km_floats(cx, frame_weight, km_rows(x, 2)), km_ints(cx, bonds, 2 * n_bonds),
                                km_floats(cx, opt_lengths, n_bonds), km_floats(cx, opt_bond_mask, n_bonds),
                                km_rows(x, 2), km_size(x, -2), n_bonds);
    if (KM_RECORDING(cx, x)) {
        bond_state *s = km_arena_get(cx->arena, sizeof *s);
        *s = (bond_state){x, r, frame_weight, opt_lengths, opt_bond_mask, bonds, n_bonds, y};
        km_record(cx, y, loss_bond_backward, s);
    }
    return y;
}
