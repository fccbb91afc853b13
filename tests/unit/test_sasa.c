/* SPDX-License-Identifier: MIT */
#include "lib/traj/sasa.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/mem.h"
#include "tests/unit/second.h"
#include "tests/unit/tap.h"

int main(void)
{
    const float two[6] = {0, 0, 0, 20, 0, 0};
    const uint8_t carbons[2] = {6, 6};
    double area[2], total = 0, sphere = 4 * acos(-1) * 3.1 * 3.1;
    km_sasa(two, carbons, 2, 1.4, area);
    ok(fabs(area[0] - sphere) < 1e-9 && fabs(area[1] - sphere) < 1e-9, "spheres apart are whole");
    km_sasa((float[6]){0}, (uint8_t[2]){6, 8}, 2, 1.4, area);
    ok(fabs(area[0] - sphere) < 1e-9 && area[1] == 0, "the smaller of two in one place is hidden");
    km_structure *s = second_start();
    const km_system *sys = s->system;
    uint8_t *elements = KM_NEWN(uint8_t, (size_t)sys->n_atoms);
    double *atoms = KM_NEWN(double, (size_t)sys->n_atoms);
    for (int32_t a = 0; a < sys->n_atoms; a++) elements[a] = sys->atoms[a].element;
    km_sasa(s->coords, elements, sys->n_atoms, 2.8, atoms);
    for (int32_t r = 0; r < sys->n_residues; r++) {
        char key[32];
        double sum = 0;
        for (int32_t a = 0; a < sys->residues[r].n_atoms; a++) sum += atoms[sys->residues[r].first_atom + a] / 100;
        snprintf(key, sizeof key, "sasa.%d", r);
        second_check(key, sum, 1e-4);
    }
    km_sasa(s->coords, elements, sys->n_atoms, 1.4, atoms);
    for (int32_t a = 0; a < sys->n_atoms; a++) total += atoms[a] / 100;
    second_check("sasa.total14", total, 1e-3);
    free(elements), free(atoms);
    km_structure_free(s);
    return tap_end();
}
