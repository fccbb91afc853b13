/* SPDX-License-Identifier: MIT */
#include "formats/sdf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/chem/graph.h"
#include "tests/unit/tap.h"

/* Acetate, with one of its hydrogens drawn. */
static const char v2000[] =
    "acetate\n  by hand\n\n"
    "  5  4  0  0  0  0  0  0  0  0999 V2000\n"
    "    0.0000    0.0000    0.1000 C   0  0\n"
    "   -0.5000    0.9000    0.5000 H   0  0\n"
    "    1.5000    0.0000    0.0000 C   0  0\n"
    "    2.1000    1.0500    0.0000 O   0  0\n"
    "    2.1000   -1.1000    0.0000 O   0  5\n"
    "  1  2  1  0\n  1  3  1  0\n  3  4  2  0\n  3  5  1  0\n"
    "M  END\n$$$$\n";
static const char v3000[] =
    "acetate\n  by hand\n\n  0  0  0     0  0            999 V3000\n"
    "M  V30 BEGIN CTAB\nM  V30 COUNTS 5 4 0 0 0\nM  V30 BEGIN ATOM\n"
    "M  V30 1 C 0 0 0.1 0\nM  V30 2 H -0.5 0.9 0.5 0\nM  V30 3 C 1.5 0 -\nM  V30 0 0\nM  V30 4 O 2.1 1.05 0 0\n"
    "M  V30 5 O 2.1 -1.1 0 0 CHG=-1\nM  V30 END ATOM\nM  V30 BEGIN BOND\n"
    "M  V30 1 1 1 2\nM  V30 2 1 1 3\nM  V30 3 2 3 4\nM  V30 4 1 3 5\nM  V30 END BOND\nM  V30 END CTAB\nM  END\n";

static void test_read(const char *text, const char *kind)
{
    km_component *c;
    km_err err = {0};
    if (!ok(km_sdf_parse(text, "x.sdf", &c, &err) == KM_OK, "%s %s", kind, err.msg)) return;
    ok(c->n_atoms == 4 && c->n_bonds == 3 && !strcmp(c->atoms[0].name, "C1") && !strcmp(c->atoms[3].name, "O4"),
       "heavy atoms, named by number");
    ok(c->atoms[0].hydrogens == 3 && c->atoms[1].hydrogens == 0 && c->atoms[2].hydrogens == 0 &&
           c->atoms[3].hydrogens == 0,
       "hydrogens, drawn or not");
    ok(c->atoms[3].charge == -1 && c->atoms[2].charge == 0 && c->atoms[2].pos[1] == 1.05f && !c->unplaced,
       "charges and coordinates");
    ok(c->bonds[0].a == 0 && c->bonds[0].b == 1 && c->bonds[1].type == KM_BOND_DOUBLE &&
           c->bonds[2].type == KM_BOND_SINGLE,
       "bonds");
    free(c);
}

static void refused(const char *from, const char *to, const char *why)
{
    char text[sizeof v2000 + 40];
    const char *at = strstr(v2000, from);
    km_component *c;
    km_err err = {0};
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - v2000), v2000, to, at + strlen(from));
    ok(km_sdf_parse(text, "x.sdf", &c, &err) == KM_INPUT && strstr(err.msg, why) && !c, "%s", err.msg);
}

static void test_damage(const char *whole, const char *kind)
{
    size_t n = strlen(whole);
    int wrong = 0;
    for (size_t at = 0; at < 2 * n; at++) {
        char *text = km_strdup(whole);
        km_component *c;
        km_err err = {0};
        if (at < n) text[at] = '\0';
        else text[at - n] ^= (char)(1 << at % 7);
        km_status status = km_sdf_parse(text, "x.sdf", &c, &err);
        wrong += status == KM_OK ? c->n_atoms < 1 : status != KM_INPUT || !err.msg[0];
        free(c);
        free(text);
    }
    ok(wrong == 0, "%s, cut and damaged at every byte", kind);
}

static void test_match(void)
{
    km_component *c;
    km_err err = {0};
    int found[4];
    if (km_sdf_parse(v2000, "x", &c, &err) < 0) return;
    const int elements[] = {8, 6, 8, 6}, other[] = {8, 6, 7, 6};
    const float x[] = {2.1f, 1.05f, 5, 0, 0, 5.1f, 2.1f, -1.1f, 5, 1.5f, 0, 5};
    float far[12];
    ok(km_chem_match_graph(c, elements, x, 4, found) && found[0] == 1 && found[1] == 3 && found[2] + found[3] == 2,
       "atoms in another order are found");
    ok(!km_chem_match_graph(c, other, x, 4, found) && !km_chem_match_graph(c, elements, x, 3, found),
       "other atoms are not");
    memcpy(far, x, sizeof far);
    far[0] = 9;
    ok(!km_chem_match_graph(c, elements, far, 4, found), "nor other bonds");
    free(c);
}

int main(void)
{
    test_read(v2000, "V2000");
    test_read(v3000, "V3000");
    refused("V2000", "V1000", "line 4: neither V2000 nor V3000");
    refused("  5  4", "  0  0", "line 4: no counts");
    refused(" C   0  0\n   -0.5", " Qq  0  0\n   -0.5", "line 5: an atom of no element");
    refused("  3  5  1", "  3  6  1", "line 13: a bond of atoms that there are not");
    refused("1.5000", "   nan", "line 7: an atom without coordinates");
    refused("M  END", "M  CHG  1   9   1\nM  END", "line 14: not a charge");
    test_damage(v2000, "V2000");
    test_damage(v3000, "V3000");
    test_match();
    return tap_end();
}
