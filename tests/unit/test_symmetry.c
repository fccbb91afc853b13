/* SPDX-License-Identifier: MIT */
#include "lib/traj/symmetry.h"

#include <math.h>
#include <stdlib.h>

#include "tests/unit/tap.h"

static int ways(const uint8_t *elements, int32_t n, const int32_t (*bonds)[2], int32_t n_bonds, int want,
                const char *name)
{
    km_symmetry s = km_symmetry_of(elements, n, bonds, n_bonds);
    bool first = true, sound = true;
    for (int32_t i = 0; i < n; i++) first &= s.places[i] == i;
    for (int32_t p = 0; p < s.n; p++)
        for (int32_t b = 0; b < n_bonds; b++) {
            int32_t x = s.places[p * n + bonds[b][0]], y = s.places[p * n + bonds[b][1]];
            bool found = false;
            for (int32_t k = 0; k < n_bonds; k++)
                found |= (bonds[k][0] == x && bonds[k][1] == y) || (bonds[k][0] == y && bonds[k][1] == x);
            sound &= found && elements[x] == elements[bonds[b][0]];
        }
    ok(s.n == want && first && sound, "%s: %d ways", name, s.n);
    bool cut = s.cut;
    km_symmetry_clear(&s);
    return cut;
}

int main(void)
{
    const uint8_t carbons[20] = {6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6}, acid[4] = {6, 6, 8, 8};
    const int32_t ring[6][2] = {{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 0}};
    const int32_t oxygens[3][2] = {{0, 1}, {1, 2}, {1, 3}};
    const int32_t phenyl[7][2] = {{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 0}, {6, 0}};
    ways(carbons, 6, ring, 6, 12, "benzene");
    ways(carbons, 7, phenyl, 7, 2, "toluene");
    ways(acid, 4, oxygens, 3, 2, "an acid's oxygens");
    ways(carbons, 5, NULL, 0, 1, "atoms without bonds");
    ways(carbons, 6, ring, 5, 2, "a chain");
    int32_t star[19][2];
    for (int i = 0; i < 19; i++) star[i][0] = 0, star[i][1] = i + 1;
    ok(ways(carbons, 20, (const int32_t(*)[2])star, 19, KM_SYMMETRY_MOST, "a star"), "cut short, and says so");
    km_symmetry s = km_symmetry_of(acid, 4, oxygens, 3);
    const float x[12] = {0, 0, 0, 1, 0, 0, 2, 1, 0, 2, -1, 0}, y[12] = {0, 0, 0, 1, 0, 0, 2, -1, 0, 2, 1, 0.5F};
    int32_t way = -1;
    ok(km_symmetry_distance(&s, x, y, 0.1, &way) == 0.1 && way < 0, "no less than what is enough");
    ok(fabs(km_symmetry_distance(&s, x, y, INFINITY, &way) - 0.25) < 1e-9, "the smallest of all ways");
    double sum = 0;
    for (int32_t i = 0; i < s.n_atoms; i++)
        for (int k = 0; k < 3; k++) sum += pow(x[3 * s.places[way * s.n_atoms + i] + k] - y[3 * i + k], 2);
    ok(fabs(sum - 0.25) < 1e-6, "and which that is");
    km_symmetry_clear(&s);
    return tap_end();
}
