/* SPDX-License-Identifier: MIT
 * lib/base/system.c: a whole system passes the check, and each way of damaging it is found and named. */
#include "tests/unit/tap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/alignment.h"
#include "lib/base/mem.h"
#include "lib/base/system.h"

/* Two chains of one residue each, three atoms and two, a token a residue, three bonds. */
static km_system *small(void)
{
    km_system *s = km_system_new();
    s->n_atoms = 5, s->n_residues = 2, s->n_chains = 2, s->n_tokens = 2, s->n_bonds = 3;
    s->atoms = KM_NEWN(km_atom, 5);
    s->residues = KM_NEWN(km_residue, 2);
    s->chains = KM_NEWN(km_chain, 2);
    s->tokens = KM_NEWN(km_token, 2);
    s->bonds = KM_NEWN(km_bond, 3);
    for (int i = 0; i < 5; i++) {
        s->atoms[i] = (km_atom){.name = "C", .element = 6, .present = 1, .residue = i / 3, .token = i / 3};
        s->atoms[i].ref_pos[0] = (float)i;
    }
    for (int i = 0; i < 2; i++) {
        int n = i ? 2 : 3;
        s->residues[i] =
            (km_residue){.name = "ALA", .chain = i, .number = 1, .icode = ' ', .first_atom = 3 * i, .n_atoms = n};
        s->chains[i] = (km_chain){.name = "A", .asym_id = i, .first_residue = i, .n_residues = 1};
        s->tokens[i] = (km_token){.residue = i, .res_type = 2, .first_atom = 3 * i, .n_atoms = n, .center_atom = 3 * i,
                                  .repr_atom = 3 * i + 1, .asym_id = i, .token_index = i};
    }
    s->bonds[0] = (km_bond){0, 1, KM_BOND_SINGLE};
    s->bonds[1] = (km_bond){1, 2, KM_BOND_DOUBLE};
    s->bonds[2] = (km_bond){3, 4, KM_BOND_SINGLE};
    km_system_add_provenance(s, &(km_provenance){.program = "km-test", .seed = 7});
    return s;
}

/* Each case spoils one field of a fresh system; the message must name the record and the field. */
#define SPOIL(change, message)                                                                                         \
    do {                                                                                                               \
        km_system *s = small();                                                                                        \
        km_err e = {0};                                                                                                \
        change;                                                                                                        \
        km_status got = km_system_check(s, &e);                                                                        \
        ok(got == KM_INPUT && !strcmp(e.msg, message), "%s: %s (%s)", #change, message, e.msg);                        \
        km_system_free(s);                                                                                             \
    } while (0)

static void test_counts_and_chains(void)
{
    SPOIL(s->n_atoms = -1, "system: -1 atoms");
    SPOIL(s->n_atoms = 0, "system: no atoms");
    SPOIL((free(s->bonds), s->bonds = NULL), "system: 3 bonds");
    SPOIL(s->method = 12, "system: method 12 is not one of 12");
    SPOIL(s->method = -1, "system: method -1 is not one of 12");
    SPOIL((free(s->name), s->name = NULL), "system: no name");
    SPOIL(s->extra_bytes = 4, "system: bad extra keys");
    SPOIL(memset(s->chains[1].name, 'x', 8), "chain 1: bad name");
    SPOIL(s->chains[0].name[0] = 7, "chain 0: bad name");
    SPOIL(s->chains[0].mol_type = 4, "chain 0: bad molecule type");
    SPOIL(s->chains[0].sym_id = -1, "chain 0: bad asym, entity or sym number");
    SPOIL(s->chains[0].cyclic_period = -1, "chain 0: bad cyclic period");
    SPOIL(s->chains[1].first_residue = 0, "chain 1: bad range of residues");
    SPOIL(s->chains[1].n_residues = 2147483647, "chain 1: bad range of residues");
    SPOIL(s->chains[1].n_residues = 0, "the chains have 1 residues of 2");
}

static void test_residues_and_atoms(void)
{
    SPOIL(s->residues[1].icode = 0, "residue 1: bad insertion code");
    SPOIL(s->residues[1].index = -1, "residue 1: bad index");
    SPOIL(s->residues[1].chain = 2, "residue 1: bad chain");
    SPOIL(s->residues[1].chain = 0, "residue 1: bad chain");
    SPOIL(s->residues[0].n_atoms = 6, "residue 0: bad range of atoms");
    SPOIL(s->residues[0].n_atoms = -1, "residue 0: bad range of atoms");
    SPOIL(s->residues[1].first_atom = 4, "residue 1: bad range of atoms");
    SPOIL(s->residues[1].n_atoms = 1, "the residues have 4 atoms of 5");
    SPOIL(s->atoms[2].name[1] = '\n', "atom 2: bad name");
    SPOIL(s->atoms[2].element = 119, "atom 2: bad element");
    SPOIL(s->atoms[2].present = 2, "atom 2: bad mark of presence");
    SPOIL(s->atoms[2].ref_pos[1] = NAN, "atom 2: bad reference position");
    SPOIL(s->atoms[2].ref_pos[2] = INFINITY, "atom 2: bad reference position");
    SPOIL(s->atoms[2].residue = 1, "atom 2: bad residue");
    SPOIL(s->atoms[2].residue = -2147483647, "atom 2: bad residue");
    SPOIL(s->atoms[2].token = -1, "atom 2: bad token");
    SPOIL(s->atoms[2].token = 1, "atom 2: bad token");
    SPOIL(s->n_tokens = 0, "atom 0: bad token");
}

static void test_tokens_and_bonds(void)
{
    SPOIL(s->tokens[0].res_type = 33, "token 0: bad residue type");
    SPOIL(s->tokens[0].mol_type = 9, "token 0: bad molecule type");
    SPOIL(s->tokens[0].modified = 2, "token 0: bad mark of modification");
    SPOIL(s->tokens[0].token_index = -1, "token 0: bad index or period");
    SPOIL(s->tokens[0].center_atom = 3, "token 0: bad centre atom");
    SPOIL(s->tokens[1].repr_atom = 2, "token 1: bad representative atom");
    SPOIL(s->tokens[1].repr_atom = -2147483647, "token 1: bad representative atom");
    SPOIL(s->tokens[1].residue = 0, "token 1: bad residue");
    SPOIL(s->tokens[1].n_atoms = 2147483647, "token 1: bad residue");
    SPOIL(s->tokens[1].n_atoms = 0, "token 1: bad representative atom");
    SPOIL((s->tokens[1].n_atoms = 1, s->tokens[1].repr_atom = 3), "the tokens have 4 atoms of 5");
    SPOIL(s->bonds[1].type = 7, "bond 1: bad type");
    SPOIL(s->bonds[1].a = 2, "bond 1: bad pair of atoms");
    SPOIL(s->bonds[2].b = 5, "bond 2: bad pair of atoms");
    SPOIL(s->bonds[1].a = -1, "bond 1: bad pair of atoms");
    SPOIL(s->bonds[1] = s->bonds[0], "atoms 0 and 1 are bonded twice");
    SPOIL((free(s->provenance[0].version), s->provenance[0].version = NULL), "provenance 0: a string is missing");
}

static void test_good(void)
{
    km_err e = {0};
    km_system *s = small(), *c = km_system_copy(s);
    ok(km_system_check(s, &e) == KM_OK, "a whole system passes (%s)", e.msg);
    ok(km_system_check(c, &e) == KM_OK && c->atoms != s->atoms && !memcmp(c->atoms, s->atoms, 5 * sizeof *s->atoms) &&
           c->n_provenance == 1 && c->provenance[0].program != s->provenance[0].program && c->provenance[0].seed == 7,
       "so does its copy, which shares nothing");
    km_system_free(c);
    s->n_tokens = 0;
    for (int i = 0; i < 5; i++) s->atoms[i].token = -1;
    ok(km_system_check(s, &e) == KM_OK, "a raw system has no tokens");
    km_system_free(s);
}

static void test_trunk_and_time(void)
{
    km_trunk_result *t = km_trunk_result_new(3, 4, 4, 2);
    ok(t->s[11] == 0 && t->s_inputs[11] == 0 && t->z[17] == 0 && t->trunk_digest[0] == 0,
       "a trunk result begins with zeros");
    km_trunk_result_free(t);
    ok(km_fs_of_ns(0.0000005) == 1 && km_fs_of_ns(0.05) == 50000 && km_fs_of_ns(-1e-6) == -1, "ns to the nearest fs");
    bool same = true;
    for (int64_t fs = 0; fs < 2000000000000; fs = fs * 3 + 7) same = same && km_fs_of_ns(km_ns_of_fs(fs)) == fs;
    ok(same, "fs to ns and back");
}

/* Every array is whole and zero: under AddressSanitizer the last element of each is as good as the first. */
static void test_alignment(void)
{
    km_msa *m = km_msa_new(3, 5);
    km_templates *t = km_templates_new(2, 5);
    ok(m->n_rows == 3 && m->n_tokens == 5 && !m->residues[14] && !m->paired[14] && !m->deletions[14] &&
           m->profile[164] == 0 && m->deletion_mean[4] == 0, "a new alignment is zero");
    ok(t->n_templates == 2 && t->n_tokens == 5 && !t->restype[9] && t->frame_rot[89] == 0 && t->frame_t[29] == 0 &&
           t->cb[29] == 0 && t->ca[29] == 0 && t->mask_cb[9] == 0 && t->mask_frame[9] == 0 && t->mask[9] == 0 &&
           !t->visibility_ids[9], "new templates are zero");
    km_msa_free(m), km_templates_free(t);
    km_msa_free(NULL), km_templates_free(NULL);
}

int main(void)
{
    test_good();
    test_counts_and_chains();
    test_residues_and_atoms();
    test_tokens_and_bonds();
    test_trunk_and_time();
    test_alignment();
    return tap_end();
}
