/* SPDX-License-Identifier: MIT */
#include "lib/chem/geometry.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/unit/peptide.h"
#include "tests/unit/tap.h"

static void test_dipeptide(void)
{
    float *x, lengths[16];
    km_system *s = peptide_system("tests/data/dipeptide.pdb", NULL, &x);
    km_torsion *torsions;
    km_angle *angles;
    int32_t(*pairs)[2], n = km_chem_torsions(s, &torsions);
    static const struct expected {
        int kind, residue, atoms[4];
    } expected[] = {
        {KM_PSI, 0, {0, 1, 2, 5}}, {KM_PHI, 1, {2, 5, 6, 7}}, {KM_OMEGA, 1, {1, 2, 5, 6}}, {KM_CHI1, 1, {5, 6, 9, 10}}};
    bool good = n == 4;
    for (int i = 0; i < 4 && good; i++) {
        good = torsions[i].kind == expected[i].kind && torsions[i].residue == expected[i].residue;
        for (int k = 0; k < 4; k++) good = good && torsions[i].atoms[k] == expected[i].atoms[k];
    }
    ok(good, "psi, phi, omega, chi1 of a dipeptide");
    const int32_t *w = torsions[2].atoms;
    double omega = km_chem_dihedral(x + 3 * w[0], x + 3 * w[1], x + 3 * w[2], x + 3 * w[3]);
    ok(fabs(omega) > 2.6, "omega is trans (%.2f)", omega);
    km_chem_bonds_ideal(s, lengths);
    bool near = true;
    for (int i = 0; i < s->n_bonds; i++) {
        const float *p = x + 3 * s->bonds[i].a, *q = x + 3 * s->bonds[i].b;
        near = near && fabs(hypot(hypot((double)p[0] - q[0], (double)p[1] - q[1]), (double)p[2] - q[2]) -
                            (double)lengths[i]) < 0.12;
        if (s->bonds[i].a == 2 && s->bonds[i].b == 5) ok(lengths[i] == 1.329f, "the peptide bond");
    }
    ok(near, "the bonds of a real frame are near the ideal ones");
    int32_t n_angles = km_chem_angles(s, &angles);
    bool known = true;
    for (int i = 0; i < n_angles; i++) known = known && angles[i].ideal > 1.7f && angles[i].ideal < 2.3f;
    ok(n_angles == 12 && known, "12 angles, all known");
    ok(km_chem_chirality(s, 0, x) == 1 && km_chem_chirality(s, 1, x) == 1, "L amino acids");
    for (int i = 0; i < s->n_atoms; i++) x[3 * i] = -x[3 * i];
    ok(km_chem_chirality(s, 0, x) == -1, "a mirror image is D");
    int64_t n_pairs = km_chem_pairs_beyond(s, 3, &pairs), brute = 0;
    int far[11][11]; /* Floyd and Warshall */
    for (int a = 0; a < 11; a++)
        for (int b = 0; b < 11; b++) far[a][b] = a == b ? 0 : 100;
    for (int i = 0; i < s->n_bonds; i++) far[s->bonds[i].a][s->bonds[i].b] = far[s->bonds[i].b][s->bonds[i].a] = 1;
    for (int k = 0; k < 11; k++)
        for (int a = 0; a < 11; a++)
            for (int b = 0; b < 11; b++)
                if (far[a][k] + far[k][b] < far[a][b]) far[a][b] = far[a][k] + far[k][b];
    bool same = true;
    for (int a = 0; a < 11; a++)
        for (int b = a + 1; b < 11; b++) brute += far[a][b] > 3;
    for (int64_t i = 0; i < n_pairs; i++) same = same && pairs[i][0] < pairs[i][1] && far[pairs[i][0]][pairs[i][1]] > 3;
    ok(n_pairs == brute && same, "pairs beyond three bonds");
    free(pairs), free(torsions), free(angles), free(x);
    km_system_free(s);
}

static void test_all_residues(void)
{
    static const struct row {
        char letter;
        int chis;
    } rows[] = {{'S', 1}, {'W', 2}, {'T', 1}, {'E', 3}, {'N', 2}, {'G', 0}, {'K', 4}};
    float *x;
    km_system *s = peptide_system("tests/data/features-peptide.pdb", NULL, &x);
    km_torsion *torsions;
    int32_t n = km_chem_torsions(s, &torsions), chis = 0, wanted = 0;
    for (int i = 0; i < n; i++) chis += torsions[i].kind >= KM_CHI1;
    for (const char *p = "SWTWENGKWTWK"; *p; p++)
        for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) wanted += rows[k].letter == *p ? rows[k].chis : 0;
    ok(n - chis == 33 && chis == wanted, "torsions of a longer peptide: %d side-chain ones", chis);
    bool all_l = true;
    for (int r = 0; r < s->n_residues; r++)
        all_l = all_l && km_chem_chirality(s, r, x) == (r == 6 ? 0 : 1);
    ok(all_l, "the dictionary's amino acids are L, glycine is none");
    free(torsions), free(x);
    km_system_free(s);
}

/* The ideal length of a bond between two residues of these names. */
static float link_length(const char *residue_a, const char *a, const char *residue_b, const char *b)
{
    const char *residues[2] = {residue_a, residue_b}, *atoms[2] = {a, b};
    km_system *s = km_system_new();
    float length;
    s->n_atoms = s->n_residues = 2, s->n_chains = s->n_bonds = 1;
    s->atoms = KM_NEWN(km_atom, 2), s->residues = KM_NEWN(km_residue, 2), s->chains = KM_NEW(km_chain),
    s->bonds = KM_NEW(km_bond);
    for (int i = 0; i < 2; i++) {
        s->residues[i] = (km_residue){.first_atom = i, .n_atoms = 1};
        s->atoms[i].residue = i;
        strcpy(s->residues[i].name, residues[i]);
        strcpy(s->atoms[i].name, atoms[i]);
    }
    *s->bonds = (km_bond){0, 1, KM_BOND_SINGLE};
    km_chem_bonds_ideal(s, &length);
    km_system_free(s);
    return length;
}

static void test_links(void)
{
    ok(link_length("ALA", "C", "GLY", "N") == 1.329f && link_length("ALA", "C", "PRO", "N") == 1.341f &&
           link_length("PRO", "C", "ALA", "N") == 1.329f && link_length("PRO", "N", "ALA", "C") == 1.341f,
       "peptide bonds, to proline longer, in either order");
    ok(link_length("CYS", "SG", "CYS", "SG") == 2.033f, "a disulfide bond");
    ok(link_length("DA", "O3'", "DT", "P") == 1.607f && link_length("DT", "P", "DA", "O3'") == 1.607f,
       "a nucleic acid's link");
    ok(isnan(link_length("LYS", "NZ", "ASP", "CG")), "a link of which nothing is known");
}

static void test_dihedral(void)
{
    const float a[3] = {1, 0, 0}, b[3] = {0, 0, 0}, c[3] = {0, 0, 1}, d[3] = {0, 1, 1}, e[3] = {-1, 0, 1};
    ok(fabs(fabs(km_chem_dihedral(a, b, c, d)) - M_PI / 2) < 1e-12, "a right angle");
    ok(km_chem_dihedral(a, b, c, d) > 0, "clockwise, looking along the middle bond, is positive");
    ok(fabs(fabs(km_chem_dihedral(a, b, c, e)) - M_PI) < 1e-12, "trans is pi");
    ok(km_chem_dihedral(a, b, b, e) == 0, "nothing defined is 0");
}

int main(void)
{
    test_dipeptide();
    test_all_residues();
    test_links();
    test_dihedral();
    return tap_end();
}
