/* SPDX-License-Identifier: MIT
 * lib/chem/reference.h: a tripeptide as a part of sequences that are longer. */
#include "lib/chem/reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "tests/unit/tap.h"

static char path[] = "/tmp/km-reference-XXXXXX";

static km_status refer(const char *text, km_structure **t, km_err *err)
{
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0) exit(1);
    if (km_structure_read("pipelines/mini/examples/LGE.pdb", 1, t, err) < 0) exit(1); /* leucine, glycine, glutamate */
    return km_chem_refer(*t, path, err);
}

static void placed(const char *text, int leu, int gly, int glu, const char *what)
{
    km_structure *t;
    km_err err = {0};
    const bool good = refer(text, &t, &err) == KM_OK;
    const int32_t *at = t->label_seq;
    ok(good && at[0] == leu && at[1] == gly && at[2] == glu, "%s: %d %d %d %s", what, at[0], at[1], at[2], err.msg);
    km_structure_free(t);
}

static void refused(const char *text, const char *why, const char *what)
{
    km_structure *t;
    km_err err = {0};
    ok(refer(text, &t, &err) == KM_INPUT && strstr(err.msg, why), "%s: %s", what, err.msg);
    km_structure_free(t);
}

int main(void)
{
    const int fd = mkstemp(path);
    if (fd < 0) return 1;
    close(fd);
    placed(">a\nLGE\n", 1, 2, 3, "itself");
    placed(">a\nAKWLGEAA\n", 4, 5, 6, "a part");
    placed(">a\nAKLWWGEAA*\n", 3, 6, 7, "one with a gap");
    placed(">a\nLAGAEAAALGE\n", 9, 10, 11, "few gaps rather than many");
    placed(">a\nAAAAA\n>b\nAL\nGE\n", 2, 3, 4, "the second sequence");
    placed("ATOM      1  CA  ALA A   1       0.000   0.000   0.000  1.00  0.00           C\n"
           "ATOM      2  CA  LEU A   2       3.800   0.000   0.000  1.00  0.00           C\n"
           "ATOM      3  CA  GLY A   3       7.600   0.000   0.000  1.00  0.00           C\n"
           "ATOM      4  CA  GLU A   4      11.400   0.000   0.000  1.00  0.00           C\nEND\n",
           2, 3, 4, "a structure");
    refused(">a\nLG\n", "part of none of its 1", "a sequence too short");
    refused(">a\nLGDAA\n", "part of none", "another residue");
    refused(">a\nL7E\n", "'7' is no amino acid", "no letter");
    refused("nothing\n", path, "no such file");
    unlink(path);
    return tap_end();
}
