/* SPDX-License-Identifier: MIT */
#include "lib/chem/tokens.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/chem/residues.h"
#include "tests/unit/tap.h"

static const km_token_options plain = {0};

static km_structure *read_text(const char *text)
{
    FILE *f = tmpfile();
    km_structure *s = NULL;
    km_err err;
    fputs(text, f);
    rewind(f);
    if (km_structure_read_file(f, "test", 1, NULL, &s, &err) < 0) printf("# %s\n", err.msg);
    fclose(f);
    return s;
}

static km_status tokenize_text(const char *text, const km_token_options *options, km_tokenized *t, km_err *err)
{
    km_structure *raw = read_text(text);
    if (!raw) return KM_INPUT;
    km_status status = km_chem_tokenize(raw, options, t, err);
    km_structure_free(raw);
    return status;
}

/* What Boltz-2's own featuriser gives for the same peptide (tests/data/make_features_peptide.py). */
static void test_reference(void)
{
    km_structure *raw;
    km_tokenized t;
    km_err err = {0};
    if (!ok(km_structure_read("tests/data/features-peptide.pdb", 1, &raw, &err) == KM_OK, "reference peptide read %s",
            err.msg))
        return;
    if (!ok(km_chem_tokenize(raw, &plain, &t, &err) == KM_OK, "and tokenized %s", err.msg)) return;
    FILE *f = fopen("tests/data/features-peptide.txt", "r");
    char line[256];
    int tokens = 0, atoms = 0, bad_tokens = 0, bad_atoms = 0;
    while (f && fgets(line, sizeof line, f)) {
        int v[8];
        if (sscanf(line, "token %d %d %d %d %d %d %d %d", v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6, v + 7) == 8) {
            const km_token *k = &t.system->tokens[tokens++];
            bad_tokens += k->res_type != v[0] || k->mol_type != v[1] || k->residue_index != v[2] ||
                          k->entity_id != v[3] || k->sym_id != v[4] || k->center_atom != v[5] || k->repr_atom != v[6] ||
                          k->modified != v[7];
        } else {
            char name[8];
            float x[3];
            if (sscanf(line, "atom %d %d %d %7s %d %f %f %f", v, v + 1, v + 2, name, v + 3, x, x + 1, x + 2) != 8)
                continue;
            const km_atom *a = &t.system->atoms[atoms++];
            bad_atoms += a->token != v[0] || a->element != v[1] || a->charge != v[2] || strcmp(a->name, name) != 0 ||
                         a->ref_space_uid != v[3];
            for (int k = 0; k < 3; k++) bad_atoms += fabsf(a->ref_pos[k] - x[k]) > 1e-5f;
        }
    }
    if (f) fclose(f);
    ok(tokens == 12 && t.system->n_tokens == 12 && bad_tokens == 0, "12 tokens as the reference has them");
    ok(atoms == 115 && t.system->n_atoms == 115 && bad_atoms == 0, "115 atoms as the reference has them");
    km_tokenized_clear(&t);
    km_structure_free(raw);
}

/* A dipeptide of molecular dynamics with hydrogens and OXT: AS. */
static void test_dipeptide(void)
{
    km_structure *raw;
    km_tokenized t;
    km_err err = {0};
    ok(km_structure_read("tests/data/dipeptide.pdb", 1, &raw, &err) == KM_OK, "dipeptide read %s", err.msg);
    ok(km_chem_tokenize(raw, &plain, &t, &err) == KM_OK, "and tokenized %s", err.msg);
    const km_system *s = t.system;
    ok(s->n_atoms == 11 && s->n_bonds == 10 && t.report.hydrogens == 12 && t.report.leaving == 1, "heavy atoms only");
    static const char *const order[] = {"N", "CA", "C", "O", "CB", "N", "CA", "C", "O", "CB", "OG"};
    bool good = true, linked = false;
    for (int i = 0; i < 11; i++)
        good = good && strcmp(s->atoms[i].name, order[i]) == 0 &&
               strcmp(raw->system->atoms[t.source[i]].name, order[i]) == 0;
    ok(good, "the model's order, and where each atom was");
    for (int i = 0; i < s->n_bonds; i++)
        linked = linked || (s->bonds[i].a == 2 && s->bonds[i].b == 5 && s->bonds[i].type == KM_BOND_SINGLE);
    ok(linked, "the peptide bond is there");
    float x[33];
    km_chem_gather(&t, raw->coords, x);
    ok(fabsf(x[3 * 5] - 2.194f) < 1e-5f && fabsf(x[3 * 4 + 2] + 1.446f) < 1e-5f, "coordinates follow");
    km_tokenized_clear(&t);
    km_structure_free(raw);
}

#define ATOM(name, res, chain, number, x, y, z, e)                                                                     \
    "ATOM      1  " name " " res " " chain number "    " x y z "  1.00  0.00           " e "\n"
#define ALA_A BACKBONE("A")
#define ALA(chain) BACKBONE(chain) BETA(chain)
#define BACKBONE(chain) ATOM("N  ", "ALA", chain, "   1", "  -0.966", "   0.493", "   1.500", "N") \
              ATOM("CA ", "ALA", chain, "   1", "   0.257", "   0.418", "   0.692", "C") \
              ATOM("C  ", "ALA", chain, "   1", "  -0.094", "   0.017", "  -0.716", "C") \
              ATOM("O  ", "ALA", chain, "   1", "  -1.056", "  -0.682", "  -0.923", "O")
#define CB_A BETA("A")
#define BETA(chain) ATOM("CB ", "ALA", chain, "   1", "   1.204", "  -0.620", "   1.296", "C")
#define GLY(chain, number, x) ATOM("N  ", "GLY", chain, number, x, "   0.000", "   0.000", "N") \
                              ATOM("CA ", "GLY", chain, number, x, "   1.400", "   0.000", "C") \
                              ATOM("C  ", "GLY", chain, number, x, "   2.000", "   1.400", "C") \
                              ATOM("O  ", "GLY", chain, number, x, "   3.200", "   1.400", "O")

static void test_missing(void)
{
    km_tokenized t;
    km_err err = {0};
    km_token_options options = {0};
    ok(tokenize_text(ALA_A, &options, &t, &err) == KM_INPUT && strstr(err.msg, "ALA 1 A: CB"), "a missing atom: %s",
       err.msg);
    options.missing = KM_MISSING_DROP;
    km_structure *raw = read_text(ALA_A);
    ok(km_chem_tokenize(raw, &options, &t, &err) == KM_OK && !t.system->atoms[4].present && t.source[4] == -1,
       "dropped: marked absent");
    km_tokenized_clear(&t);
    options.missing = KM_MISSING_BUILD;
    ok(km_chem_tokenize(raw, &options, &t, &err) == KM_OK && t.system->atoms[4].present, "built: present");
    for (int i = 0; i < raw->system->n_atoms; i++) { /* turned by 90 degrees about z and moved */
        float *x = raw->coords + (size_t)i * 3, y = x[1];
        x[1] = x[0] + 3, x[0] = 7 - y;
    }
    float x[15];
    km_chem_gather(&t, raw->coords, x);
    ok(fabsf(x[12] - 7.620f) < 2e-3f && fabsf(x[13] - 4.204f) < 2e-3f && fabsf(x[14] - 1.296f) < 2e-3f,
       "at its ideal place");
    km_tokenized_clear(&t);
    km_structure_free(raw);
    const char *no_ca = ATOM("N  ", "ALA", "A", "   1", "  -0.966", "   0.493", "   1.500", "N");
    ok(tokenize_text(no_ca, &options, &t, &err) == KM_INPUT && strstr(err.msg, "backbone"), "no backbone: %s", err.msg);
    options.missing = KM_MISSING_DROP;
    raw = read_text(no_ca);
    ok(km_chem_tokenize(raw, &options, &t, &err) == KM_OK && t.report.missing == 4, "dropped all the same");
    km_chem_gather(&t, raw->coords, x);
    const float *n = t.system->atoms[0].ref_pos, *cb = t.system->atoms[4].ref_pos;
    ok(x[0] == -0.966f && fabsf(x[12] - x[0] - cb[0] + n[0]) < 1e-5f, "around the atom that is there");
    km_tokenized_clear(&t);
    km_structure_free(raw);
}

static void test_refused(void)
{
    km_tokenized t;
    km_err err = {0};
    ok(tokenize_text(ALA_A CB_A CB_A, &plain, &t, &err) == KM_INPUT && strstr(err.msg, "CB is there twice"),
       "twice: %s", err.msg);
    ok(tokenize_text(ATOM("C1 ", "LIG", "B", "   7", "   1.000", "   1.000", "   1.000", "C"), &plain, &t, &err) ==
               KM_INPUT &&
           strstr(err.msg, "residue LIG 7 of chain B") && strstr(err.msg, "--ccd"),
       "unknown: %s", err.msg);
    ok(tokenize_text(ALA_A CB_A ATOM("CG ", "ALA", "A", "   1", "   1.000", "   1.000", "   1.000", "C"), &plain, &t,
                     &err) == KM_INPUT &&
           strstr(err.msg, "atom CG"),
       "a stranger's atom: %s", err.msg);
    ok(tokenize_text(ATOM("O  ", "HOH", "W", "   1", "   1.000", "   1.000", "   1.000", "O"), &plain, &t, &err) ==
           KM_INPUT,
       "water alone: %s", err.msg);
    km_token_options options = {.chains = "A,Q"};
    ok(tokenize_text(ALA_A CB_A, &options, &t, &err) == KM_INPUT && strstr(err.msg, "'Q'"), "no such chain: %s",
       err.msg);
}

static void test_chains(void)
{
    km_tokenized t;
    km_err err = {0};
    const char *text = GLY("A", "   1", "   0.000") GLY("B", "   1", "  20.000") ALA("C") GLY("D", "   5", "  40.000")
        GLY("D", "   9", "  60.000");
    ok(tokenize_text(text, &plain, &t, &err) == KM_OK, "four chains %s", err.msg);
    const km_chain *c = t.system->chains;
    ok(c[0].entity_id == 0 && c[1].entity_id == 0 && c[2].entity_id == 1 && c[3].entity_id == 2,
       "entities by sequence");
    ok(c[0].sym_id == 0 && c[1].sym_id == 1 && c[2].sym_id == 0 && c[3].asym_id == 3, "copies are counted");
    ok(t.system->residues[4].index == 4 && t.system->tokens[4].residue_index == 4,
       "a gap is as wide as the numbers say");
    bool across = false;
    for (int i = 0; i < t.system->n_bonds; i++)
        across =
            across || t.system->atoms[t.system->bonds[i].a].residue != t.system->atoms[t.system->bonds[i].b].residue;
    ok(!across, "and no bond crosses it");
    km_tokenized_clear(&t);
    km_token_options options = {.chains = "B,D"};
    ok(tokenize_text(text, &options, &t, &err) == KM_OK && t.system->n_chains == 2 && t.system->n_residues == 3,
       "chosen chains");
    km_tokenized_clear(&t);
}

#define CYS(chain, x) ATOM("N  ", "CYX", chain, "   1", x, "   0.000", "   0.000", "N") \
                      ATOM("CA ", "CYX", chain, "   1", x, "   1.400", "   0.000", "C") \
                      ATOM("C  ", "CYX", chain, "   1", x, "   2.000", "   1.400", "C") \
                      ATOM("O  ", "CYX", chain, "   1", x, "   3.200", "   1.400", "O") \
                      ATOM("CB ", "CYX", chain, "   1", x, "   2.000", "  -1.400", "C") \
                      ATOM("SG ", "CYX", chain, "   1", x, "   3.800", "  -1.400", "S")

static void test_disulfide(void)
{
    km_tokenized t;
    km_err err = {0};
    ok(tokenize_text(CYS("A", "   0.000") CYS("B", "   2.050"), &plain, &t, &err) == KM_OK, "two cysteines of Amber %s",
       err.msg);
    const km_bond *last = &t.system->bonds[t.system->n_bonds - 1];
    ok(last->a == 5 && last->b == 11 && last->type == KM_BOND_SINGLE && t.report.bonds_distance == 1 &&
           strcmp(t.system->residues[0].name, "CYS") == 0,
       "are bonded");
    km_tokenized_clear(&t);
    ok(tokenize_text(CYS("A", "   0.000") CYS("B", "   3.050"), &plain, &t, &err) == KM_OK &&
           t.report.bonds_distance == 0,
       "or not");
    km_tokenized_clear(&t);
}

#define SER4                                                                                                           \
    ATOM("N  ", "SER", "A", "   8", "   9.000", "   0.000", "   0.000", "N")                                           \
    ATOM("CA ", "SER", "A", "   8", "  10.000", "   1.000", "   0.000", "C")                                           \
    ATOM("C  ", "SER", "A", "   8", "  11.000", "   0.000", "   0.000", "C")                                           \
    ATOM("O  ", "SER", "A", "   8", "  11.000", "  -1.200", "   0.000", "O")                                           \
    ATOM("CB ", "SER", "A", "   8", "  10.000", "   2.000", "   1.200", "C")                                           \
    ATOM("OG ", "SER", "A", "   8", "  10.000", "   3.300", "   0.700", "O")

/* Sequence G A GG S T, of which A and S have coordinates, as residues 5 and 8. */
static void test_unresolved(void)
{
    static const char text[] = "SEQRES   1 A    6  GLY ALA GLY GLY SER THR\n" GLY("A", "   5", "   0.000") SER4;
    char named[sizeof text];
    memcpy(named, text, sizeof text);
    for (char *p = strchr(named, '\n'); (p = strstr(p, "GLY")) != NULL;) memcpy(p, "ALA", 3);
    km_tokenized t;
    km_err err = {0};
    km_token_options options = {.missing = KM_MISSING_DROP};
    ok(tokenize_text(named, &options, &t, &err) == KM_OK && t.report.unresolved == 4 && t.system->n_residues == 2,
       "left out, and counted %s", err.msg);
    ok(t.system->residues[0].index == 1 && t.system->residues[1].index == 4, "places are those of the sequence");
    km_tokenized_clear(&t);
    options.unresolved = true;
    km_structure *raw = read_text(named);
    ok(km_chem_tokenize(raw, &options, &t, &err) == KM_OK && t.report.unresolved == 4, "kept %s", err.msg);
    const km_system *s = t.system;
    bool good = s->n_residues == 6 && s->n_tokens == 6;
    static const int numbers[] = {4, 5, 6, 7, 8, 9};
    for (int i = 0; i < 6 && good; i++) {
        good = s->residues[i].index == i && s->tokens[i].residue_index == i && s->residues[i].number == numbers[i] &&
               s->atoms[s->residues[i].first_atom].present == (i == 1 || i == 4);
    }
    ok(good, "in their places, marked absent, numbered by the author's numbers");
    int links = 0;
    for (int i = 0; i < s->n_bonds; i++) links += s->atoms[s->bonds[i].a].residue != s->atoms[s->bonds[i].b].residue;
    ok(links == 5, "and joined");
    float *x = malloc(sizeof *x * 3 * (size_t)s->n_atoms);
    km_chem_gather(&t, raw->coords, x);
    const float *first = x, *ca = x + 3 * s->tokens[1].center_atom;
    ok(fabsf(first[0] - ca[0]) < 4 && fabsf(first[1] - ca[1]) < 4 && fabsf(first[2] - ca[2]) < 4,
       "their places are by the nearest residue");
    free(x);
    km_tokenized_clear(&t);
    km_structure_free(raw);
}

/* A nucleotide of CHARMM by its sugar, with hydrogens whose element nobody states. */
static void test_force_field_names(void)
{
#define DEOXY(name, e) ATOM(name, "ADE", "A", "   1", "   1.000", "   0.000", "   0.000", e)
#define BASE                                                                                                           \
    DEOXY("O5*", "O")                                                                                                  \
    DEOXY("C5*", "C")                                                                                                  \
    DEOXY("C4*", "C") DEOXY("O4*", "O") DEOXY("C3*", "C") DEOXY("O3*", "O") DEOXY("C2*", "C") DEOXY("C1*", "C")        \
        DEOXY("N9 ", "N") DEOXY("C8 ", "C") DEOXY("N7 ", "N") DEOXY("C5 ", "C") DEOXY("C6 ", "C") DEOXY("N6 ", "N")    \
            DEOXY("N1 ", "N") DEOXY("C2 ", "C") DEOXY("N3 ", "N") DEOXY("C4 ", "C")
    km_tokenized t;
    km_err err = {0};
    km_token_options options = {.missing = KM_MISSING_DROP};
    ok(tokenize_text(BASE, &options, &t, &err) == KM_OK && strcmp(t.system->residues[0].name, "DA") == 0 &&
           t.system->chains[0].mol_type == KM_DNA && t.report.missing == 3,
       "ADE without a hydroxyl is DA %s", err.msg);
    km_tokenized_clear(&t);
    ok(tokenize_text(BASE DEOXY("O2*", "O"), &options, &t, &err) == KM_OK &&
           strcmp(t.system->residues[0].name, "A") == 0,
       "with it, A %s", err.msg);
    km_tokenized_clear(&t);
    const char *mercury = "ATOM      9 HG11 VAL A   1       1.000   0.000   0.000\n"
                          "ATOM     10 1HG1 VAL A   1       1.000   0.000   0.000\n"
                          "ATOM     11 CA   VAL A   1       1.000   2.000   0.000\n";
    options.missing = KM_MISSING_BUILD;
    ok(tokenize_text(mercury, &options, &t, &err) == KM_INPUT && strstr(err.msg, "backbone atom N is missing"),
       "hydrogens that look like mercury, carbon like calcium: %s", err.msg);
}

int main(void)
{
    test_force_field_names();
    test_unresolved();
    test_reference();
    test_dipeptide();
    test_missing();
    test_refused();
    test_chains();
    test_disulfide();
    return tap_end();
}
