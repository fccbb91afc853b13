/* SPDX-License-Identifier: MIT */
#include "lib/traj/common.h"

#include <string.h>

#include "tests/unit/peptide.h"
#include "tests/unit/tap.h"

static void rename_to(km_name name, const char *to)
{
    memset(name, 0, sizeof(km_name));
    memcpy(name, to, strlen(to));
}

int main(void)
{
    km_system *a = peptide_system("tests/data/dipeptide.pdb", NULL, NULL), *b = km_system_copy(a);
    km_common c;
    int32_t A = a->n_atoms;
    km_common_find(a, b, &c);
    bool straight = c.n == A && c.by == KM_BY_NAMES && !c.lost_a && !c.lost_b && !*c.list_a;
    for (int32_t i = 0; i < c.n; i++) straight &= c.a[i] == i && c.b[i] == i;
    ok(straight, "a system and itself");
    km_common_clear(&c);

    rename_to(b->atoms[2].name, b->atoms[1].name); /* one twice, one never */
    km_common_find(a, b, &c);
    ok(c.n == A - 1 && c.lost_a == 1 && c.lost_b == 1 && strstr(c.list_a, a->atoms[2].name) && c.b[1] == 1,
       "of several alike the first: '%s' and '%s' are lost", c.list_a, c.list_b);
    km_common_clear(&c);

    km_system_free(b), b = km_system_copy(a);
    rename_to(b->chains[0].name, "X");
    km_common_find(a, b, &c);
    ok(c.n == A && c.by == KM_BY_CHAIN_PLACE, "a chain of another name");
    km_common_clear(&c);
    for (int32_t r = 0; r < b->n_residues; r++) b->residues[r].number += 100;
    km_common_find(a, b, &c);
    ok(c.n == A && c.by == KM_BY_PLACE, "and residues of other numbers");
    km_common_clear(&c);
    for (int32_t r = 0; r < b->n_residues; r++) rename_to(b->residues[r].name, "TRP");
    km_common_find(a, b, &c);
    ok(c.n == 0 && c.lost_a == A && c.lost_b == A && strstr(c.list_b, "..."), "another molecule has nothing in common");
    km_common_clear(&c);
    km_system_free(a), km_system_free(b);
    return tap_end();
}
