/* SPDX-License-Identifier: MIT */
#include "lib/traj/ensemble.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/unit/second.h"
#include "tests/unit/tap.h"

/* The atoms of tests/data/eval. */
typedef struct fixture {
    km_structure *start;
    km_ensemble_atoms atoms;
    int32_t ca[32], *residue;
    uint8_t *elements;
    bool *side;
    float *md, *model;
    int64_t n_md, n_model;
} fixture;

static void set_up(fixture *x)
{
    x->start = second_start();
    const km_system *s = x->start->system;
    size_t A = (size_t)s->n_atoms;
    x->residue = KM_NEWN(int32_t, A), x->elements = KM_NEWN(uint8_t, A), x->side = KM_NEWN(bool, A);
    x->atoms =
        (km_ensemble_atoms){s->n_atoms, 0, s->n_residues, x->ca, x->residue, x->elements, x->side, x->start->coords};
    for (int32_t a = 0; a < s->n_atoms; a++) {
        if (!strcmp(s->atoms[a].name, "CA")) x->ca[x->atoms.n_ca++] = a;
        x->residue[a] = s->atoms[a].residue, x->elements[a] = s->atoms[a].element;
        x->side[a] = !strstr(" CA C N O OXT ", s->atoms[a].name);
    }
    x->md = second_frames("md", &x->n_md), x->model = second_frames("model", &x->n_model);
}

/* The panel, its reference coming in pieces; inputs stay as they are. */
static km_ensemble_scores panel(const fixture *x, const float *md, int64_t n_md, const float *model, int64_t n_model)
{
    enum { PIECE = 77 };
    size_t frame = (size_t)x->atoms.n_atoms * 3;
    float *copy = KM_NEWN(float, (size_t)(n_md > n_model ? n_md : n_model) * frame);
    km_ensemble_scores s;
    km_ensemble *e = km_ensemble_new(&x->atoms, n_md, n_model, 2);
    memcpy(copy, md, (size_t)n_md * frame * sizeof *copy);
    for (int64_t f = 0; f < n_md; f += PIECE)
        km_ensemble_add_reference(e, copy + (size_t)f * frame, n_md - f < PIECE ? n_md - f : PIECE);
    memcpy(copy, model, (size_t)n_model * frame * sizeof *copy);
    km_ensemble_finish(e, copy, &s);
    km_ensemble_free(e);
    free(copy);
    return s;
}

/* MDTraj superposes in single precision: a few 1e-5 A in what is summed, more in the directions of components that are
 * of nearly the same length. */
static void test_second(const fixture *x)
{
    km_ensemble_scores s = panel(x, x->md, x->n_md, x->model, x->n_model);
#define CHECK(name, allowed) second_check("ensemble." #name, s.name, allowed)
    CHECK(md_pairwise_rmsd, 1e-4), CHECK(md_pairwise_rms, 1e-4), CHECK(pairwise_rmsd, 1e-4), CHECK(pairwise_rms, 1e-4);
    CHECK(md_self_rmsd, 1e-4), CHECK(md_self_rms, 1e-4);
    CHECK(md_rmsf, 1e-5), CHECK(rmsf, 1e-5), CHECK(rmsf_r, 1e-5), CHECK(rmsf_rho, 1e-6), CHECK(rmsf_tau, 1e-6);
    CHECK(rmwd, 1e-4), CHECK(rmwd_trans, 1e-4), CHECK(rmwd_var, 1e-4);
    CHECK(md_pca_w2, 2e-4), CHECK(md_pca_w2_trans, 2e-4), CHECK(md_pca_w2_rest, 2e-4), CHECK(md_pca_w2_md, 2e-4);
    CHECK(md_pca_start, 2e-4), CHECK(pca_start, 2e-4), CHECK(own_pca_w2, 2e-4);
    CHECK(joint_pca_w2, 2e-4), CHECK(joint_pca_w2_trans, 2e-4), CHECK(joint_pca_w2_rest, 2e-4);
    CHECK(pc_sim, 3e-4), CHECK(md_variance1, 3e-4), CHECK(md_variance2, 3e-4), CHECK(variance1, 3e-4);
    CHECK(variance2, 3e-4);
    CHECK(weak_contacts, 1e-9), CHECK(transient_contacts, 1e-9), CHECK(exposed, 1e-9), CHECK(mi_rho, 1e-6);
    km_ensemble_scores_clear(&s);
}

static void test_itself(const fixture *x)
{
    km_ensemble_scores s = panel(x, x->md, x->n_md, x->md, x->n_md);
    ok(fabs(s.rmsf_r - 1) < 1e-12 && fabs(s.rmsf_rho - 1) < 1e-12 && s.rmsf == s.md_rmsf, "dynamics against itself");
    ok(fabs(s.pc_sim - 1) < 1e-9 && s.rmwd_trans < 0.3 && s.rmwd_var < 0.3, "up to the draws: %.3f %.3f", s.rmwd_trans,
       s.rmwd_var);
    km_ensemble_scores_clear(&s);
}

/* Order and repetition of the model's frames. */
static void test_order(const fixture *x)
{
    size_t frame = (size_t)x->atoms.n_atoms * 3;
    int64_t n = x->n_model;
    float *moved = KM_NEWN(float, 2 * (size_t)n * frame);
    for (int64_t f = 0; f < 2 * n; f++)
        memcpy(moved + (size_t)f * frame, x->model + (size_t)((f * 7 + 3) % n) * frame, frame * sizeof *moved);
    km_ensemble_scores a = panel(x, x->md, x->n_md, x->model, n), b = panel(x, x->md, x->n_md, moved, n),
                       c = panel(x, x->md, x->n_md, moved, 2 * n);
    ok(fabs(a.pairwise_rmsd - b.pairwise_rmsd) < 1e-9 && fabs(a.rmwd - b.rmwd) < 1e-9 &&
           fabs(a.md_pca_w2 - b.md_pca_w2) < 1e-9 && a.mi_rho == b.mi_rho && a.weak_contacts == b.weak_contacts,
       "the order of frames does not matter");
    ok(fabs(a.pairwise_rmsd - c.pairwise_rmsd) < 1e-9 && fabs(a.rmsf - c.rmsf) < 1e-9, "nor does every frame twice");
    ok(a.md_pairwise_rmsd != c.md_pairwise_rmsd, "but then other frames of the reference are drawn");
    for (int64_t f = 0; f < n; f++) memcpy(moved + (size_t)f * frame, x->start->coords, frame * sizeof *moved);
    km_ensemble_scores_clear(&b);
    b = panel(x, x->md, x->n_md, moved, n);
    ok(b.pairwise_rmsd < 1e-4 && b.rmsf < 1e-4, "a structure repeated does not fluctuate");
    free(moved);
    km_ensemble_scores_clear(&a), km_ensemble_scores_clear(&b), km_ensemble_scores_clear(&c);
}

static void test_one_frame(const fixture *x)
{
    km_ensemble_scores s = panel(x, x->md, x->n_md, x->model, 1);
    ok(s.pairwise_rmsd == 0 && isnan(s.pc_sim) && s.rmwd_trans > 0 && s.md_rmsf > 1, "a single frame");
    km_ensemble_scores_clear(&s);
    s = panel(x, x->md, 1, x->model, x->n_model);
    ok(s.md_pairwise_rmsd == 0 && s.pairwise_rmsd > 1 && isnan(s.pc_sim), "a reference of one frame");
    km_ensemble_scores_clear(&s);
}

int main(void)
{
    fixture x = {0};
    set_up(&x);
    test_second(&x);
    test_itself(&x);
    test_order(&x);
    test_one_frame(&x);
    km_structure_free(x.start);
    free(x.residue), free(x.elements), free(x.side), free(x.md), free(x.model);
    return tap_end();
}
