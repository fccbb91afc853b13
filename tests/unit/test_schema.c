/* SPDX-License-Identifier: MIT */
#include "lib/chem/schema.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/unit/tap.h"

static km_library *library;

static km_status read_text(const char *text, km_schema *s, km_err *err)
{
    return km_schema_read(text, strlen(text), "x.yaml", library, s, err);
}

static void refused(const char *text, const char *why)
{
    km_schema s;
    km_err err = {0};
    km_status status = read_text(text, &s, &err);
    ok(status == KM_INPUT && strstr(err.msg, why) && !strncmp(err.msg, "x.yaml: ", 8), "%s: %s", why, err.msg);
    if (status == KM_OK) km_schema_clear(&s);
}

static const char whole[] = "# a comment\nversion: 1\nsequences:\n"
                            "- protein:\n    id: A\n    sequence: ACDXU\n    msa: a.a3m\n    modifications: "
                            "[{position: 2, ccd: SEP}, {position: 3, ccd: MSE}]\n"
                            "- ligand: {id: L, ccd: [NAG, NAG]}\n"
                            "- protein: {id: B, sequence: GGG, cyclic: Yes, msa: empty}\n"
                            "- protein: {id: [C, D], sequence: ACDXU, msa: a.a3m, modifications: [{position: 2, ccd: "
                            "SEP}, {position: 3, ccd: MSE}]}\n"
                            "- rna: {id: R, sequence: ACGUT}\n"
                            "constraints:\n"
                            "- contact: {token1: [A, 4], token2: [L, O4]}\n"
                            "- bond: {atom1: [L, 1, O4], atom2: [L, 2, C1]}\n"
                            "- pocket: {binder: R, contacts: [[A, 1]], max_distance: 4.5}\n"
                            "properties: [{affinity: {binder: L}}]\n";

static void test_whole(void)
{
    km_schema in;
    km_err err = {0};
    if (!ok(read_text(whole, &in, &err) == KM_OK, "an input with everything %s", err.msg)) return;
    const km_system *s = in.system;
    char order[8] = {0};
    for (int i = 0; i < s->n_chains && i < 7; i++) order[i] = s->chains[i].name[0];
    ok(!strcmp(order, "ACDLBR") && s->chains[2].sym_id == 2 && s->chains[2].entity_id == 0 &&
           s->chains[3].entity_id == 1,
       "copies stand together (%s)", order);
    const km_token *t = s->tokens;
    ok(t[0].res_type == 2 && t[1].modified && t[1].res_type == 22 && t[2].res_type == 14 && !t[2].modified &&
           t[3].res_type == 22 && !t[3].modified && t[4].res_type == 22,
       "letters, a modification, MSE as MET, unknown letters");
    ok(s->chains[4].cyclic_period == 3 && s->chains[0].cyclic_period == 0, "a ring");
    ok(t[s->n_tokens - 1].res_type == 27 && t[s->n_tokens - 2].res_type == 26, "RNA; T is unknown there");
    ok(in.affinity, "an affinity that is asked for");
    ok(in.n_msa == 4 && !strcmp(in.msa[0].chain, "A") && !strcmp(in.msa[3].path, "empty"), "alignments by chain");
    int covalent = 0, present = 0;
    for (int i = 0; i < s->n_bonds; i++) covalent += s->bonds[i].type == KM_BOND_COVALENT;
    for (int i = 0; i < s->n_atoms; i++) present += s->atoms[i].present;
    ok(covalent == 1 && present == 0, "a bond; no coordinates");
    ok(s->n_contacts == 6 && s->contacts[0].type == KM_CONTACT_BINDER && s->contacts[0].b == 0 &&
           s->contacts[0].threshold == 4.5f && s->contacts[5].type == KM_CONTACT_PAIR &&
           s->contacts[5].threshold == 6.0f && s->contacts[5].a == 3,
       "pockets, then contacts");
    km_schema_clear(&in);
}

static void test_fasta(void)
{
    km_schema in;
    km_err err = {0};
    if (!ok(read_text(">A|protein|x.a3m\nAC\nD\n>B|CCD\nATP\n>C|dna\nACG\n", &in, &err) == KM_OK, "FASTA %s", err.msg))
        return;
    ok(in.system->n_chains == 3 && in.system->n_tokens == 3 + 31 + 3 && in.n_msa == 1 &&
           !strcmp(in.msa[0].path, "x.a3m"),
       "its chains and alignment");
    km_schema_clear(&in);
    refused(">A\nACD\n", "line 1: not a header");
    refused(">A|protein\nACD\n>B|peptide\nA\n", "line 3: not a header");
    refused(">A|dna|x.a3m\nACG\n", "line 1: not a header");
    refused(">A|protein\n", "a sequence of 1 to 100000 letters");
}

#define P "sequences: [{protein: {id: A, sequence: ACD}}, {ligand: {id: L, ccd: ATP}}]\n"

static void test_refused(void)
{
    refused("sequences:\n", "no `sequences:` found");
    refused("version: 2\n" P, "version");
    refused("- a\n", "no `sequences:` found");
    refused(P "extra: 1\n", "'extra' is not supported");
    refused("sequences: [{protein: {id: A, sequence: ACD, chain: B}}]\n", "'chain' is not supported");
    refused("sequences: [{lipid: {id: A}}]\n", "'lipid' is not one of");
    refused("sequences: [{ligand: {id: A}}]\n", "a ligand has a ccd or a smiles");
    refused("sequences: [{ligand: {id: A, ccd: ATP, smiles: C}}]\n", "a ligand has a ccd or a smiles");
    refused("sequences: [{protein: {id: A, smiles: C}}]\n", "a polymer has a sequence");
    refused(P "properties: [{affinity: {binder: A}}]\n", "property 1: not an affinity");
    refused(P "properties: [{affinity: {binder: Z}}]\n", "property 1: not an affinity");
    refused(P "properties: [{solubility: {binder: L}}]\n", "property 1: not an affinity");
    refused(P "properties: {affinity: {binder: L}}\n", "properties are a list");
    refused("sequences: [{protein: {id: A}}]\n", "a polymer has a sequence");
    refused("sequences: [{protein: {id: A, sequence: A-C}}]\n", "character 2");
    refused("sequences: [{protein: {id: ABCDEFGH, sequence: AC}}]\n", "1 to 7 characters");
    refused("sequences: [{protein: {id: [], sequence: AC}}]\n", "an id is needed");
    refused("sequences: [{protein: {id: A, sequence: AC, cyclic: perhaps}}]\n", "cyclic is true or false");
    refused("sequences: [{ligand: {id: A, ccd: ATP, cyclic: true}}]\n", "a ligand cannot be cyclic");
    refused("sequences: [{dna: {id: A, sequence: AC, msa: x}}]\n", "only proteins have an alignment");
    refused("sequences: [{ligand: {id: A, ccd: QQQ}}]\n", "component QQQ is not in");
    refused("sequences: [{protein: {id: A, sequence: AC}}, {protein: {id: B, sequence: AC, cyclic: true}}]\n",
            "but other cyclic");
    refused("sequences: [{protein: {id: A, sequence: AC, modifications: [{position: 1, ccd: DA}]}}]\n",
            "another kind of polymer");
    refused(P "constraints: 5\n", "constraints are a list");
    refused(P "constraints: [{clash: {}}]\n", "constraint 1: not one of");
    refused(P "constraints: [{bond: {atom1: [A, 2, SG], atom2: [A, 2, SG]}}]\n", "of an atom with itself");
    refused(P "constraints: [{bond: {atom1: [A, 2, SG], atom2: [A, 2, CB]}}]\n", "there is already");
    refused(P "constraints: [{bond: {atom1: [A, 4, SG], atom2: [A, 2, CB]}}]\n",
            "a residue that its chain does not have");
    refused(P "constraints: [{contact: {token1: [A, 4], token2: [A, 1]}}]\n", "a residue that its chain does not have");
    refused(P "constraints: [{contact: {token1: [L, 1], token2: [A, 1]}}]\n", "an atom that the ligand does not have");
    refused(P "constraints: [{contact: {token1: [A, 1], token2: [A, 2], max_distance: nan}}]\n",
            "max_distance is no length");
    refused(P "constraints: [{pocket: {binder: Z, contacts: [[A, 1]]}}]\n", "a pocket has a binder");
    refused("a: &x [1]\nb: [*x\n", "line");
    refused(
        "a: &a [b]\nc: &c [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e "
        "[*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
        "f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: &h [*g,*g,*g,*g,*g,*g,*g,*g,*g]\n"
        "i: [*h,*h,*h,*h,*h,*h,*h,*h,*h]\n",
        "too large");
    refused("a: &x [*x]\n", "line");
}

static void test_damage(void)
{
    char copy[sizeof whole];
    int wrong = 0;
    for (size_t at = 0; at < 2 * sizeof whole - 2; at++) {
        km_schema in;
        km_err err = {0};
        size_t n = at < sizeof whole - 1 ? at : sizeof whole - 1;
        memcpy(copy, whole, sizeof whole);
        if (at >= sizeof whole - 1) copy[at - sizeof whole + 1] ^= (char)(1 << at % 7);
        km_status status = km_schema_read(copy, n, "x.yaml", library, &in, &err);
        wrong += status == KM_OK ? km_system_check(in.system, &err) != KM_OK : status != KM_INPUT || !err.msg[0];
        if (status == KM_OK) km_schema_clear(&in);
    }
    ok(wrong == 0, "cut and damaged at every byte: refused or sound");
}

static void test_kind(void)
{
    ok(km_schema_is(whole, strlen(whole)) && km_schema_is("\n> A|protein\n", 13) &&
           km_schema_is("---\nsequences:\n", 15),
       "sequences are known by their first words");
    ok(!km_schema_is("data_X\n", 7) && !km_schema_is("HEADER\n", 7) && !km_schema_is("", 0) &&
           !km_schema_is("# x\n", 4),
       "and structures by theirs");
}

int main(void)
{
    library = km_library_new("tests/data/oracle/features-components.cif");
    test_whole();
    test_fasta();
    test_refused();
    test_damage();
    test_kind();
    km_library_free(library);
    return tap_end();
}
