/* SPDX-License-Identifier: MIT
 * The losses: each against the float64 reference, the reference against central differences, one and two threads
 * against each other, and values that can be said by hand. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/optest.h"
#include "tests/unit/tap.h"

static const km_exec one = {1};

typedef enum which { STRUCT, BOND, LDDT, FLEX, CENTER, SPREAD, MOTION, MARKOV, KINDS } which;
static const char *const names[KINDS] = {"struct", "bond",   "lddt", "flex", "center",
                                         "spread", "motion", "markov"};

enum { MAX = 4096, LAGS = 4, DIMS = 2, STATES = 3 };

typedef struct loss_case {
    which kind;
    km_dim F, A, B;
    bool type_weights;
    int edge;
    double radius, parts[3], y, dy, *x, *dx, r[MAX], target[MAX], mask[MAX], lengths[MAX];
    float r_f[MAX], target_f[MAX], mask_f[MAX], lengths_f[MAX], bond_mask_f[MAX];
    double bond_mask[MAX];
    double model[MAX];
    float model_f[MAX];
    km_markov markov;
    int32_t residue[MAX], mol_type[MAX], bonds[MAX];
} loss_case;

static const int32_t *types(const loss_case *c) { return c->type_weights ? c->mol_type : NULL; }

static double reference(void *arg)
{
    loss_case *c = arg;
    switch (c->kind) {
    case STRUCT: km_ref_loss_struct_fwd(&one, &c->y, c->x, c->r, c->target, c->mask, c->F, c->A); break;
    case BOND:
        km_ref_loss_bond_fwd(&one, &c->y, c->x, c->r, c->target, c->bonds, c->type_weights ? NULL : c->lengths,
                             c->bond_mask, c->F, c->A, c->B);
        break;
    case LDDT:
        km_ref_loss_lddt_fwd(&one, &c->y, c->x, c->r, c->target, c->mask, types(c), c->radius, c->F, c->A);
        break;
    case FLEX:
        km_ref_loss_flex_fwd(&one, &c->y, c->x, c->r, c->target, c->mask, c->residue, c->mol_type, c->parts,
                             c->type_weights, c->F, c->A);
        break;
    case CENTER: km_ref_loss_center_fwd(&one, &c->y, c->x, c->r, c->target, c->mol_type, c->F, c->A); break;
    case SPREAD: km_ref_loss_spread_fwd(&one, &c->y, c->x, c->r, c->bonds, c->mask, c->B, c->F, c->A); break;
    case MOTION:
        km_ref_loss_motion_fwd(&one, &c->y, c->x, c->r, c->target, c->mask, c->bond_mask, c->parts, LAGS, c->F, c->A);
        break;
    default:
        km_ref_loss_markov_fwd(&one, &c->y, c->x, c->r, c->target, c->bonds, c->model, c->lengths, c->parts, c->B, DIMS,
                               STATES, c->F, c->A);
    }
    return c->dy * c->y;
}

static void reference_bwd(loss_case *c)
{
    switch (c->kind) {
    case STRUCT: km_ref_loss_struct_bwd(&one, c->dx, &c->dy, c->x, c->r, c->target, c->mask, c->F, c->A); break;
    case BOND:
        km_ref_loss_bond_bwd(&one, c->dx, &c->dy, c->x, c->r, c->target, c->bonds, c->type_weights ? NULL : c->lengths,
                             c->bond_mask, c->F, c->A, c->B);
        break;
    case LDDT:
        km_ref_loss_lddt_bwd(&one, c->dx, &c->dy, c->x, c->r, c->target, c->mask, types(c), c->radius, c->F, c->A);
        break;
    case FLEX:
        km_ref_loss_flex_bwd(&one, c->dx, &c->dy, c->x, c->r, c->target, c->mask, c->residue, c->mol_type, c->parts,
                             c->type_weights, c->F, c->A);
        break;
    case CENTER: km_ref_loss_center_bwd(&one, c->dx, &c->dy, c->x, c->r, c->target, c->mol_type, c->F, c->A); break;
    case SPREAD: km_ref_loss_spread_bwd(&one, c->dx, &c->dy, c->x, c->r, c->bonds, c->mask, c->B, c->F, c->A); break;
    case MOTION:
        km_ref_loss_motion_bwd(&one, c->dx, &c->dy, c->x, c->r, c->target, c->mask, c->bond_mask, c->parts, LAGS, c->F,
                               c->A);
        break;
    default:
        km_ref_loss_markov_bwd(&one, c->dx, &c->dy, c->x, c->r, c->target, c->bonds, c->model, c->lengths, c->parts,
                               c->B, DIMS, STATES, c->F, c->A);
    }
}

static km_tensor *operation(km_ctx *cx, const loss_case *c, const km_tensor *x)
{
    float parts[3] = {(float)c->parts[0], (float)c->parts[1], (float)c->parts[2]};
    switch (c->kind) {
    case STRUCT: return km_loss_struct(cx, x, c->r_f, c->target_f, c->mask_f);
    case BOND:
        return km_loss_bond(cx, x, c->r_f, c->target_f, c->bonds, c->type_weights ? NULL : c->lengths_f, c->bond_mask_f,
                            c->B);
    case LDDT: return km_loss_lddt(cx, x, c->r_f, c->target_f, c->mask_f, types(c), (float)c->radius);
    case FLEX:
        return km_loss_flex(cx, x, c->r_f, c->target_f, c->mask_f, c->residue, c->mol_type, parts, c->type_weights);
    case CENTER: return km_loss_center(cx, x, c->r_f, c->target_f, c->mol_type);
    case SPREAD: return km_loss_spread(cx, x, c->r_f, c->bonds, c->mask_f, c->B);
    case MOTION: return km_loss_motion(cx, x, c->r_f, c->target_f, c->mask_f, c->bond_mask_f, parts, LAGS);
    default: return km_loss_markov(cx, x, c->r_f, c->target_f, &c->markov, c->lengths_f, parts);
    }
}

static void on_backend(km_ctx *cx, void *arg)
{
    loss_case *c = arg;
    char name[64];
    km_tensor *x = OPT_PARAM(cx, c->x, c->F, c->A, 3), *y = operation(cx, c, x);
    snprintf(name, sizeof name, "loss %s forward", names[c->kind]);
    opt_close_tensor(cx, name, y, &(opt_want){1, &c->y, NULL}, 5e-6);
    opt_backward(cx, y, &c->dy);
    snprintf(name, sizeof name, "loss %s dx", names[c->kind]);
    opt_close_grad(cx, name, x, &(opt_want){c->F * c->A * 3, c->dx, NULL}, 5e-5);
}

static void fill(double *out, float *out_f, km_dim n, uint32_t seed, double scale, double zero_below)
{
    double *u = opt_random(n, seed);
    for (km_dim i = 0; i < n; i++) {
        out_f[i] = (float)(u[i] < zero_below ? 0 : scale * u[i]);
        out[i] = out_f[i];
    }
    free(u);
}

/* Distances about 6; slow components of them; transitions and shares that sum to 1. */
static void fill_markov(loss_case *c)
{
    km_dim P = c->B, n = P + P * DIMS + 2 * STATES * DIMS, i = n;
    double *sizes[] = {c->lengths, c->model + n + STATES * STATES};
    fill(c->model, c->model_f, n, 7, 0.3, -2);
    for (km_dim p = 0; p < P; p++) c->model[p] = c->model_f[p] += 6;
    for (km_dim k = 0; k < STATES * STATES; k++, i++) c->model[i] = c->model_f[i] = logf(k % 4 == 0 ? 0.6f : 0.2f);
    for (km_dim k = 0; k < STATES; k++, i++) c->model_f[i] = (float)(sizes[1][k] = (k + 1) / 6.0);
    for (km_dim d = 0; d < DIMS; d++, i++) c->model[i] = c->model_f[i] = 0.5f + 0.25f * (float)d;
    for (km_dim k = 0; k < STATES; k++) c->lengths_f[k] = (float)(sizes[0][k] = k == 1 ? 0.5 : 0.25);
    c->markov = (km_markov){P, DIMS, STATES, c->bonds, c->model_f};
}

/* A molecule about 12 across, whose prediction is off by up to 1; residues of 4 atoms, the last third ligand. */
static loss_case *case_new(which kind, km_dim F, km_dim A, bool type_weights)
{
    loss_case *c = KM_NEW(loss_case);
    *c = (loss_case){.kind = kind, .F = F, .A = A, .B = A, .type_weights = type_weights, .radius = 7, .dy = 1.5};
    c->parts[0] = 1, c->parts[1] = 4, c->parts[2] = 3;
    fill(c->r, c->r_f, F * A * 3, 1, 6, -2);
    c->x = opt_random(F * A * 3, 2);
    c->dx = km_calloc((size_t)(F * A * 3), sizeof(double));
    for (km_dim i = 0; i < F * A * 3; i++) {
        c->r[i] = c->r_f[i] = (float)(c->r_f[i % (A * 3)] + 0.3 * c->r_f[i]);
        c->x[i] = (float)(c->r[i] + c->x[i]);
    }
    fill(c->target, c->target_f, F, 3, 1, F > 1 ? -0.5 : -2);
    fill(c->mask, c->mask_f, A, 4, 1, A > 1 ? -0.5 : -2);
    fill(c->lengths, c->lengths_f, c->B, 5, 2, -2);
    fill(c->bond_mask, c->bond_mask_f, c->B, 6, 1, A > 1 ? -0.5 : -2);
    for (km_dim a = 0; a < A; a++) {
        c->residue[a] = 100 - (int32_t)(a / 4), c->mol_type[a] = a >= A - (A + 2) / 3 ? 3 : (int32_t)(a % 3);
        c->bonds[2 * a] = (int32_t)a, c->bonds[2 * a + 1] = (int32_t)((a * 5 + 1) % A);
    }
    fill_markov(c);
    return c;
}

static void case_free(loss_case *c) { free(c->x), free(c->dx), free(c); }

static void test_loss(which kind, km_dim F, km_dim A, bool type_weights)
{
    loss_case *c = case_new(kind, F, A, type_weights);
    reference_bwd(c);
    opt_differences(names[kind], reference, c, c->x, F * A * 3, c->dx);
    reference(c);
    opt_backends(on_backend, c);
    case_free(c);
}

static void test_threads(which kind)
{
    loss_case *c = case_new(kind, 11, 101, true);
    km_ctx *cx[2];
    km_tensor *x[2], *y[2];
    for (int t = 0; t < 2; t++) {
        cx[t] = km_ctx_new(t + 1);
        cx[t]->tape = km_tape_new();
        x[t] = OPT_PARAM(cx[t], c->x, c->F, c->A, 3), y[t] = operation(cx[t], c, x[t]);
        km_backprop(cx[t], y[t], 1);
    }
    ok(y[0]->data[0] > 0 && y[0]->data[0] == y[1]->data[0] &&
           !memcmp(km_grad(cx[0], x[0]), km_grad(cx[1], x[1]), (size_t)(c->F * c->A * 3) * sizeof(float)),
       "loss %s: one and two threads, same bytes", names[kind]);
    for (int t = 0; t < 2; t++) km_tape_free(cx[t]->tape), km_ctx_free(cx[t]);
    case_free(c);
}

static void edge_on_backend(km_ctx *cx, void *arg)
{
    loss_case *c = arg;
    km_dim n = c->F * c->A * 3;
    km_tensor *x = OPT_PARAM(cx, c->x, c->F, c->A, 3), *y = operation(cx, c, x), grad = *x;
    km_backprop(cx, y, 1);
    grad.data = km_grad(cx, x);
    const float *g = km_read(cx, &grad), value = km_read(cx, y)[0];
    bool markov = c->kind == MARKOV, finite = isfinite(value), zero = value == 0 || markov; /* which r has, too */
    bool nothing = (c->edge == 0 && c->kind != SPREAD) || c->edge == (markov ? 2 : 1) ||
                   (c->edge == 3 && c->kind == FLEX);
    for (km_dim i = 0; i < n; i++) finite = finite && isfinite(g[i]), zero = zero && g[i] == 0;
    static const char *const what[] = {"no target", "nothing valid", "all atoms in one place", "one target"};
    ok(finite && zero == nothing, "loss %s on %s: %s", names[c->kind], cx->be->name, what[c->edge]);
}

/* The loss of kind and its gradient where there is nothing to average are 0; coincident atoms give no NaN. */
static void test_edges(which kind)
{
    for (int edge = 0; edge < 4; edge++) {
        loss_case *c = case_new(kind, 5, 9, false);
        if (edge == 0) memset(c->target_f, 0, sizeof c->target_f);
        if (edge == 1) memset(c->mask_f, 0, sizeof c->mask_f), memset(c->bond_mask_f, 0, sizeof c->bond_mask_f);
        if (edge == 1) memset(c->mol_type, 0, sizeof c->mol_type);
        for (km_dim i = 0; edge == 2 && i < c->F * c->A * 3; i++) c->x[i] = 0;
        for (km_dim f = 1; edge == 3 && f < c->F; f++) c->target_f[f] = 0;
        c->target_f[0] = edge == 0 ? 0 : 1;
        c->edge = edge;
        opt_backends(edge_on_backend, c);
        case_free(c);
    }
}

int main(void)
{
    for (which kind = STRUCT; kind < KINDS; kind++) {
        test_loss(kind, 1, 1, false);
        test_loss(kind, 5, 13, false);
        test_loss(kind, 7, 37, true);
        test_threads(kind);
        test_edges(kind);
    }
    return tap_end();
}
