/* SPDX-License-Identifier: MIT */
#include "lib/chem/geometry.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/chem/residues.h"

/* Side-chain torsions, IUPAC-IUB 1970: chi k is the k-th group of four in the row. */
static const struct chi_row {
    const char *residue, *atoms; /* successive atoms of the chain of torsions */
} chi_rows[] = {
    {"ARG", "N CA CB CG CD NE CZ NH1"}, {"ASN", "N CA CB CG OD1"}, {"ASP", "N CA CB CG OD1"}, {"CYS", "N CA CB SG"},
    {"GLN", "N CA CB CG CD OE1"}, {"GLU", "N CA CB CG CD OE1"}, {"HIS", "N CA CB CG ND1"}, {"ILE", "N CA CB CG1 CD1"},
    {"LEU", "N CA CB CG CD1"}, {"LYS", "N CA CB CG CD CE NZ"}, {"MET", "N CA CB CG SD CE"}, {"PHE", "N CA CB CG CD1"},
    {"PRO", "N CA CB CG CD"}, {"SER", "N CA CB OG"}, {"THR", "N CA CB OG1"}, {"TRP", "N CA CB CG CD1"},
    {"TYR", "N CA CB CG CD1"}, {"VAL", "N CA CB CG1"},
};

static int32_t find_atom(const km_system *s, int32_t residue, const char *name, size_t n)
{
    const km_residue *r = &s->residues[residue];
    for (int32_t i = r->first_atom; i < r->first_atom + r->n_atoms; i++)
        if (strlen(s->atoms[i].name) == n && strncmp(s->atoms[i].name, name, n) == 0) return i;
    return -1;
}

static bool is_protein(const km_system *s, int32_t residue)
{
    return s->chains[s->residues[residue].chain].mol_type == KM_PROTEIN;
}

static bool are_neighbours(const km_system *s, int32_t before, int32_t after)
{
    return before >= 0 && after < s->n_residues && s->residues[before].chain == s->residues[after].chain &&
           s->residues[after].index == s->residues[before].index + 1;
}

static void put(km_torsion *list, int32_t *n, int32_t residue, int kind, int32_t a, int32_t b, int32_t c, int32_t d)
{
    if (a < 0 || b < 0 || c < 0 || d < 0) return;
    list[(*n)++] = (km_torsion){{a, b, c, d}, residue, (uint8_t)kind};
}

static void put_chis(const km_system *s, int32_t residue, km_torsion *list, int32_t *n)
{
    for (size_t k = 0; k < sizeof chi_rows / sizeof chi_rows[0]; k++) {
        if (strcmp(chi_rows[k].residue, s->residues[residue].name) != 0) continue;
        int32_t at[8];
        int count = 0;
        for (const char *p = chi_rows[k].atoms; *p; p += strspn(p, " ")) {
            size_t len = strcspn(p, " ");
            at[count++] = find_atom(s, residue, p, len);
            p += len;
        }
        for (int i = 0; i + 3 < count; i++) put(list, n, residue, KM_CHI1 + i, at[i], at[i + 1], at[i + 2], at[i + 3]);
    }
}

int32_t km_chem_torsions(const km_system *s, km_torsion **ret)
{
    km_torsion *list = KM_NEWN(km_torsion, (size_t)s->n_residues * KM_TORSION_KINDS + 1);
    int32_t n = 0;
    for (int32_t r = 0; r < s->n_residues; r++) {
        if (!is_protein(s, r)) continue;
        int32_t at_n = find_atom(s, r, "N", 1), at_ca = find_atom(s, r, "CA", 2), at_c = find_atom(s, r, "C", 1);
        bool has_before = are_neighbours(s, r - 1, r), has_after = are_neighbours(s, r, r + 1);
        if (has_before) put(list, &n, r, KM_PHI, find_atom(s, r - 1, "C", 1), at_n, at_ca, at_c);
        if (has_after) put(list, &n, r, KM_PSI, at_n, at_ca, at_c, find_atom(s, r + 1, "N", 1));
        if (has_before)
            put(list, &n, r, KM_OMEGA, find_atom(s, r - 1, "CA", 2), find_atom(s, r - 1, "C", 1), at_n, at_ca);
        put_chis(s, r, list, &n);
    }
    *ret = list;
    return n;
}

const char *km_chem_torsion_name(int kind)
{
    static const char *const names[KM_TORSION_KINDS] = {"phi", "psi", "omega", "chi1", "chi2", "chi3", "chi4", "chi5"};
    KM_ASSERT(kind >= 0 && kind < KM_TORSION_KINDS);
    return names[kind];
}

static void cross(const double a[3], const double b[3], double out[3])
{
    for (int k = 0; k < 3; k++) out[k] = a[(k + 1) % 3] * b[(k + 2) % 3] - a[(k + 2) % 3] * b[(k + 1) % 3];
}

static double dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void minus(const float *a, const float *b, double out[3])
{
    for (int k = 0; k < 3; k++) out[k] = (double)a[k] - b[k];
}

double km_chem_dihedral(const float *a, const float *b, const float *c, const float *d)
{
    double u[3], v[3], w[3], p[3], q[3];
    minus(b, a, u), minus(c, b, v), minus(d, c, w);
    cross(u, v, p), cross(v, w, q);
    return atan2(sqrt(dot(v, v)) * dot(u, q), dot(p, q));
}

double km_chem_angle(const float *a, const float *b, const float *c)
{
    double u[3], v[3], n[3];
    minus(a, b, u), minus(c, b, v), cross(u, v, n);
    return atan2(sqrt(dot(n, n)), dot(u, v));
}

double km_chem_distance(const float *a, const float *b)
{
    double d[3];
    minus(b, a, d);
    return sqrt(dot(d, d));
}

static const km_component *component_of(const km_system *s, int32_t atom)
{
    return km_chem_component(s->residues[s->atoms[atom].residue].name);
}

static bool named(const km_system *s, int32_t atom, const char *name)
{
    return strcmp(s->atoms[atom].name, name) == 0;
}

void km_chem_bonds_ideal(const km_system *s, float *lengths)
{
    for (int32_t i = 0; i < s->n_bonds; i++) {
        int32_t a = s->bonds[i].a, b = s->bonds[i].b;
        double v[3];
        lengths[i] = NAN;
        if (s->atoms[a].residue == s->atoms[b].residue) {
            if (!component_of(s, a)) continue;
            minus(s->atoms[a].ref_pos, s->atoms[b].ref_pos, v);
            lengths[i] = (float)sqrt(dot(v, v));
        } else if ((named(s, a, "C") && named(s, b, "N")) || (named(s, a, "N") && named(s, b, "C"))) {
            int32_t n = named(s, a, "N") ? a : b;
            lengths[i] = strcmp(s->residues[s->atoms[n].residue].name, "PRO") == 0 ? 1.341f : KM_PEPTIDE_BOND;
        } else if (named(s, a, "SG") && named(s, b, "SG")) {
            lengths[i] = KM_DISULFIDE_BOND;
        } else if ((named(s, a, "O3'") && named(s, b, "P")) || (named(s, a, "P") && named(s, b, "O3'"))) {
            lengths[i] = KM_PHOSPHATE_BOND;
        }
    }
}

/* Angles at a link, degrees, by the names of the three atoms; the residue that the vertex or the N belongs to may
 * change it. */
static float link_angle(const km_system *s, int32_t a, int32_t vertex, int32_t c)
{
    static const struct row {
        const char *ends[2], *vertex;
        float plain, gly, pro; /* gly: the vertex's residue is glycine; pro: N is proline's */
    } rows[] = {
        {{"CA", "N"}, "C", 116.2f, 116.4f, 116.9f}, {{"O", "N"}, "C", 123.0f, 123.0f, 122.0f},
        {{"C", "CA"}, "N", 121.7f, 120.6f, 122.6f}, {{"C", "CD"}, "N", 125.0f, 125.0f, 125.0f},
        {{"CB", "SG"}, "SG", 103.8f, 103.8f, 103.8f},
        {{"C3'", "P"}, "O3'", 119.7f, 119.7f, 119.7f}, {{"O3'", "O5'"}, "P", 104.0f, 104.0f, 104.0f},
        {{"O3'", "OP1"}, "P", 108.0f, 108.0f, 108.0f}, {{"O3'", "OP2"}, "P", 108.0f, 108.0f, 108.0f},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *r = &rows[i];
        bool forward = named(s, a, r->ends[0]) && named(s, c, r->ends[1]);
        bool backward = named(s, c, r->ends[0]) && named(s, a, r->ends[1]);
        if (!named(s, vertex, r->vertex) || (!forward && !backward)) continue;
        int32_t n = named(s, vertex, "N") ? vertex : named(s, a, "N") ? a : c;
        if (named(s, n, "N") && strcmp(s->residues[s->atoms[n].residue].name, "PRO") == 0) return r->pro;
        return strcmp(s->residues[s->atoms[vertex].residue].name, "GLY") == 0 ? r->gly : r->plain;
    }
    return NAN;
}

/* Neighbours of every atom: list[start[i]] ... list[start[i + 1] - 1]. */
static void neighbours(const km_system *s, int32_t **ret_start, int32_t **ret_list)
{
    int32_t *start = KM_NEWN(int32_t, (size_t)s->n_atoms + 2), *list = KM_NEWN(int32_t, 2 * (size_t)s->n_bonds + 1);
    for (int32_t i = 0; i < s->n_bonds; i++) start[s->bonds[i].a + 2]++, start[s->bonds[i].b + 2]++;
    for (int32_t i = 2; i < s->n_atoms + 2; i++) start[i] += start[i - 1];
    for (int32_t i = 0; i < s->n_bonds; i++) {
        list[start[s->bonds[i].a + 1]++] = s->bonds[i].b;
        list[start[s->bonds[i].b + 1]++] = s->bonds[i].a;
    }
    *ret_start = start;
    *ret_list = list;
}

int32_t km_chem_angles(const km_system *s, km_angle **ret)
{
    int32_t *start, *list, n = 0;
    int64_t room = 1;
    neighbours(s, &start, &list);
    for (int32_t v = 0; v < s->n_atoms; v++) {
        int64_t degree = start[v + 1] - start[v];
        room += degree * (degree - 1) / 2;
    }
    km_angle *angles = KM_NEWN(km_angle, (size_t)room);
    for (int32_t v = 0; v < s->n_atoms; v++)
        for (int32_t i = start[v]; i < start[v + 1]; i++)
            for (int32_t k = i + 1; k < start[v + 1]; k++) {
                int32_t a = list[i], c = list[k], r = s->atoms[v].residue;
                float ideal = NAN;
                if (s->atoms[a].residue != r || s->atoms[c].residue != r)
                    ideal = link_angle(s, a, v, c) * (float)(M_PI / 180);
                else if (component_of(s, v))
                    ideal = (float)km_chem_angle(s->atoms[a].ref_pos, s->atoms[v].ref_pos, s->atoms[c].ref_pos);
                angles[n++] = (km_angle){{a, v, c}, ideal};
            }
    free(start);
    free(list);
    *ret = angles;
    return n;
}

int km_chem_chirality(const km_system *s, int32_t residue, const float *coords)
{
    if (!is_protein(s, residue)) return 0;
    int32_t n = find_atom(s, residue, "N", 1), ca = find_atom(s, residue, "CA", 2), c = find_atom(s, residue, "C", 1),
            cb = find_atom(s, residue, "CB", 2);
    if (n < 0 || ca < 0 || c < 0 || cb < 0) return 0;
    double u[3], v[3], w[3], normal[3];
    minus(coords + (size_t)n * 3, coords + (size_t)ca * 3, u);
    minus(coords + (size_t)c * 3, coords + (size_t)ca * 3, v);
    minus(coords + (size_t)cb * 3, coords + (size_t)ca * 3, w);
    cross(v, w, normal);
    return dot(u, normal) > 0 ? 1 : -1;
}

int64_t km_chem_pairs_beyond(const km_system *s, int bonds, int32_t (**ret)[2])
{
    int32_t *start, *list, *queue = KM_NEWN(int32_t, (size_t)s->n_atoms + 1),
                           *far = KM_NEWN(int32_t, (size_t)s->n_atoms + 1);
    neighbours(s, &start, &list);
    int64_t n = 0, room = (int64_t)s->n_atoms * (s->n_atoms - 1) / 2;
    int32_t(*pairs)[2] = km_alloc((size_t)(room + 1) * sizeof *pairs);
    for (int32_t a = 0; a < s->n_atoms; a++) {
        for (int32_t i = 0; i < s->n_atoms; i++) far[i] = -1;
        int32_t head = 0, tail = 0;
        far[queue[tail++] = a] = 0;
        while (head < tail) {
            int32_t at = queue[head++];
            for (int32_t i = start[at]; i < start[at + 1] && far[at] < bonds; i++)
                if (far[list[i]] < 0) far[queue[tail++] = list[i]] = far[at] + 1;
        }
        for (int32_t b = a + 1; b < s->n_atoms; b++)
            if (far[b] < 0) pairs[n][0] = a, pairs[n][1] = b, n++;
    }
    free(start), free(list), free(queue), free(far);
    *ret = pairs;
    return n;
}
