/* SPDX-License-Identifier: MIT
 * lib/chem/skeleton.h: drawings of molecules that are the same and that are not. */
#include "lib/chem/skeleton.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/unit/tap.h"

/* Elements a letter each, bonds as pairs of letters "abbc", behind `before` atoms of another chain. */
static uint64_t key_of(const char *elements, const char *bonds, int before)
{
    const int n = (int)strlen(elements), m = (int)strlen(bonds) / 2;
    km_system *s = km_system_new();
    s->n_atoms = n + before, s->n_residues = s->n_chains = 2, s->n_bonds = m + (before > 0);
    s->atoms = KM_NEWN(km_atom, (size_t)s->n_atoms), s->residues = KM_NEWN(km_residue, 2);
    s->chains = KM_NEWN(km_chain, 2), s->bonds = KM_NEWN(km_bond, (size_t)s->n_bonds + 1);
    s->residues[0] = (km_residue){.n_atoms = before};
    s->residues[1] = (km_residue){.chain = 1, .first_atom = before, .n_atoms = n};
    s->chains[0] = (km_chain){.n_residues = 1};
    s->chains[1] = (km_chain){.first_residue = 1, .n_residues = 1};
    for (int i = 0; i < n; i++) s->atoms[before + i].element = elements[i] == 'C' ? 6 : elements[i] == 'N' ? 7 : 8;
    for (int i = 0; i < m; i++)
        s->bonds[i] =
            (km_bond){before + bonds[2 * i] - 'a', before + bonds[2 * i + 1] - 'a', (uint8_t)(2 + before % 3)};
    if (before) s->bonds[m] = (km_bond){0, before, 2}; /* to the other chain */
    const uint64_t key = km_chem_skeleton(s, 1);
    km_system_free(s);
    return key;
}

int main(void)
{
    const uint64_t acetamide = key_of("CCON", "abbcbd", 0);
    ok(acetamide == key_of("NCOC", "badbcb", 0), "the order of atoms and bonds does not count");
    ok(acetamide == key_of("CCON", "abbcbd", 5), "nor do other chains and orders of bonds");
    ok(acetamide != key_of("CCOO", "abbcbd", 0) && acetamide != key_of("CCON", "abbccd", 0), "elements and bonds do");
    ok(key_of("CCCCCC", "abbccddeef", 0) != key_of("CCCCCC", "abbccddeeffa", 0), "a chain is no ring");
    ok(key_of("CCCCCO", "abbccddeeaaf", 0) == key_of("CCCCCO", "abbccddeeadf", 0), "places alike in a ring are one");
    ok(key_of("CCCCCCC", "abbccddeeffabg", 0) != key_of("CCCCCCC", "abbccddeebefcg", 0), "rings of six and four");
    ok(key_of("C", "", 0) != key_of("N", "", 0) && key_of("C", "", 0) != key_of("CC", "ab", 0), "single atoms");
    return tap_end();
}
