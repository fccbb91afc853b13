/* SPDX-License-Identifier: MIT */
#include "lib/traj/clean.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/superpose.h"
#include "lib/chem/geometry.h"
#include "lib/chem/graph.h"
#include "lib/chem/residues.h"
#include "lib/traj/clash.h"

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

typedef struct bond {
    int32_t a, b;
    float low, high; /* squared */
    float ideal;     /* NaN: not known */
} bond;

struct km_clean {
    const km_system *s;
    km_clean_limits limits;
    bond *bonds; /* of atoms with coordinates, as the two lists that follow */
    pair *ca;    /* of residues that a bond links */
    pair *peptide;
    int32_t n_bonds, n_ca, n_peptide;
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
                    .bonds = KM_NEWN(bond, bonds),
                    .ca = KM_NEWN(pair, bonds),
                    .peptide = KM_NEWN(pair, bonds),
                    .there = KM_NEWN(int32_t, (size_t)s->n_atoms + 1),
                    .leap = INFINITY};
    float *ideal = KM_NEWN(float, bonds);
    km_chem_bonds_ideal(s, ideal);
    for (int32_t i = 0; i < s->n_bonds; i++) {
        const km_bond *b = &s->bonds[i];
        const bool there = s->atoms[b->a].present && s->atoms[b->b].present;
        const double most = limits->bond_most_far;
        if (there) c->bonds[c->n_bonds++] = (bond){b->a, b->b, 0, (float)(most * most), ideal[i]};
        if (!is_peptide(s, b)) continue;
        const int32_t p = atom_of(s, s->atoms[b->a].residue, "CA"), q = atom_of(s, s->atoms[b->b].residue, "CA");
        if (there) c->peptide[c->n_peptide++] = (pair){b->a, b->b};
        if (p >= 0 && q >= 0 && s->atoms[p].present && s->atoms[q].present) c->ca[c->n_ca++] = (pair){p, q};
    }
    free(ideal);
    for (int32_t a = 0; a < s->n_atoms; a++)
        if (s->atoms[a].present) c->there[c->n_there++] = a;
    return c;
}

void km_clean_free(km_clean *c)
{
    if (!c) return;
    free(c->bonds), free(c->ca), free(c->peptide), free(c->there);
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

static km_status learn_bonds(km_clean *c, const float *x, int64_t n, km_err *err)
{
    const km_system *s = c->s;
    const size_t frame = 3 * (size_t)s->n_atoms;
    float *v = KM_NEWN(float, (size_t)n);
    km_status status = KM_OK;
    for (bond *b = c->bonds; b < c->bonds + c->n_bonds && status == KM_OK; b++) {
        const double most =
            is_far(&s->atoms[b->a]) || is_far(&s->atoms[b->b]) ? c->limits.bond_most_far : c->limits.bond_most;
        for (int64_t f = 0; f < n; f++)
            v[f] = sqrtf(square(x + (size_t)f * frame + 3 * (size_t)b->a, x + (size_t)f * frame + 3 * (size_t)b->b));
        const double m = median(v, n);
        b->low = (float)pow(c->limits.bond_low * m, 2);
        b->high = (float)pow(fmin(c->limits.bond_high * m, most), 2);
        if (m <= most && !(fabs(m - b->ideal) > c->limits.ideal)) continue;
        char p[40], q[40];
        km_clean_label(s, b->a, p), km_clean_label(s, b->b, q);
        status = km_fail(err, KM_NEGATIVE, "the bond from %s to %s is %.2f angstrom long in the median, ideally %.2f",
                         p, q, m, (double)b->ideal);
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

/* Whether anything is wrong with the bonds' lengths; most often nothing is. */
static bool any_bond(const km_clean *c, const float *x)
{
    int any = 0;
    for (const bond *b = c->bonds; b < c->bonds + c->n_bonds; b++) {
        const float d = square(x + 3 * (size_t)b->a, x + 3 * (size_t)b->b);
        any |= (d < b->low) | (d > b->high);
    }
    return any;
}

static bool find_bond(const km_clean *c, const float *x, int32_t *at)
{
    for (const bond *b = c->bonds; b < c->bonds + c->n_bonds; b++) {
        const float d = square(x + 3 * (size_t)b->a, x + 3 * (size_t)b->b);
        if (d < b->low || d > b->high) return at[0] = b->a, at[1] = b->b, true;
    }
    return false;
}

static bool is_finite(const float *x, size_t n)
{
    enum { LANES = 8 };
    float rest[LANES] = {0}; /* 0 or not a number */
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++) rest[k] += 0 * x[i + (size_t)k];
    for (; i < n; i++) rest[0] += 0 * x[i];
    for (int k = 1; k < LANES; k++) rest[0] += rest[k];
    return rest[0] == 0;
}

km_fault km_clean_check(const km_clean *c, const float *x, int32_t opt_atoms[2])
{
    int32_t unused[2], *at = opt_atoms ? opt_atoms : unused;
    const km_system *s = c->s;
    if (!is_finite(x, 3 * (size_t)s->n_atoms))
        for (int32_t i = 0; i < 3 * s->n_atoms; i++)
            if (!isfinite(x[i])) return at[0] = at[1] = i / 3, KM_FAULT_NUMBER;
    if (longer(c->peptide, c->n_peptide, x, c->limits.peptide, at)) return KM_FAULT_PEPTIDE;
    if (longer(c->ca, c->n_ca, x, c->limits.ca_ca, at)) return KM_FAULT_CA;
    if (any_bond(c, x) && find_bond(c, x, at)) return KM_FAULT_BOND;
    return km_clash_find(s, c->there, c->n_there, x, (float)c->limits.clash, at) ? KM_FAULT_CLASH : KM_FAULT_NONE;
}

/* Are most atoms within the limit of where they were? Half of them settle it. */
static bool most_stay(const km_clean *c, const float *before, const float *x)
{
    const float limit = (float)(c->leap * c->leap);
    int32_t near = 0;
    for (int32_t i = 0; i < c->n_there && 2 * near < c->n_there; i++)
        near += square(before + 3 * (size_t)c->there[i], x + 3 * (size_t)c->there[i]) <= limit;
    return 2 * near >= c->n_there;
}

bool km_clean_leaps(const km_clean *c, const float *before, const float *x)
{
    if (most_stay(c, before, x)) return false;
    /* both lie on a third frame, where what is long and thin may roll over: one on the other, then */
    const size_t n = (size_t)c->s->n_atoms;
    float *weight = KM_NEWN(float, n), *y = KM_NEWN(float, 3 * n);
    for (int32_t i = 0; i < c->n_there; i++) weight[c->there[i]] = 1;
    double rot[9], from[3], to[3];
    km_superpose(x, before, weight, c->s->n_atoms, rot, from, to);
    km_superpose_apply(x, c->s->n_atoms, rot, from, to, y);
    bool leaps = !most_stay(c, before, y);
    free(weight), free(y);
    return leaps;
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
    bool *bonded = KM_NEWN(bool, (size_t)n *(size_t)n); /* [a, b], a < b */
    km_status status = KM_OK;
    for (int32_t i = 0; i < s->n_bonds; i++) {
        const int32_t a = s->bonds[i].a - r->first_atom, b = s->bonds[i].b - r->first_atom;
        if (a >= 0 && b < n) bonded[(size_t)a * (size_t)n + (size_t)b] = true;
    }
    for (int32_t a = 0; a < n; a++)
        for (int32_t b = a + 1; b < n && status == KM_OK; b++) {
            const int32_t i = r->first_atom + a, j = r->first_atom + b;
            const double d = sqrt((double)square(x + 3 * (size_t)i, x + 3 * (size_t)j));
            const bool linked = bonded[(size_t)a * (size_t)n + (size_t)b];
            if (is_apart(&s->atoms[i], &s->atoms[j], d, linked)) continue;
            char p[40], q[40];
            km_clean_label(s, i, p), km_clean_label(s, j, q);
            status = km_fail(err, KM_NEGATIVE, "%s and %s are %.2f angstrom apart and %sbonded", p, q, d,
                             linked ? "" : "not ");
        }
    free(bonded);
    return status;
}

km_status km_clean_ligands(const km_system *s, const float *x, km_err *err)
{
    for (int32_t r = 0; r < s->n_residues; r++)
        if (s->chains[s->residues[r].chain].mol_type == KM_NONPOLYMER) KM_TRY(check_ligand(s, &s->residues[r], x, err));
    return KM_OK;
}
