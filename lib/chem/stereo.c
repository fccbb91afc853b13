/* SPDX-License-Identifier: MIT */
#include "lib/chem/stereo.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/hand.h"
#include "lib/base/mem.h"

enum { CARBON = 6, SULPHUR = 16, NEIGHBOURS = 3 };

/* The hand of four points: 1, -1, or 0 where the first lies near the plane of the others (a tetrahedron's volume is
 * 0.77 of the product of its bonds). */
static int hand(const float *c, const float *a, const float *b, const float *d)
{
    km_vec u = km_vec_from(c, a), v = km_vec_from(c, b), w = km_vec_from(c, d);
    double size = sqrt(km_vec_dot(u, u) * km_vec_dot(v, v) * km_vec_dot(w, w)), V = km_vec_dot(u, km_vec_cross(v, w));
    return fabs(V) <= 0.3 * size ? 0 : V > 0 ? 1 : -1;
}

static int reference_hand(const km_system *s, const int32_t at[4])
{
    const km_atom *x = s->atoms;
    return hand(x[at[0]].ref_pos, x[at[1]].ref_pos, x[at[2]].ref_pos, x[at[3]].ref_pos);
}

/* Are an atom's bonds those of a centre? Its neighbours, counted in degree, come from one residue's conformer. */
static bool may_be_centre(const km_system *s, const int32_t at[4], int degree)
{
    const km_atom *c = &s->atoms[at[0]];
    if (degree != NEIGHBOURS || (c->element != CARBON && c->element != SULPHUR)) return false;
    for (int i = 1; i < 4; i++)
        if (s->atoms[at[i]].ref_space_uid != c->ref_space_uid) return false;
    return true;
}

km_stereo *km_stereo_of(const km_system *s)
{
    km_stereo *out = KM_NEW(km_stereo);
    int32_t(*at)[4] = km_calloc((size_t)s->n_atoms, sizeof *at);
    int *degree = KM_NEWN(int, (size_t)s->n_atoms);
    for (int32_t a = 0; a < s->n_atoms; a++) at[a][0] = a;
    for (int32_t b = 0; b < s->n_bonds; b++)
        for (int end = 0; end < 2; end++) {
            int32_t a = end ? s->bonds[b].b : s->bonds[b].a, other = end ? s->bonds[b].a : s->bonds[b].b;
            if (degree[a] < NEIGHBOURS) at[a][1 + degree[a]] = other;
            degree[a]++;
        }
    for (int32_t a = 0; a < s->n_atoms; a++) {
        int h = may_be_centre(s, at[a], degree[a]) ? reference_hand(s, at[a]) : 0;
        if (h == 0) continue;
        int32_t *c = at[out->n++]; /* never beyond a */
        const int32_t was[4] = {at[a][0], at[a][1], at[a][2], at[a][3]};
        c[0] = was[0], c[1] = was[1], c[2] = was[h > 0 ? 2 : 3], c[3] = was[h > 0 ? 3 : 2];
    }
    out->centres = at;
    free(degree);
    return out;
}

void km_stereo_follow(km_stereo *opt_s, const float *coords)
{
    if (!opt_s || opt_s->followed) return;
    opt_s->followed = true;
    for (int32_t i = 0; i < opt_s->n; i++) {
        int32_t *c = opt_s->centres[i], last = c[3];
        if (hand(coords + 3 * (size_t)c[0], coords + 3 * (size_t)c[1], coords + 3 * (size_t)c[2],
                 coords + 3 * (size_t)c[3]) < 0)
            c[3] = c[2], c[2] = last;
    }
}

int km_stereo_wrong(const km_stereo *s, const float *coords, int32_t *ret_centre)
{
    int wrong = 0;
    for (int32_t i = 0; i < s->n; i++) {
        const int32_t *c = s->centres[i];
        const bool is = km_hand_volume(coords + 3 * (size_t)c[0], coords + 3 * (size_t)c[1], coords + 3 * (size_t)c[2],
                               coords + 3 * (size_t)c[3]) < 0;
        if (is && wrong++ == 0) *ret_centre = c[0];
    }
    return wrong;
}

void km_stereo_free(km_stereo *s)
{
    if (!s) return;
    free(s->centres);
    free(s);
}
