/* SPDX-License-Identifier: MIT
 * lib/chem/select: the selection language, and systems cut by it. */
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/chem/select.h"

/* Chain A: ALA 5 (N CA C O CB), GLY -3 (N CA C O), a ring of two; chain R: U 1 (P C1'); chain L: LIG 9 (C1 OG); chain
 * Z: ZN. */
static km_system *make(void)
{
    static const struct {
        const char *name;
        uint8_t element;
        int residue;
    } atoms[] = {{"N", 7, 0}, {"CA", 6, 0}, {"C", 6, 0},  {"O", 8, 0},   {"CB", 6, 0}, {"N", 7, 1},  {"CA", 6, 1},
                 {"C", 6, 1}, {"O", 8, 1},  {"P", 15, 2}, {"C1'", 6, 2}, {"C1", 6, 3}, {"OG", 8, 3}, {"ZN", 30, 4}};
    km_system *s = km_system_new();
    s->n_atoms = 14, s->n_residues = 5, s->n_chains = 4, s->n_tokens = 6, s->n_bonds = 2;
    s->atoms = KM_NEWN(km_atom, 14), s->residues = KM_NEWN(km_residue, 5), s->chains = KM_NEWN(km_chain, 4);
    s->tokens = KM_NEWN(km_token, 6), s->bonds = KM_NEWN(km_bond, 2);
    static const km_residue residues[] = {{"ALA", 0, 5, ' ', 0, 0, 5},
                                          {"GLY", 0, -3, ' ', 1, 5, 4},
                                          {"U", 1, 1, ' ', 0, 9, 2},
                                          {"LIG", 2, 9, ' ', 0, 11, 2},
                                          {"ZN", 3, 40, ' ', 0, 13, 1}};
    static const km_chain chains[] = {{"A", KM_PROTEIN, 0, 0, 0, 2, 0, 2}, {"R", KM_RNA, 1, 1, 0, 0, 2, 1},
                                      {"L", KM_NONPOLYMER, 2, 2, 0, 0, 3, 1}, {"Z", KM_NONPOLYMER, 3, 3, 0, 0, 4, 1}};
    memcpy(s->residues, residues, sizeof residues);
    memcpy(s->chains, chains, sizeof chains);
    static const int first[] = {0, 5, 9, 11, 12, 13}, count[] = {5, 4, 2, 1, 1, 1}, residue[] = {0, 1, 2, 3, 3, 4};
    for (int n = 0; n < 6; n++) {
        s->tokens[n] = (km_token){.residue = residue[n],
                                  .first_atom = first[n],
                                  .n_atoms = count[n],
                                  .center_atom = first[n] + (n < 3),
                                  .repr_atom = first[n] + count[n] - 1,
                                  .token_index = n,
                                  .cyclic_period = n < 2 ? 2 : 0};
        for (int a = first[n]; a < first[n] + count[n]; a++) s->atoms[a].token = n;
    }
    for (int a = 0; a < 14; a++) {
        strcpy(s->atoms[a].name, atoms[a].name);
        s->atoms[a].element = atoms[a].element;
        s->atoms[a].residue = atoms[a].residue;
    }
    s->bonds[0] = (km_bond){2, 5, KM_BOND_SINGLE};
    s->bonds[1] = (km_bond){11, 12, KM_BOND_DOUBLE};
    return s;
}

static void test_words(const km_system *s)
{
    static const struct {
        const char *text, *want; /* one character an atom */
    } cases[] = {
        {"all", "11111111111111"},
        {"protein", "11111111100000"},
        {"nucleic", "00000000011000"},
        {"ligand", "00000000000110"},
        {"ion", "00000000000001"},
        {"backbone", "11110111110000"},
        {"name CA", "01000010000000"},
        {"name CA CB C1'", "01001010001000"},
        {"name ca", "00000000000000"},
        {"chain A L", "11111111100110"},
        {"resid 5-20", "11111000000110"},
        {"resid -3", "00000111100000"},
        {"resid -3-1 40", "00000111111001"},
        {"resname GLY", "00000111100000"},
        {"element O zn", "00010000100011"},
        {"not protein", "00000000011111"},
        {"not not ion", "00000000000001"},
        {"protein and name CA or ion", "01000010000001"},
        {"ion or protein and name CA", "01000010000001"},
        {"(ion or protein) and not name CA", "10111101100001"},
        {"not (protein or nucleic)and resid 40", "00000000000001"},
    };
    bool mask[14];
    km_err err;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char got[15] = {0};
        int n = 0;
        km_status status = km_chem_select(s, cases[i].text, mask, &err);
        for (int a = 0; a < 14; a++) got[a] = mask[a] ? '1' : '0', n += mask[a];
        ok(status == n && !strcmp(got, cases[i].want), "%s: %s", cases[i].text, got);
    }
}

static void test_misuse(const km_system *s)
{
    static const char *const bad[] = {"",
                                      "protin",
                                      "protein and",
                                      "name",
                                      "name and protein",
                                      "(protein",
                                      "protein)",
                                      "protein ligand",
                                      "resid x",
                                      "resid 5-",
                                      "resid 9-5",
                                      "resid 5x",
                                      "not",
                                      "and",
                                      "()"};
    bool mask[14];
    km_err err;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ok(km_chem_select(s, bad[i], mask, &err) == KM_USAGE && strstr(err.msg, "character"), "'%s' is refused: %s",
           bad[i], err.msg);
    char deep[2000];
    memset(deep, '(', sizeof deep);
    deep[sizeof deep - 1] = 0;
    ok(km_chem_select(s, deep, mask, &err) == KM_USAGE && strstr(err.msg, "deep"), "two thousand brackets are refused");
}

static void test_cut(const km_system *s)
{
    bool mask[14];
    km_err err;
    if (km_chem_select(s, "all", mask, &err) != 14) return;
    km_system *c = km_chem_cut(s, mask);
    ok(c->n_atoms == 14 && c->n_bonds == 2 && !memcmp(c->tokens, s->tokens, 6 * sizeof *s->tokens) &&
           !memcmp(c->atoms, s->atoms, 14 * sizeof *s->atoms) &&
           !memcmp(c->residues, s->residues, 5 * sizeof *s->residues) &&
           !memcmp(c->chains, s->chains, 4 * sizeof *s->chains),
       "all atoms: the same system");
    km_system_free(c);
    if (km_chem_select(s, "ligand or name CB or resname U", mask, &err) != 5) return;
    c = km_chem_cut(s, mask);
    ok(c->n_atoms == 5 && c->n_residues == 3 && c->n_chains == 3 && c->n_tokens == 4 && c->n_bonds == 1,
       "a part: counts");
    ok(km_system_check(c, &err) == KM_OK, "a part is a good system");
    ok(!strcmp(c->residues[1].name, "U") && c->residues[1].first_atom == 1 && c->residues[1].n_atoms == 2 &&
           c->residues[1].chain == 1 && c->chains[1].first_residue == 1,
       "residues and chains are renumbered");
    ok(c->bonds[0].a == 3 && c->bonds[0].b == 4 && c->bonds[0].type == KM_BOND_DOUBLE, "bonds too");
    ok(c->tokens[0].center_atom == 0 && c->tokens[0].repr_atom == 0 && c->tokens[0].n_atoms == 1 &&
           c->atoms[0].token == 0,
       "a token without its centre has another");
    ok(c->tokens[3].first_atom == 4 && c->tokens[3].residue == 2 && c->tokens[3].token_index == 3,
       "tokens of a ligand's atoms");
    ok(c->chains[0].cyclic_period == 0 && c->tokens[0].cyclic_period == 0, "half a ring is no ring");
    km_system_free(c);
}

int main(void)
{
    km_system *s = make();
    km_err err;
    ok(km_system_check(s, &err) == KM_OK, "the system of the test is good");
    test_words(s);
    test_misuse(s);
    test_cut(s);
    km_system_free(s);
    return tap_end();
}
