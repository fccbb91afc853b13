/* SPDX-License-Identifier: MIT */
#include "lib/chem/stereo.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/chem/geometry.h"
#include "lib/tensor/ops.h"
#include "tests/unit/peptide.h"
#include "tests/unit/tap.h"

static double worst_bond_change(const km_system *s, const float *x, const float *y)
{
    double worst = 0;
    for (int32_t i = 0; i < s->n_bonds; i++) {
        size_t a = (size_t)s->bonds[i].a * 3, b = (size_t)s->bonds[i].b * 3;
        worst = fmax(worst, fabs(km_chem_distance(x + a, x + b) - km_chem_distance(y + a, y + b)));
    }
    return worst;
}

static double worst_move(const float *x, const float *y, size_t n)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++) worst = fmax(worst, fabs((double)x[i] - y[i]));
    return worst;
}

/* x with its centres held; how many were moved */
static int hold(const km_stereo *s, float *x)
{
    int32_t held = 1;
    int moved = 0;
    km_ctx *cx = km_ctx_new(1);
    km_dim A = 0;
    for (int32_t i = 0; i < 4 * s->n; i++)
        if (s->centres[0][i] >= A) A = s->centres[0][i] + 1;
    km_tensor *y = km_hold_hands(cx, KM_TENSOR_OF(cx, x, 1, A, 3), s->centres[0], s->n, &held);
    for (km_dim a = 0; a < A; a++) moved += memcmp(x + 3 * a, y->data + 3 * a, 3 * sizeof *x) != 0;
    memcpy(x, y->data, (size_t)(3 * A) * sizeof *x);
    km_ctx_free(cx);
    return moved;
}

static void test_peptide(const km_system *s, const float *given, km_stereo *stereo)
{
    size_t n = (size_t)s->n_atoms * 3;
    float *x = km_alloc(n * sizeof *x), *once = km_alloc(n * sizeof *x);
    memcpy(x, given, n * sizeof *x);
    ok(stereo->n == 3, "LGE: two CA and the CG of leucine, %d", stereo->n);
    ok(hold(stereo, x) <= 1,
       "a real structure has the dictionary's hand, but perhaps for CD1 and CD2 of leucine");
    memcpy(x, given, n * sizeof *x);
    km_stereo_follow(stereo, x);
    ok(hold(stereo, x) == 0 && !memcmp(x, given, n * sizeof *x), "once it is followed it stays as it is");
    bool found = true;
    for (int32_t i = 0; i < stereo->n; i++) {
        const km_atom *c = &s->atoms[stereo->centres[i][0]];
        found = found && (!strcmp(c->name, "CA") || !strcmp(c->name, "CG"));
    }
    ok(found, "and no others");

    for (size_t i = 0; i < n; i += 3) x[i] = -x[i]; /* the mirror image: each centre has the wrong hand */
    ok(km_chem_chirality(s, 0, x) == -1, "the mirror image is D");
    memcpy(once, x, n * sizeof *x);
    ok(hold(stereo, x) == 3, "each is moved");
    ok(km_chem_chirality(s, 0, x) == 1 && km_chem_chirality(s, 2, x) == 1, "all are L");
    ok(worst_bond_change(s, once, x) < 1e-5, "no bond has changed");
    ok(worst_move(once, x, n) > 0.3, "the centres have moved");
    memcpy(once, x, n * sizeof *x);
    ok(hold(stereo, x) == 0 && !memcmp(once, x, n * sizeof *x), "a second time nothing is left to do");

    for (size_t i = 0; i < n; i += 3) x[i] = -x[i];
    km_stereo_follow(stereo, x);
    ok(hold(stereo, x) == 3, "a later structure is not followed");
    for (size_t i = 0; i < n; i += 3) x[i] = -x[i];
    km_stereo *other = km_stereo_of(s);
    km_stereo_follow(other, x);
    ok(hold(other, x) == 0 && km_chem_chirality(s, 0, x) == -1, "D residues that are given stay D");
    km_stereo_free(other), other = km_stereo_of(s);
    memset(x, 0, n * sizeof *x);
    km_stereo_follow(other, x);
    hold(other, x);
    ok(worst_move(x, x + 3, n - 3) == 0 && x[0] == 0, "points on top of each other give no NaN");
    km_stereo_free(other);
    km_stereo_follow(NULL, x);
    free(x), free(once);
}

int main(void)
{
    float *x;
    km_system *s = peptide_system("pipelines/mini/examples/LGE.pdb", NULL, &x);
    km_stereo *stereo = km_stereo_of(s);
    test_peptide(s, x, stereo);
    km_stereo_free(stereo);
    km_stereo_free(NULL);
    km_system_free(s);
    free(x);
    return tap_end();
}
