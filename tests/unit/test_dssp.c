/* SPDX-License-Identifier: MIT */
#include "lib/traj/dssp.h"

#include <stdlib.h>
#include <string.h>

#include "formats/traj.h"
#include "lib/base/mem.h"
#include "tests/unit/second.h"
#include "tests/unit/tap.h"

static void check(const char *name, const km_structure *s)
{
    char key[40];
    int64_t F, classes[4] = {0}, sum = 0;
    float *x = second_frames(name, &F);
    km_backbone b = km_backbone_of(s->system);
    uint8_t *out = KM_NEWN(uint8_t, (size_t)b.n_residues);
    for (int64_t f = 0; f < F; f++) {
        km_dssp(&b, x + f * s->system->n_atoms * 3, out);
        for (int64_t r = 0; r < b.n_residues; r++) classes[out[r]]++, sum += (f + 1) * (r + 1) * out[r];
    }
    double all = (double)(F * b.n_residues);
    snprintf(key, sizeof key, "dssp.%s.helix", name), second_check(key, (double)classes[KM_HELIX] / all, 1e-9);
    snprintf(key, sizeof key, "dssp.%s.strand", name), second_check(key, (double)classes[KM_STRAND] / all, 1e-9);
    snprintf(key, sizeof key, "dssp.%s.sum", name), second_check(key, (double)(sum % 1000003), 0);
    km_backbone_clear(&b);
    free(x), free(out);
}

/* A residue without O, and a gap in the numbers: neither class nor bond across. */
static void test_gaps(km_structure *s)
{
    km_system *t = km_system_copy(s->system);
    uint8_t out[64];
    for (int32_t a = 0; a < t->n_atoms; a++)
        if (t->atoms[a].residue == 4 && !strcmp(t->atoms[a].name, "O")) memcpy(t->atoms[a].name, "OX", 3);
    for (int32_t r = 10; r < t->n_residues; r++) t->residues[r].number += 5;
    km_backbone b = km_backbone_of(t);
    ok(b.n == t->n_residues - 1 && b.segment[0] == 0 && b.segment[4] == 1 && b.segment[b.n - 1] == 2, "segments: %d",
       b.segment[b.n - 1]);
    km_dssp(&b, s->coords, out);
    ok(out[4] == KM_NO_STRUCTURE && out[3] != KM_HELIX, "a residue without its backbone");
    km_backbone_clear(&b);
    km_system_free(t);
}

int main(void)
{
    km_structure *s = second_start(), *strands;
    km_err err;
    check("md", s), check("model", s);
    if (km_structure_read("tests/data/eval/strands.pdb", 1, &strands, &err) < 0) return 1;
    check("strands", strands);
    test_gaps(s);
    km_structure_free(s), km_structure_free(strands);
    return tap_end();
}
