/* SPDX-License-Identifier: MIT */
#include "lib/traj/dssp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/chem/geometry.h"

km_backbone km_backbone_of(const km_system *s)
{
    static const char *const names[4] = {"N", "CA", "C", "O"};
    size_t R = (size_t)s->n_residues;
    km_backbone b = {.n_residues = s->n_residues,
                     .residue = KM_NEWN(int32_t, R),
                     .atoms = km_alloc((R + 1) * sizeof *b.atoms),
                     .proline = KM_NEWN(bool, R),
                     .segment = KM_NEWN(int32_t, R)};
    for (int32_t r = 0, last = -1, segment = 0; r < s->n_residues; r++) {
        const km_residue *res = &s->residues[r];
        int found = 0;
        for (int32_t a = res->first_atom; a < res->first_atom + res->n_atoms; a++)
            for (int k = 0; k < 4; k++)
                if (!strcmp(s->atoms[a].name, names[k])) b.atoms[b.n][k] = a, found |= 1 << k;
        if (found != 15) continue;
        if (last >= 0) segment += s->residues[last].chain != res->chain || res->number - s->residues[last].number > 1;
        b.residue[b.n] = last = r, b.segment[b.n] = segment, b.proline[b.n++] = !strcmp(res->name, "PRO");
    }
    return b;
}

void km_backbone_clear(km_backbone *b)
{
    free(b->residue), free(b->atoms), free(b->proline), free(b->segment);
    *b = (km_backbone){0};
}

/* A frame's hydrogen bonds and what follows of them; places are among the n residues. */
typedef struct fold {
    const km_backbone *b;
    const float *x;
    float (*hydrogen)[3];   /* [n] on N, NaN without one */
    int32_t (*acceptor)[2]; /* [n] whose O the hydrogen is bonded to best and second best, -1 */
    double (*energy)[2];
    uint8_t *class;
} fold;

static const float *at(const fold *f, int32_t i, int atom) { return f->x + 3 * (ptrdiff_t)f->b->atoms[i][atom]; }

static bool unbroken(const fold *f, int32_t i, int32_t j) { return f->b->segment[i] == f->b->segment[j]; }

static void place_hydrogens(fold *f)
{
    for (int32_t i = 0; i < f->b->n; i++) {
        bool none = i == 0 || f->b->proline[i] || !unbroken(f, i - 1, i);
        double length = none ? NAN : km_chem_distance(at(f, i - 1, 2), at(f, i - 1, 3));
        for (int k = 0; k < 3; k++)
            f->hydrogen[i][k] =
                none ? NAN : at(f, i, 0)[k] + (float)((at(f, i - 1, 2)[k] - at(f, i - 1, 3)[k]) / length);
    }
}

/* Electrostatic, kcal/mol: charges of 0.42 and 0.20 electrons. */
static void add_bond(fold *f, int32_t donor, int32_t acceptor)
{
    const double strength = 332 * 0.42 * 0.20, least = 0.5, lowest = -9.9, bound = -0.5;
    if (isnan(f->hydrogen[donor][0])) return;
    const float *n = at(f, donor, 0), *h = f->hydrogen[donor], *c = at(f, acceptor, 2), *o = at(f, acceptor, 3);
    double ho = km_chem_distance(h, o), hc = km_chem_distance(h, c), nc = km_chem_distance(n, c),
           no = km_chem_distance(n, o), e = lowest;
    if (ho >= least && hc >= least && nc >= least && no >= least)
        e = fmax(lowest, strength * (1 / hc + 1 / no - 1 / ho - 1 / nc));
    if (e >= bound) return;
    if (e < f->energy[donor][0]) {
        f->acceptor[donor][1] = f->acceptor[donor][0], f->energy[donor][1] = f->energy[donor][0];
        f->acceptor[donor][0] = acceptor, f->energy[donor][0] = e;
    } else if (e < f->energy[donor][1]) {
        f->acceptor[donor][1] = acceptor, f->energy[donor][1] = e;
    }
}

static bool bonded(const fold *f, int32_t donor, int32_t acceptor)
{
    return f->acceptor[donor][0] == acceptor || f->acceptor[donor][1] == acceptor;
}

static void find_bonds(fold *f)
{
    const double reach = 9;
    for (int32_t i = 0; i < f->b->n; i++) f->acceptor[i][0] = f->acceptor[i][1] = -1;
    for (int32_t i = 0; i < f->b->n; i++)
        for (int32_t j = i + 1; j < f->b->n; j++) {
            if (km_chem_distance(at(f, i, 1), at(f, j, 1)) >= reach) continue;
            add_bond(f, i, j);
            if (j != i + 1) add_bond(f, j, i);
        }
}

/* -- strands */

typedef enum bridge { NONE, PARALLEL, ANTIPARALLEL } bridge;

/* Residues i_from ... i_to opposite j_from ... j_to. */
typedef struct ladder {
    bridge type;
    int32_t i_from, i_to, j_from, j_to, n;
} ladder;

static bridge bridge_of(const fold *f, int32_t i, int32_t j)
{
    if (!unbroken(f, i - 1, i + 1) || !unbroken(f, j - 1, j + 1)) return NONE;
    if ((bonded(f, i + 1, j) && bonded(f, j, i - 1)) || (bonded(f, j + 1, i) && bonded(f, i, j - 1))) return PARALLEL;
    if ((bonded(f, i + 1, j - 1) && bonded(f, j + 1, i - 1)) || (bonded(f, j, i) && bonded(f, i, j)))
        return ANTIPARALLEL;
    return NONE;
}

static int add_bridge(ladder *all, int n, bridge type, int32_t i, int32_t j)
{
    for (int k = 0; k < n; k++) {
        ladder *l = &all[k];
        if (l->type != type || i != l->i_to + 1 || (type == PARALLEL ? l->j_to + 1 != j : l->j_from - 1 != j)) continue;
        l->i_to = i, l->n++;
        if (type == PARALLEL) l->j_to = j;
        else l->j_from = j;
        return n;
    }
    all[n] = (ladder){type, i, i, j, j, 1};
    return n + 1;
}

/* Does b go on where a ends, but for a bulge: at most one residue more on one side, four on the other? */
static bool goes_on(const fold *f, const ladder *a, const ladder *b)
{
    int32_t gap = b->i_from - a->i_to;
    if (a->type != b->type || gap >= 6 || (a->i_to >= b->i_from && a->i_from <= b->i_to)) return false;
    if (!unbroken(f, a->i_from < b->i_from ? a->i_from : b->i_from, a->i_to > b->i_to ? a->i_to : b->i_to) ||
        !unbroken(f, a->j_from < b->j_from ? a->j_from : b->j_from, a->j_to > b->j_to ? a->j_to : b->j_to))
        return false;
    int32_t other = a->type == PARALLEL ? b->j_from - a->j_to : a->j_from - b->j_to;
    return (other < 6 && gap < 3) || other < 3;
}

static void find_strands(fold *f)
{
    int n = 0, room = 16;
    ladder *all = km_alloc((size_t)room * sizeof *all);
    for (int32_t i = 1; i + 4 < f->b->n; i++)
        for (int32_t j = i + 3; j + 1 < f->b->n; j++) {
            bridge type = bridge_of(f, i, j);
            if (type == NONE) continue;
            if (n == room) all = km_realloc(all, (size_t)(room *= 2) * sizeof *all);
            n = add_bridge(all, n, type, i, j);
        }
    for (int a = 0; a < n; a++)
        for (int b = a + 1; b < n; b++) {
            if (!goes_on(f, &all[a], &all[b])) continue;
            all[a].i_to = all[b].i_to, all[a].n += all[b].n;
            if (all[a].type == PARALLEL) all[a].j_to = all[b].j_to;
            else all[a].j_from = all[b].j_from;
            memmove(&all[b], &all[b + 1], (size_t)(--n - b) * sizeof *all), b--;
        }
    for (int k = 0; k < n; k++) {
        for (int32_t i = all[k].i_from; i <= all[k].i_to; i++) f->class[f->b->residue[i]] = KM_STRAND;
        for (int32_t j = all[k].j_from; j <= all[k].j_to; j++) f->class[f->b->residue[j]] = KM_STRAND;
    }
    free(all);
}

/* -- helices: two turns in a row. Alpha takes strands too, 3-10 what is free, pi that and alpha. */

static bool turns(const fold *f, int32_t i, int stride)
{
    return i + stride < f->b->n && unbroken(f, i, i + stride) && bonded(f, i + stride, i);
}

static void find_helices(fold *f, int stride, bool over_strands, uint8_t *helix)
{
    for (int32_t i = 1; i + stride < f->b->n; i++) {
        bool free_ = true;
        if (!turns(f, i, stride) || !turns(f, i - 1, stride)) continue;
        for (int32_t j = i; j < i + stride && !over_strands; j++)
            free_ &= f->class[f->b->residue[j]] == KM_COIL || helix[j] == stride || (stride == 5 && helix[j] == 4);
        for (int32_t j = i; j < i + stride && free_; j++)
            f->class[f->b->residue[j]] = KM_HELIX, helix[j] = (uint8_t)stride;
    }
}

void km_dssp(const km_backbone *b, const float *x, uint8_t *out)
{
    size_t n = (size_t)b->n + 1;
    fold f = {b,  x, km_alloc(n * sizeof *f.hydrogen), km_alloc(n * sizeof *f.acceptor), km_alloc(n * sizeof *f.energy),
              out};
    uint8_t *helix = KM_NEWN(uint8_t, n);
    memset(f.energy, 0, n * sizeof *f.energy);
    memset(out, KM_NO_STRUCTURE, (size_t)b->n_residues);
    for (int32_t i = 0; i < b->n; i++) out[b->residue[i]] = KM_COIL;
    place_hydrogens(&f);
    find_bonds(&f);
    find_strands(&f);
    find_helices(&f, 4, true, helix);
    find_helices(&f, 3, false, helix);
    find_helices(&f, 5, false, helix);
    free(f.hydrogen), free(f.acceptor), free(f.energy), free(helix);
}
