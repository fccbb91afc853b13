/* SPDX-License-Identifier: MIT */
#include "lib/chem/aromatic.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/tap.h"

/* A molecule in words: atoms as symbol and hydrogens, bonds as pairs of numbers with - or =; wanted: the aromatic ones.
 * What RDKit 2025.09 says of the same molecules. */
static void check(const char *name, const char *atoms, const char *bonds, const char *wanted)
{
    km_component_atom a[24] = {{{0}}};
    km_component_bond b[30] = {{0}};
    int n = 0, m = 0, used, p, q;
    char symbol[4], kind, got[256] = "";
    unsigned hydrogens;
    for (; sscanf(atoms, " %2[A-Z]%u%n", symbol, &hydrogens, &used) == 2; atoms += used, n++)
        a[n] = (km_component_atom){.element = (uint8_t)km_element_of(symbol), .hydrogens = (uint8_t)hydrogens};
    for (; sscanf(bonds, " %d%1[-=]%d%n", &p, symbol, &q, &used) == 3; bonds += used, m++) {
        kind = symbol[0];
        b[m] = (km_component_bond){(uint16_t)p, (uint16_t)q, kind == '=' ? KM_BOND_DOUBLE : KM_BOND_SINGLE};
    }
    km_chem_find_aromatic(a, n, b, m);
    for (int i = 0; i < m; i++) strcat(got, b[i].type == KM_BOND_AROMATIC ? "a" : ".");
    ok(strcmp(got, wanted) == 0, "%s: %s", name, got);
}

int main(void)
{
    check("benzene", "C1 C1 C1 C1 C1 C1", "0=1 1-2 2=3 3-4 4=5 0-5", "aaaaaa");
    check("cyclohexadiene", "C1 C1 C1 C1 C2 C2", "0=1 1-2 2=3 3-4 4-5 0-5", "......");
    check("cyclooctatetraene", "C1 C1 C1 C1 C1 C1 C1 C1", "0=1 1-2 2=3 3-4 4=5 5-6 6=7 0-7", "........");
    check("pyrrole", "N1 C1 C1 C1 C1", "0-1 1=2 2-3 3=4 0-4", "aaaaa");
    check("cyclopentadiene", "C2 C1 C1 C1 C1", "0-1 1=2 2-3 3=4 0-4", ".....");
    check("thiophene", "S0 C1 C1 C1 C1", "0-1 1=2 2-3 3=4 0-4", "aaaaa");
    check("pyridone", "N1 C0 O0 C1 C1 C1 C1", "0-1 1=2 1-3 3=4 4-5 5=6 0-6", "a.aaaaa");
    check("quinone", "C0 O0 C1 C1 C0 O0 C1 C1", "0=1 0-2 2=3 3-4 4=5 4-6 6=7 0-7", "........");
    check("naphthalene", "C1 C1 C1 C1 C0 C1 C1 C1 C1 C0", "0=1 1-2 2=3 3-4 4=5 5-6 6=7 7-8 8=9 0-9 4-9", "aaaaaaaaaaa");
    check("azulene, whose inner bond is none", "C1 C1 C1 C0 C1 C1 C1 C1 C1 C0",
          "0=1 1-2 2=3 3-4 4=5 5-6 6=7 7-8 8=9 0-9 3-9", "aaaaaaaaaa.");
    check("toluene's methyl", "C1 C1 C1 C1 C1 C0 C3", "0=1 1-2 2=3 3-4 4=5 0-5 5-6", "aaaaaa.");
    check("nothing", "C4", "", "");
    return tap_end();
}
