/* SPDX-License-Identifier: MIT */
#include "lib/traj/sound.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/chem/geometry.h"
#include "lib/chem/residues.h"
#include "lib/traj/dssp.h"
#include "lib/traj/sasa.h"

static const double degree = 180 / 3.14159265358979323846;

typedef struct bond {
    int32_t a, b;
    double ideal;
} bond;

typedef struct angle {
    int32_t atoms[3];
    double ideal; /* degrees */
} angle;

typedef struct link {
    int32_t ca[2], c, n; /* of neighbours in a segment; -1 where one is missing */
    int32_t chain;
    bool proline; /* the second */
} link;

typedef struct hand {
    int32_t atoms[4]; /* the centre and its neighbours: positive their triple product in the dictionary */
} hand;

struct km_sound {
    const km_system *s;
    km_backbone backbone;
    hand *hands;
    int32_t n_hands;
    int32_t *ca; /* [R] or -1 */
    bond *bonds;
    angle *angles;
    link *links;
    int32_t n_bonds, n_angles, n_links;
    int32_t *near, *first; /* atoms at most 3 bonds from each: near[first[a]] ... near[first[a + 1] - 1] */
    double widest;         /* distance at which atoms can clash */
};

static int32_t atom_of(const km_system *s, int32_t residue, const char *name)
{
    const km_residue *r = &s->residues[residue];
    for (int32_t a = r->first_atom; a < r->first_atom + r->n_atoms; a++)
        if (!strcmp(s->atoms[a].name, name)) return a;
    return -1;
}

/* -- what to ask about */

static void add_bond(km_sound *c, int32_t a, int32_t b, double ideal)
{
    if (a < 0 || b < 0) return;
    c->bonds = km_realloc(c->bonds, (size_t)(c->n_bonds + 1) * sizeof *c->bonds);
    c->bonds[c->n_bonds++] = (bond){a, b, ideal};
}

static void add_angle(km_sound *c, int32_t a, int32_t b, int32_t d, double ideal)
{
    c->angles = km_realloc(c->angles, (size_t)(c->n_angles + 1) * sizeof *c->angles);
    c->angles[c->n_angles++] = (angle){{a, b, d}, ideal};
}

/* Bonds and angles within a residue, as its component draws them. */
static void add_residue(km_sound *c, int32_t residue)
{
    const km_component *comp = km_chem_component(c->s->residues[residue].name);
    add_bond(c, atom_of(c->s, residue, "C"), atom_of(c->s, residue, "OXT"), 1.25);
    for (int i = 0; comp && i < comp->n_bonds; i++) {
        const km_component_bond *p = &comp->bonds[i];
        const km_component_atom *atoms = comp->atoms;
        int32_t a = atom_of(c->s, residue, atoms[p->a].name), b = atom_of(c->s, residue, atoms[p->b].name);
        add_bond(c, a, b, km_chem_distance(atoms[p->a].pos, atoms[p->b].pos));
        for (int j = 0; j < i; j++) { /* two bonds that share an atom */
            const km_component_bond *q = &comp->bonds[j];
            int at = p->a == q->a || p->a == q->b ? p->a : p->b == q->a || p->b == q->b ? p->b : -1;
            if (at < 0) continue;
            int one = p->a == at ? p->b : p->a, other = q->a == at ? q->b : q->a;
            int32_t x = atom_of(c->s, residue, atoms[one].name), v = atom_of(c->s, residue, atoms[at].name),
                    y = atom_of(c->s, residue, atoms[other].name);
            if (x >= 0 && v >= 0 && y >= 0)
                add_angle(c, x, v, y, km_chem_angle(atoms[one].pos, atoms[at].pos, atoms[other].pos) * degree);
        }
    }
}

static double triple(const float *c, const float *x, const float *y, const float *z)
{
    double u[3], v[3], w[3];
    for (int k = 0; k < 3; k++) u[k] = (double)x[k] - c[k], v[k] = (double)y[k] - c[k], w[k] = (double)z[k] - c[k];
    return u[0] * (v[1] * w[2] - v[2] * w[1]) + u[1] * (v[2] * w[0] - v[0] * w[2]) + u[2] * (v[0] * w[1] - v[1] * w[0]);
}

/* The chiral centre of a side chain, where the residue has one. */
static void add_hand(km_sound *c, int32_t residue)
{
    static const char *const ile[4] = {"CB", "CA", "CG1", "CG2"}, *const thr[4] = {"CB", "CA", "OG1", "CG2"};
    const char *name = c->s->residues[residue].name, *const *names = !strcmp(name, "ILE") ? ile : thr;
    if (strcmp(name, "ILE") && strcmp(name, "THR")) return;
    const km_component *comp = km_chem_component(name);
    const float *ideal[4];
    hand h;
    for (int i = 0; i < 4; i++) {
        h.atoms[i] = atom_of(c->s, residue, names[i]);
        if (h.atoms[i] < 0) return;
        ideal[i] = comp->atoms[km_chem_component_atom(comp, names[i])].pos;
    }
    if (triple(ideal[0], ideal[1], ideal[2], ideal[3]) < 0) {
        int32_t last = h.atoms[3];
        h.atoms[3] = h.atoms[2], h.atoms[2] = last;
    }
    c->hands = km_realloc(c->hands, (size_t)(c->n_hands + 1) * sizeof *c->hands);
    c->hands[c->n_hands++] = h;
}

static void add_link(km_sound *c, int32_t residue)
{
    const km_residue *r = &c->s->residues[residue], *next = r + 1;
    if (next->chain != r->chain || next->number - r->number > 1 || next->number < r->number) return;
    link l = {{c->ca[residue], c->ca[residue + 1]},
              atom_of(c->s, residue, "C"),
              atom_of(c->s, residue + 1, "N"),
              r->chain,
              !strcmp(next->name, "PRO")};
    c->links = km_realloc(c->links, (size_t)(c->n_links + 1) * sizeof *c->links);
    c->links[c->n_links++] = l;
    add_bond(c, l.c, l.n, l.proline ? 1.341 : KM_PEPTIDE_BOND);
}

/* Who is at most three bonds from whom. */
static void find_near(km_sound *c)
{
    enum { MOST = 256 };
    int32_t A = c->s->n_atoms, room = 0, n = 0;
    int32_t *to = KM_NEWN(int32_t, 2 * (size_t)c->n_bonds + 1);
    int32_t *start = KM_NEWN(int32_t, (size_t)A + 2);
    for (int32_t i = 0; i < c->n_bonds; i++) start[c->bonds[i].a + 2]++, start[c->bonds[i].b + 2]++;
    for (int32_t a = 0; a < A; a++) start[a + 2] += start[a + 1];
    for (int32_t i = 0; i < c->n_bonds; i++) {
        to[start[c->bonds[i].a + 1]++] = c->bonds[i].b;
        to[start[c->bonds[i].b + 1]++] = c->bonds[i].a;
    }
    c->first = KM_NEWN(int32_t, (size_t)A + 1);
    for (int32_t a = 0; a < A; a++) {
        int32_t found[MOST] = {a}, count = 1;
        for (int step = 0, from = 0; step < 3; step++) {
            int end = count;
            for (; from < end; from++)
                for (int32_t k = start[found[from]]; k < start[found[from] + 1]; k++) {
                    int seen = 0;
                    while (seen < count && found[seen] != to[k]) seen++;
                    if (seen == count && count < MOST) found[count++] = to[k];
                }
        }
        if (n + count > room) c->near = km_realloc(c->near, (size_t)(room = 2 * (n + count)) * sizeof *c->near);
        memcpy(c->near + n, found, (size_t)count * sizeof *found);
        n += count, c->first[a + 1] = n;
    }
    free(to), free(start);
}

km_sound *km_sound_new(const km_system *s)
{
    km_sound *c = KM_NEW(km_sound);
    c->s = s, c->ca = KM_NEWN(int32_t, (size_t)s->n_residues);
    for (int32_t r = 0; r < s->n_residues; r++) c->ca[r] = atom_of(s, r, "CA");
    for (int32_t r = 0; r < s->n_residues; r++) add_residue(c, r), add_hand(c, r);
    c->backbone = km_backbone_of(s);
    for (int32_t r = 0; r + 1 < s->n_residues; r++) add_link(c, r);
    for (int32_t a = 0; a < s->n_atoms; a++) c->widest = fmax(c->widest, 2 * km_sasa_radius(s->atoms[a].element) - 0.4);
    find_near(c);
    return c;
}

void km_sound_free(km_sound *c)
{
    if (!c) return;
    km_backbone_clear(&c->backbone);
    free(c->hands), free(c->ca), free(c->bonds), free(c->angles), free(c->links), free(c->near), free(c->first);
    free(c);
}

/* -- a frame */

static double between(const float *x, int32_t a, int32_t b) { return km_chem_distance(x + 3 * a, x + 3 * b); }

static double share(double count, double n) { return n > 0 ? count / n : NAN; }

/* What is wrong with each chain (and with the whole: the last of n_chains + 1). */
typedef struct wrong {
    bool ca, bioemu;
} wrong;

static void ask_ca(const km_sound *c, const float *x, km_soundness *ret, wrong *w)
{
    const km_system *s = c->s;
    double pairs = 0, clashes = 0, close = 0;
    for (int32_t i = 0; i < s->n_residues; i++)
        for (int32_t j = i + 1; j < s->n_residues; j++) {
            if (c->ca[i] < 0 || c->ca[j] < 0) continue;
            double d = between(x, c->ca[i], c->ca[j]);
            pairs++, clashes += d < 3.0, close += d < 1.5;
            if (d < 3.0 && s->residues[i].chain == s->residues[j].chain) w[s->residues[i].chain].ca = true;
        }
    ret->clash_rate = share(clashes, pairs);
    ret->val_clash = clashes == 0, ret->frame_clash = close == 0;
    w[s->n_chains].ca |= clashes > 0;
}

static void ask_links(const km_sound *c, const float *x, km_soundness *ret, wrong *w)
{
    double ca = 0, breaks = 0, cn = 0, pep = 0, far_ca = 0, far_cn = 0, twists = 0, omegas = 0, cis = 0,
           not_proline = 0;
    for (const link *l = c->links; l < c->links + c->n_links; l++) {
        bool both = l->ca[0] >= 0 && l->ca[1] >= 0, bonded = l->c >= 0 && l->n >= 0;
        double d = both ? between(x, l->ca[0], l->ca[1]) : 0, e = bonded ? between(x, l->c, l->n) : 0;
        ca += both, breaks += d > 4.2, far_ca += d >= 4.5;
        cn += bonded, pep += e > 1.4, far_cn += e >= 2.0;
        if (d > 4.2) w[l->chain].ca = w[c->s->n_chains].ca = true;
        if (d >= 4.5 || e >= 2.0) w[l->chain].bioemu = true;
        if (!both || !bonded) continue;
        double omega = fabs(km_chem_dihedral(x + 3 * l->ca[0], x + 3 * l->c, x + 3 * l->n, x + 3 * l->ca[1])) * degree;
        omegas++, twists += omega > 30 && omega < 150;
        not_proline += !l->proline, cis += !l->proline && omega < 90;
    }
    ret->break_rate = share(breaks, ca), ret->val_break = breaks == 0, ret->pep_break = share(pep, cn);
    ret->bioemu_ca = far_ca == 0, ret->bioemu_cn = far_cn == 0;
    ret->twist_share = share(twists, omegas), ret->cis_share = share(cis, not_proline);
}

static bool are_near(const km_sound *c, int32_t a, int32_t b)
{
    for (int32_t k = c->first[a]; k < c->first[a + 1]; k++)
        if (c->near[k] == b) return true;
    return false;
}

typedef struct along {
    float x; /* first: what atoms are sorted by */
    int32_t atom;
} along;

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* All pairs of atoms that are close, found by a sweep along x. */
static void ask_atoms(const km_sound *c, const float *x, km_soundness *ret, wrong *w)
{
    const km_system *s = c->s;
    along *p = KM_NEWN(along, (size_t)s->n_atoms);
    double clashes = 0;
    bool met = false;
    for (int32_t a = 0; a < s->n_atoms; a++) p[a] = (along){x[3 * a], a};
    qsort(p, (size_t)s->n_atoms, sizeof *p, ascending);
    for (int32_t i = 0; i < s->n_atoms; i++)
        for (int32_t j = i + 1; j < s->n_atoms && p[j].x - p[i].x < c->widest; j++) {
            int32_t a = p[i].atom, b = p[j].atom, ra = s->atoms[a].residue, rb = s->atoms[b].residue;
            double d = between(x, a, b);
            if (d >= c->widest) continue;
            double radii = km_sasa_radius(s->atoms[a].element) + km_sasa_radius(s->atoms[b].element);
            if (d < radii - 0.4 && !are_near(c, a, b)) clashes++;
            bool one_chain = s->residues[ra].chain == s->residues[rb].chain;
            if (d >= 1.0 || (one_chain && abs(ra - rb) <= 2)) continue;
            met = true;
            if (one_chain) w[s->residues[ra].chain].bioemu = true;
        }
    ret->clash_score = share(1000 * clashes, s->n_atoms);
    ret->bioemu_clash = !met;
    free(p);
}

static void ask_dictionary(const km_sound *c, const float *x, km_soundness *ret)
{
    const double far_bond = 0.08, far_angle = 8;
    double bonds = 0, angles = 0, centres = 0, d = 0, long_ = 0, wide = 0, mirrored = 0;
    for (const bond *b = c->bonds; b < c->bonds + c->n_bonds; b++) {
        double gap = fabs(between(x, b->a, b->b) - b->ideal);
        bonds += gap, long_ += gap > far_bond;
    }
    for (const angle *a = c->angles; a < c->angles + c->n_angles; a++) {
        double is = km_chem_angle(x + 3 * a->atoms[0], x + 3 * a->atoms[1], x + 3 * a->atoms[2]) * degree;
        angles += fabs(is - a->ideal), wide += fabs(is - a->ideal) > far_angle;
    }
    for (int32_t r = 0; r < c->s->n_residues; r++) {
        int l = km_chem_chirality(c->s, r, x);
        centres += l != 0, d += l < 0;
    }
    for (const hand *h = c->hands; h < c->hands + c->n_hands; h++)
        mirrored += triple(x + 3 * h->atoms[0], x + 3 * h->atoms[1], x + 3 * h->atoms[2], x + 3 * h->atoms[3]) < 0;
    ret->bond_mad = share(bonds, c->n_bonds), ret->angle_mad = share(angles, c->n_angles);
    ret->bond_far = share(long_, c->n_bonds), ret->angle_far = share(wide, c->n_angles);
    ret->d_share = share(d, centres), ret->side_share = share(mirrored, c->n_hands);
}

static void ask_structure(const km_sound *c, const float *x, km_soundness *ret)
{
    uint8_t *class = KM_NEWN(uint8_t, (size_t)c->backbone.n_residues + 1);
    double helix = 0, strand = 0;
    km_dssp(&c->backbone, x, class);
    for (int32_t r = 0; r < c->backbone.n_residues; r++) helix += class[r] == KM_HELIX, strand += class[r] == KM_STRAND;
    ret->helix_share = share(helix, c->backbone.n), ret->strand_share = share(strand, c->backbone.n);
    ret->ss_share = share(helix + strand, c->backbone.n);
    free(class);
}

void km_sound_frame(const km_sound *c, const float *x, km_soundness *ret)
{
    int32_t n = c->s->n_chains;
    wrong *w = KM_NEWN(wrong, (size_t)n + 1);
    int ca = 0, bioemu = 0;
    ask_ca(c, x, ret, w);
    ask_links(c, x, ret, w);
    ask_atoms(c, x, ret, w);
    ask_dictionary(c, x, ret);
    ask_structure(c, x, ret);
    for (int32_t k = 0; k < n; k++) ca += !w[k].ca, bioemu += !w[k].bioemu;
    ret->val_ca = !w[n].ca, ret->val_ca_chain = share(ca, n);
    ret->bioemu = ret->bioemu_ca && ret->bioemu_cn && ret->bioemu_clash, ret->bioemu_chain = share(bioemu, n);
    free(w);
}

km_soundness km_sound_mean(const km_soundness *frames, int64_t n)
{
    enum { VALUES = sizeof(km_soundness) / sizeof(double) }; /* it is nothing but doubles */
    km_soundness mean;
    double *to = (double *)&mean;
    for (int v = 0; v < VALUES; v++) {
        double sum = 0, count = 0;
        for (int64_t f = 0; f < n; f++) {
            double x = ((const double *)&frames[f])[v];
            if (!isnan(x)) sum += x, count++;
        }
        to[v] = share(sum, count);
    }
    return mean;
}
