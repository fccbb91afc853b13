/* SPDX-License-Identifier: MIT */
#include "lib/traj/clean.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/chem/geometry.h"
#include "lib/chem/graph.h"
#include "lib/chem/residues.h"

const km_clean_limits km_clean_defaults = {.bond_low = 0.6,
                                           .bond_high = 1.5,
                                           .bond_most = 2.6,
                                           .bond_most_far = 3.0,
                                           .ideal = 0.5,
                                           .ca_ca = 4.5,
                                           .peptide = 2.0,
                                           .clash = 1.0,
                                           .leap = 8,
                                           .leap_least = 5,
                                           .dropped = 0.01};

typedef struct pair {
    int32_t a, b;
} pair;

struct km_clean {
    const km_system *s;
    km_clean_limits limits;
    float *ideal, *low, *high; /* [B] angstrom; ideal NaN: not known */
    pair *ca;                  /* of residues that a bond links */
    pair *peptide;
    int32_t n_ca, n_peptide;
    int32_t *there, n_there; /* atoms with coordinates */
    double leap;             /* angstrom */
};

const char *km_fault_name(km_fault f)
{
    static const char *const names[] = {
        "none", "a coordinate that is no number", "a bond", "neighbouring CA far apart", "a broken peptide", "a clash"};
    return names[f];
}

void km_clean_label(const km_system *s, int32_t atom, char out[40])
{
    const km_residue *r = &s->residues[s->atoms[atom].residue];
    snprintf(out, 40, "%s of %s %d %s", s->atoms[atom].name, r->name, r->number, s->chains[r->chain].name);
}

static int32_t atom_of(const km_system *s, int32_t residue, const char *name)
{
    const km_residue *r = &s->residues[residue];
    for (int32_t i = r->first_atom; i < r->first_atom + r->n_atoms; i++)
        if (strcmp(s->atoms[i].name, name) == 0) return i;
    return -1;
}

static bool is_peptide(const km_system *s, const km_bond *b)
{
    const km_atom *p = &s->atoms[b->a], *q = &s->atoms[b->b];
    const bool names =
        (!strcmp(p->name, "C") && !strcmp(q->name, "N")) || (!strcmp(p->name, "N") && !strcmp(q->name, "C"));
    const km_residue *r = &s->residues[p->residue];
    return names && p->residue != q->residue && r->chain == s->residues[q->residue].chain &&
           s->chains[r->chain].mol_type == KM_PROTEIN;
}

km_clean *km_clean_new(const km_system *s, const km_clean_limits *limits)
{
    const size_t bonds = (size_t)s->n_bonds + 1;
    km_clean *c = KM_NEW(km_clean);
    *c = (km_clean){.s = s,
                    .limits = *limits,
                    .ideal = KM_NEWN(float, bonds),
                    .low = KM_NEWN(float, bonds),
                    .high = KM_NEWN(float, bonds),
                    .ca = KM_NEWN(pair, bonds),
                    .peptide = KM_NEWN(pair, bonds),
                    .there = KM_NEWN(int32_t, (size_t)s->n_atoms + 1),
                    .leap = INFINITY};
    km_chem_bonds_ideal(s, c->ideal);
    for (int32_t i = 0; i < s->n_bonds; i++) {
        const km_bond *b = &s->bonds[i];
        c->high[i] = (float)limits->bond_most_far;
        if (!is_peptide(s, b)) continue;
        const int32_t p = atom_of(s, s->atoms[b->a].residue, "CA"), q = atom_of(s, s->atoms[b->b].residue, "CA");
        if (s->atoms[b->a].present && s->atoms[b->b].present) c->peptide[c->n_peptide++] = (pair){b->a, b->b};
        if (p >= 0 && q >= 0 && s->atoms[p].present && s->atoms[q].present) c->ca[c->n_ca++] = (pair){p, q};
    }
    for (int32_t a = 0; a < s->n_atoms; a++)
        if (s->atoms[a].present) c->there[c->n_there++] = a;
    return c;
}

void km_clean_free(km_clean *c)
{
    if (!c) return;
    free(c->ideal), free(c->low), free(c->high), free(c->ca), free(c->peptide), free(c->there);
    free(c);
}

static float square(const float *p, const float *q)
{
    const float x = p[0] - q[0], y = p[1] - q[1], z = p[2] - q[2];
    return x * x + y * y + z * z;
}

static int compare(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static float median(float *v, int64_t n)
{
    qsort(v, (size_t)n, sizeof *v, compare);
    return n % 2 ? v[n / 2] : 0.5f * (v[n / 2 - 1] + v[n / 2]);
}

/* Is the atom one whose bonds are longer than those of the light elements? */
static bool is_far(const km_atom *a) { return a->element == 35 || a->element == 53 || km_chem_is_metal(a->name); }

static bool both_there(const km_system *s, const km_bond *b)
{
    return s->atoms[b->a].present && s->atoms[b->b].present;
}

static km_status learn_bonds(km_clean *c, const float *x, int64_t n, km_err *err)
{
    const km_system *s = c->s;
    const size_t frame = 3 * (size_t)s->n_atoms;
    float *v = KM_NEWN(float, (size_t)n);
    km_status status = KM_OK;
    for (int32_t i = 0; i < s->n_bonds && status == KM_OK; i++) {
        const km_bond *b = &s->bonds[i];
        const double most =
            is_far(&s->atoms[b->a]) || is_far(&s->atoms[b->b]) ? c->limits.bond_most_far : c->limits.bond_most;
        if (!both_there(s, b)) continue;
        for (int64_t f = 0; f < n; f++)
            v[f] = sqrtf(square(x + (size_t)f * frame + 3 * (size_t)b->a, x + (size_t)f * frame + 3 * (size_t)b->b));
        const float m = median(v, n);
        c->low[i] = (float)(c->limits.bond_low * m);
        c->high[i] = (float)fmin(c->limits.bond_high * m, most);
        if (m <= most && !(fabs((double)m - c->ideal[i]) > c->limits.ideal)) continue;
        char p[40], q[40];
        km_clean_label(s, b->a, p), km_clean_label(s, b->b, q);
        status = km_fail(err, KM_NEGATIVE, "the bond from %s to %s is %.2f angstrom long in the median, ideally %.2f",
                         p, q, (double)m, (double)c->ideal[i]);
    }
    free(v);
    return status;
}

km_status km_clean_learn(km_clean *c, const float *x, int64_t n, km_err *err)
{
    const size_t frame = 3 * (size_t)c->s->n_atoms, pairs = (size_t)n / 2;
    float *v = KM_NEWN(float, (size_t)c->n_there + 1), *m = KM_NEWN(float, pairs + 1);
    KM_ASSERT(n > 0);
    for (size_t p = 0; p < pairs && c->n_there > 0; p++) {
        const float *before = x + 2 * p * frame;
        for (int32_t i = 0; i < c->n_there; i++)
            v[i] = sqrtf(square(before + 3 * (size_t)c->there[i], before + frame + 3 * (size_t)c->there[i]));
        m[p] = median(v, c->n_there);
    }
    c->leap = pairs ? fmax(c->limits.leap * median(m, (int64_t)pairs), c->limits.leap_least) : INFINITY;
    free(v), free(m);
    return learn_bonds(c, x, n, err);
}

static bool longer(const pair *p, int32_t n, const float *x, double most, int32_t *at)
{
    const float limit = (float)(most * most);
    for (int32_t i = 0; i < n; i++)
        if (!(square(x + 3 * (size_t)p[i].a, x + 3 * (size_t)p[i].b) < limit))
            return at[0] = p[i].a, at[1] = p[i].b, true;
    return false;
}

static bool may_touch(const km_system *s, int32_t a, int32_t b)
{
    const km_residue *p = &s->residues[s->atoms[a].residue], *q = &s->residues[s->atoms[b].residue];
    return p->chain != q->chain ? false : abs(p->index - q->index) <= 2;
}

/* Columns along z, each as wide as atoms may be near, or wider where there would be too many. */
typedef struct columns {
    float low[2], width[2];
    int32_t n[2];
} columns;

static columns columns_of(const km_clean *c, const float *x)
{
    enum { MOST = 1024 };
    columns g = {.low = {INFINITY, INFINITY}};
    float high[2] = {-INFINITY, -INFINITY};
    for (int32_t i = 0; i < c->n_there; i++)
        for (int k = 0; k < 2; k++) {
            const float v = x[3 * (size_t)c->there[i] + (size_t)k];
            g.low[k] = v < g.low[k] ? v : g.low[k];
            high[k] = v > high[k] ? v : high[k];
        }
    for (int k = 0; k < 2; k++) {
        g.width[k] = fmaxf((float)c->limits.clash, (high[k] - g.low[k]) / (MOST - 1));
        g.n[k] = (int32_t)((high[k] - g.low[k]) / g.width[k]) + 1;
    }
    return g;
}

typedef struct placed {
    float x[3];
    int32_t atom;
} placed;

/* The first of these atoms that is nearer to p than it may be, or NULL. */
static const placed *too_near(const km_clean *c, const placed *p, const placed *first, const placed *end)
{
    const float limit = (float)(c->limits.clash * c->limits.clash);
    for (const placed *q = first; q < end; q++)
        if (square(p->x, q->x) < limit && !may_touch(c->s, p->atom, q->atom)) return q;
    return NULL;
}

/* An atom is compared with those of its column and the next that stand behind it, and of three of the next row. */
static bool clashes(const km_clean *c, const float *x, int32_t *at)
{
    if (c->n_there < 2 || !(c->limits.clash > 0)) return false;
    const columns g = columns_of(c, x);
    const int32_t all = g.n[0] * g.n[1];
    int32_t *from = KM_NEWN(int32_t, (size_t)all + 1), *of = km_alloc((size_t)c->n_there * sizeof *of);
    placed *sorted = km_alloc((size_t)c->n_there * sizeof *sorted);
    for (int32_t i = 0; i < c->n_there; i++) {
        const float *p = x + 3 * (size_t)c->there[i];
        of[i] = (int32_t)((p[0] - g.low[0]) / g.width[0]) * g.n[1] + (int32_t)((p[1] - g.low[1]) / g.width[1]);
        from[of[i]]++;
    }
    for (int32_t k = 1; k <= all; k++) from[k] += from[k - 1];
    for (int32_t i = c->n_there - 1; i >= 0; i--) {
        placed *to = &sorted[--from[of[i]]];
        to->atom = c->there[i];
        memcpy(to->x, x + 3 * (size_t)to->atom, sizeof to->x);
    }
    const placed *found = NULL;
    for (int32_t k = 0; k < all && !found; k++)
        for (const placed *p = sorted + from[k]; p < sorted + from[k + 1] && !found; p++) {
            const int32_t row = k + g.n[1];
            found = too_near(c, p, p + 1, sorted + from[k + 2 < all ? k + 2 : all]);
            if (!found && row - 1 < all)
                found = too_near(c, p, sorted + from[row - 1], sorted + from[row + 2 < all ? row + 2 : all]);
            if (found) at[0] = p->atom, at[1] = found->atom;
        }
    free(from), free(of), free(sorted);
    return found;
}

km_fault km_clean_check(const km_clean *c, const float *x, int32_t opt_atoms[2])
{
    int32_t unused[2], *at = opt_atoms ? opt_atoms : unused;
    const km_system *s = c->s;
    for (int32_t i = 0; i < 3 * s->n_atoms; i++)
        if (!isfinite(x[i])) return at[0] = at[1] = i / 3, KM_FAULT_NUMBER;
    if (longer(c->peptide, c->n_peptide, x, c->limits.peptide, at)) return KM_FAULT_PEPTIDE;
    if (longer(c->ca, c->n_ca, x, c->limits.ca_ca, at)) return KM_FAULT_CA;
    for (int32_t i = 0; i < s->n_bonds; i++) {
        const km_bond *b = &s->bonds[i];
        const float d = square(x + 3 * (size_t)b->a, x + 3 * (size_t)b->b);
        if ((d < c->low[i] * c->low[i] || d > c->high[i] * c->high[i]) && both_there(s, b))
            return at[0] = b->a, at[1] = b->b, KM_FAULT_BOND;
    }
    return clashes(c, x, at) ? KM_FAULT_CLASH : KM_FAULT_NONE;
}

bool km_clean_leaps(const km_clean *c, const float *before, const float *x)
{
    const float limit = (float)(c->leap * c->leap);
    int32_t far = 0;
    for (int32_t i = 0; i < c->n_there; i++)
        far += square(before + 3 * (size_t)c->there[i], x + 3 * (size_t)c->there[i]) > limit;
    return 2 * far > c->n_there;
}

/* Two atoms of a ligand, bonded or not: are they as far apart as that? Bonds of metals are not judged. */
static bool is_apart(const km_atom *p, const km_atom *q, double d, bool bonded)
{
    if (!p->present || !q->present || km_chem_is_metal(p->name) || km_chem_is_metal(q->name)) return true;
    const double sum = km_chem_bond_radius(p->element) + km_chem_bond_radius(q->element);
    return bonded ? d >= 0.75 * sum && d <= 1.25 * sum : d >= 0.9 * sum;
}

static km_status check_ligand(const km_system *s, const km_residue *r, const float *x, km_err *err)
{
    const int32_t n = r->n_atoms;
    bool *bonded = KM_NEWN(bool, (size_t)n * (size_t)n); /* [a, b], a < b */
    km_status status = KM_OK;
    for (int32_t i = 0; i < s->n_bonds; i++) {
        const int32_t a = s->bonds[i].a - r->first_atom, b = s->bonds[i].b - r->first_atom;
        if (a >= 0 && b < n) bonded[(size_t)a * (size_t)n + (size_t)b] = true;
    }
    for (int32_t a = 0; a < n; a++)
        for (int32_t b = a + 1; b < n && status == KM_OK; b++) {
            const int32_t i = r->first_atom + a, j = r->first_atom + b;
            const double d = sqrt((double)square(x + 3 * (size_t)i, x + 3 * (size_t)j));
            const bool bond = bonded[(size_t)a * (size_t)n + (size_t)b];
            if (is_apart(&s->atoms[i], &s->atoms[j], d, bond)) continue;
            char p[40], q[40];
            km_clean_label(s, i, p), km_clean_label(s, j, q);
            status = km_fail(err, KM_NEGATIVE, "%s and %s are %.2f angstrom apart and %sbonded", p, q, d,
                             bond ? "" : "not ");
        }
    free(bonded);
    return status;
}

km_status km_clean_ligands(const km_system *s, const float *x, km_err *err)
{
    for (int32_t r = 0; r < s->n_residues; r++)
        if (s->chains[s->residues[r].chain].mol_type == KM_NONPOLYMER)
            KM_TRY(check_ligand(s, &s->residues[r], x, err));
    return KM_OK;
}
