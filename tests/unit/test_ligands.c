/* SPDX-License-Identifier: MIT
 * Structures with ligands, ions, modified residues, caps, links and rings, written from a dictionary's coordinates. */
#include "lib/chem/tokens.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/unit/tap.h"

#define CCD "tests/data/oracle/features-components.cif"

static km_library *library;

/* A PDB file in the making. */
typedef struct pdb {
    char *text;
    size_t n;
    FILE *f;
    int serial;
} pdb;

static void start(pdb *p)
{
    *p = (pdb){0};
    p->f = open_memstream(&p->text, &p->n);
}

static void put_atom(pdb *p, const char *record, const char *name, const char *residue, char chain, int number,
                     double x, double y, double z, const char *element)
{
    fprintf(p->f, "%-6s%5d %-4s %3s %c%4d    %8.3f%8.3f%8.3f  1.00  0.00          %2s\n", record, ++p->serial, name,
            residue, chain, number, x, y, z, element);
}

/* A component's atoms, without those named in `without` and, in a polymer, its leaving ones, moved along x. */
static void put(pdb *p, const char *name, char chain, int number, bool polymer, double shift, const char *without)
{
    const km_component *c;
    km_err err;
    char word[16];
    if ((polymer ? km_library_residue(library, name, &c, &err) : km_library_molecule(library, name, &c, &err)) < 0)
        KM_BUG("%s", err.msg);
    for (int i = c->n_atoms - 1; i >= 0; i--) { /* not in the dictionary's order */
        const km_component_atom *a = &c->atoms[i];
        snprintf(word, sizeof word, " %s ", a->name);
        if (strstr(without, word)) continue;
        put_atom(p, polymer && c->standard ? "ATOM" : "HETATM", a->name, name, chain, number,
                 (double)a->pos[0] + shift, (double)a->pos[1], (double)a->pos[2], km_element_symbol(a->element));
    }
}

static km_structure *read_pdb(pdb *p)
{
    km_structure *raw;
    km_err err;
    fclose(p->f);
    FILE *f = fmemopen(p->text, p->n, "r");
    if (km_structure_read_file(f, "test", 1, NULL, &raw, &err) < 0) KM_BUG("%s", err.msg);
    fclose(f);
    free(p->text);
    return raw;
}

static km_status tokenize(pdb *p, km_missing missing, km_tokenized *t, float **ret_x, km_err *err)
{
    km_structure *raw = read_pdb(p);
    const km_token_options options = {.missing = missing, .library = library};
    km_status status = KM_OK;
    if (status == KM_OK) status = km_chem_tokenize(raw, &options, t, err);
    if (status == KM_OK && ret_x) {
        *ret_x = KM_NEWN(float, 3 * (size_t)t->system->n_atoms);
        km_chem_gather(t, raw->coords, *ret_x);
    }
    km_structure_free(raw);
    return status;
}

static void test_complex(void)
{
    km_tokenized t;
    km_err err = {0};
    pdb p;
    start(&p);
    put(&p, "ALA", 'A', 1, true, 0, "");
    put(&p, "SEP", 'A', 2, true, 6, "");
    put(&p, "GLY", 'A', 3, true, 12, "");
    fprintf(p.f, "TER\n");
    put(&p, "ATP", 'A', 101, false, 40, "");
    put(&p, "ATP", 'A', 102, false, 70, "");
    put_atom(&p, "HETATM", "O", "HOH", 'A', 201, 20, 20, 20, "O");
    if (!ok(tokenize(&p, KM_MISSING_REFUSE, &t, NULL, &err) == KM_OK, "a modified residue and two ligands %s", err.msg))
        return;
    const km_system *s = t.system;
    ok(s->n_chains == 3 && s->chains[0].mol_type == KM_PROTEIN && s->chains[1].mol_type == KM_NONPOLYMER,
       "three chains");
    ok(s->chains[1].entity_id == 1 && s->chains[2].entity_id == 1 && s->chains[2].sym_id == 1 &&
           s->chains[2].asym_id == 2,
       "the ligands are copies");
    ok(s->n_tokens == 3 + 31 + 31 && s->tokens[1].modified && s->tokens[1].res_type == 22 &&
           s->tokens[1].n_atoms == 10 && s->tokens[1].center_atom == s->tokens[1].first_atom &&
           !s->tokens[3].modified && s->tokens[3].res_type == 22,
       "tokens: a residue each, modified or not; an atom each of a ligand");
    ok(!strcmp(s->atoms[5].name, "N") && !strcmp(s->atoms[14].name, "O3P"), "the dictionary's order, without OXT");
    ok(!strcmp(s->atoms[19].name, "PG") && t.report.waters == 1 && t.report.missing == 0,
       "the ligand's; the water left");
    int aromatic = 0;
    for (int i = 0; i < s->n_bonds; i++) aromatic += s->bonds[i].type == KM_BOND_AROMATIC;
    ok(aromatic == 2 * 10, "adenine is aromatic all around, the bond between its rings too");
    km_tokenized_clear(&t);
}

static double apart(const float *x, const float *y)
{
    double square = 0;
    for (int k = 0; k < 3; k++) square += ((double)x[k] - y[k]) * ((double)x[k] - y[k]);
    return sqrt(square);
}

/* How far the distances within a residue's conformers are from those of another. */
static double conformer_off(const km_system *a, const km_system *b, int first, int n)
{
    double worst = 0;
    for (int i = first; i < first + n; i++)
        for (int j = first; j < i; j++)
            worst = fmax(worst, fabs(apart(a->atoms[i].ref_pos, a->atoms[j].ref_pos) -
                                     apart(b->atoms[i].ref_pos, b->atoms[j].ref_pos)));
    return worst;
}

static int32_t atom_named(const km_system *s, int32_t residue, const char *name)
{
    int32_t i = s->residues[residue].first_atom;
    while (strcmp(s->atoms[i].name, name) != 0) i++;
    return i;
}

/* The same complex as Protenix has it: atoms as the file lists them, which is not the dictionary's order. */
static void test_protenix(void)
{
    km_tokenized t, u;
    km_err err = {0};
    pdb p;
    start(&p);
    put(&p, "ALA", 'A', 5, true, 0, " CB ");
    put(&p, "SEP", 'A', 6, true, 6, "");
    put(&p, "GLY", 'A', 9, true, 12, "");
    const km_component *gly;
    if (km_library_residue(library, "GLY", &gly, &err) < 0) KM_BUG("%s", err.msg);
    const float *of_c = gly->atoms[2].pos, *of_o = gly->atoms[3].pos, *of_ca = gly->atoms[1].pos;
    double oxt[3];
    for (int k = 0; k < 3; k++) oxt[k] = 2.2 * of_c[k] - 0.6 * ((double)of_o[k] + of_ca[k]);
    put_atom(&p, "ATOM", "OXT", "GLY", 'A', 9, oxt[0] + 12, oxt[1], oxt[2], "O");
    put_atom(&p, "ATOM", "H", "GLY", 'A', 9, 12, 1, 1, "H");
    fprintf(p.f, "TER\n");
    put(&p, "ATP", 'A', 101, false, 40, "");
    km_structure *raw = read_pdb(&p);
    const km_token_options options = {.library = library};
    raw->opt_occupied[1] = false;
    km_status status = km_chem_tokenize_protenix(raw, &options, 1, &t, &err);
    if (!ok(status == KM_OK, "as Protenix has it %s", err.msg)) return;
    if (km_chem_tokenize_protenix(raw, &options, 2, &u, &err) < 0) KM_BUG("%s", err.msg);
    const km_system *s = t.system;
    ok(s->n_atoms == 4 + 10 + 5 + 31 && !strcmp(s->atoms[0].name, "O") && !strcmp(s->atoms[3].name, "N") &&
           !strcmp(s->atoms[18].name, "OXT"),
       "the atoms of the file in its order, OXT too, no hydrogen");
    int there = 0;
    for (int i = 0; i < s->n_atoms; i++) there += s->atoms[i].present;
    ok(there == s->n_atoms - 1 && !s->atoms[1].present && t.source[1] == 1, "one of occupancy 0 is marked absent");
    int ordered = 0;
    for (int i = 1; i < s->n_atoms; i++) ordered += t.source[i] > t.source[i - 1];
    ok(ordered == s->n_atoms - 1, "and where they come from");
    ok(s->n_tokens == 1 + 10 + 1 + 31 && s->tokens[0].n_atoms == 4 && s->tokens[1].modified &&
           s->tokens[1].n_atoms == 1 && s->tokens[11].n_atoms == 5,
       "tokens: a standard residue each, an atom each of all else");
    ok(s->tokens[0].res_type == 2 && s->tokens[1].res_type == 22 && s->tokens[12].res_type == 22,
       "classes; the parent of a modified residue is not known");
    ok(s->tokens[0].residue_index == 5 && s->tokens[10].residue_index == 6 && s->tokens[11].residue_index == 9,
       "residues have the file's numbers");
    ok(!strcmp(s->atoms[s->tokens[0].center_atom].name, "CA") && !strcmp(s->atoms[s->tokens[11].repr_atom].name, "CA"),
       "centre atoms");
    ok(conformer_off(s, u.system, 0, 4) < 1e-5 && conformer_off(s, u.system, 4, 10) < 1e-5 &&
           apart(s->atoms[0].ref_pos, u.system->atoms[0].ref_pos) > 0.1,
       "conformers are turned and shifted whole, by the seed");
    const km_atom *c = &s->atoms[atom_named(s, 2, "C")], *o = &s->atoms[atom_named(s, 2, "O")], *x = &s->atoms[18];
    ok(fabs(apart(c->ref_pos, x->ref_pos) - 1.34) < 1e-4 && apart(o->ref_pos, x->ref_pos) > 2,
       "OXT has a place in its conformer: %g", apart(c->ref_pos, x->ref_pos));
    ok(apart(s->atoms[19].ref_pos, s->atoms[40].ref_pos) == 0 &&
           apart(s->atoms[19].ref_pos, u.system->atoms[19].ref_pos) > 0.01,
       "a ligand's is one point");
    int32_t of_oxt = 0;
    for (int i = 0; i < s->n_bonds; i++) of_oxt += s->bonds[i].a == 18 || s->bonds[i].b == 18;
    ok(of_oxt == 1, "OXT is bonded");
    km_tokenized_clear(&t), km_tokenized_clear(&u);
    km_structure_free(raw);
}

/* The dictionary's one-letter code says what a modified residue is made from. */
static void test_parent(void)
{
    char path[] = "/tmp/km-parent-XXXXXX", line[512];
    km_library *old = library;
    km_tokenized t;
    km_err err = {0};
    pdb p;
    int fd = mkstemp(path);
    FILE *in = fopen(CCD, "r"), *out = fdopen(fd, "w");
    while (in && out && fgets(line, sizeof line, in)) {
        fputs(line, out);
        if (!strcmp(line, "_chem_comp.id SEP\n")) fputs("_chem_comp.one_letter_code S\n", out);
    }
    fclose(in), fclose(out);
    library = km_library_new(path);
    start(&p);
    put(&p, "ALA", 'A', 1, true, 0, "");
    put(&p, "SEP", 'A', 2, true, 6, "");
    km_structure *raw = read_pdb(&p);
    const km_token_options options = {.library = library};
    if (ok(km_chem_tokenize_protenix(raw, &options, 1, &t, &err) == KM_OK, "a modified serine %s", err.msg)) {
        ok(t.system->tokens[1].res_type == 17 && t.system->tokens[1].n_atoms == 1, "is of its class, atom by atom");
        km_tokenized_clear(&t);
    }
    km_structure_free(raw);
    km_library_free(library);
    library = old;
    char *index = km_asprintf("rm -f %s*", path);
    if (system(index)) abort();
    free(index);
}

/* Of an arginine's two NH the nearer to CD is NH1. */
static void test_arginine(void)
{
    const km_token_options options = {.library = library};
    km_tokenized t;
    km_err err = {0};
    pdb p;
    start(&p);
    put(&p, "ARG", 'A', 1, true, 0, "");
    km_structure *raw = read_pdb(&p);
    const km_system *r = raw->system;
    int32_t one = atom_named(r, 0, "NH1"), two = atom_named(r, 0, "NH2"), d = atom_named(r, 0, "CD");
    bool swap = apart(raw->coords + 3 * one, raw->coords + 3 * d) > apart(raw->coords + 3 * two, raw->coords + 3 * d);
    if (!ok(km_chem_tokenize_protenix(raw, &options, 1, &t, &err) == KM_OK, "an arginine %s", err.msg)) return;
    ok(t.source[atom_named(t.system, 0, "NH1")] == (swap ? two : one), "NH1 is the one that it should be");
    km_tokenized_clear(&t);
    float *x = raw->coords;
    for (int k = 0; k < 3; k++) {
        float other = x[3 * one + k];
        x[3 * one + k] = x[3 * two + k], x[3 * two + k] = other;
    }
    if (!ok(km_chem_tokenize_protenix(raw, &options, 1, &t, &err) == KM_OK, "with their places changed")) return;
    ok(t.source[atom_named(t.system, 0, "NH1")] == (swap ? one : two), "it is again");
    km_tokenized_clear(&t);
    km_structure_free(raw);
}

static void test_refused(void)
{
    km_tokenized t;
    km_err err = {0};
    pdb p;
    start(&p);
    put(&p, "ALA", 'A', 1, true, 0, "");
    put_atom(&p, "HETATM", "C1", "QQQ", 'B', 1, 9, 9, 9, "C");
    put_atom(&p, "HETATM", "C2", "QQQ", 'B', 1, 9, 9, 8, "C");
    ok(tokenize(&p, KM_MISSING_REFUSE, &t, NULL, &err) == KM_INPUT && strstr(err.msg, "QQQ 1 of chain B") &&
           strstr(err.msg, "QQQ is not in"), "%s", err.msg);
    start(&p);
    put(&p, "ATP", 'B', 1, false, 0, " N6 ");
    ok(tokenize(&p, KM_MISSING_REFUSE, &t, NULL, &err) == KM_INPUT &&
           strstr(err.msg, "1 heavy atoms are missing (ATP 1 B: N6)"),
       "%s", err.msg);
    start(&p);
    put(&p, "ATP", 'B', 1, false, 0, "");
    put_atom(&p, "HETATM", "C99", "ATP", 'B', 1, 9, 9, 9, "C");
    ok(tokenize(&p, KM_MISSING_REFUSE, &t, NULL, &err) == KM_INPUT && strstr(err.msg, "atom C99 does not belong to it"),
       "%s", err.msg);
    start(&p);
    put_atom(&p, "HETATM", "PA", "ATP", 'B', 1, 1, 0, 0, "P");
    put_atom(&p, "HETATM", "PB", "ATP", 'B', 1, 4, 0, 0, "P");
    ok(tokenize(&p, KM_MISSING_BUILD, &t, NULL, &err) == KM_INPUT && strstr(err.msg, "only 2 of its 31 atoms"), "%s",
       err.msg);
}

static void test_built(void)
{
    km_tokenized t;
    km_err err = {0};
    float *x = NULL;
    pdb p;
    start(&p);
    put(&p, "ATP", 'B', 1, false, 5, " N6 O3' PG ");
    if (!ok(tokenize(&p, KM_MISSING_BUILD, &t, &x, &err) == KM_OK && t.report.missing == 3, "missing atoms built %s",
            err.msg))
        return;
    const km_system *s = t.system;
    float worst = 0;
    for (int i = 0; i < s->n_atoms; i++)
        for (int k = 0; k < 3; k++)
            worst = fmaxf(worst, fabsf(x[3 * i + k] - s->atoms[i].ref_pos[k] - (k == 0 ? 5 : 0)));
    ok(worst < 2e-3f, "where the conformer has them, to the digits of the file (%g)", (double)worst);
    free(x);
    km_tokenized_clear(&t);
}

/* A sugar that is linked has lost the atom that made room; the free one has it. */
static void test_link(void)
{
    km_tokenized t;
    km_err err = {0};
    pdb p;
    start(&p);
    put(&p, "CYS", 'A', 1, true, 0, "");
    int sulfur = 1; /* the last of CYS comes first */
    put(&p, "NAG", 'L', 1, false, 8, " O1 ");
    int c1 = p.serial; /* the first of NAG comes last */
    fprintf(p.f, "CONECT%5d%5d\n", sulfur, c1);
    if (!ok(tokenize(&p, KM_MISSING_REFUSE, &t, NULL, &err) == KM_OK, "a sugar with CONECT %s", err.msg)) return;
    const km_system *s = t.system;
    int covalent = -1;
    for (int i = 0; i < s->n_bonds; i++)
        if (s->bonds[i].type == KM_BOND_COVALENT) covalent = i;
    ok(covalent >= 0 && !strcmp(s->atoms[s->bonds[covalent].a].name, "SG") &&
           !strcmp(s->atoms[s->bonds[covalent].b].name, "C1") && t.report.bonds_file == 1,
       "is bonded to the protein");
    ok(s->n_tokens == 1 + 14 && t.report.missing == 0, "and has lost its leaving atom");
    km_tokenized_clear(&t);
}

static void test_ions(void)
{
    km_tokenized t;
    km_err err = {0};
    for (int held = 0; held < 2; held++) {
        pdb p;
        start(&p);
        put(&p, "HIS", 'A', 1, true, 0, "");
        put(&p, "ATP", 'B', 1, false, 60, "");
        const km_component *h;
        if (km_library_residue(library, "HIS", &h, &err) < 0) return;
        const float *n = h->atoms[0].pos, *o = h->atoms[3].pos; /* N and O are 2.7 to 3.6 apart */
        put_atom(&p, "HETATM", "ZN", "ZN", 'C', 1, held ? (double)(n[0] + o[0]) / 2 : 30, (double)(n[1] + o[1]) / 2,
                 (double)(n[2] + o[2]) / 2, "ZN");
        put_atom(&p, "HETATM", "NA", "SOD", 'C', 2, held ? (double)(n[0] + o[0]) / 2 : 30,
                 1 + (double)(n[1] + o[1]) / 2, (double)(n[2] + o[2]) / 2, "NA");
        if (!ok(tokenize(&p, KM_MISSING_REFUSE, &t, NULL, &err) == KM_OK, "ions %s", err.msg)) return;
        ok(t.report.held == held && t.report.ions == 2 - held && t.system->n_chains == 2 + held,
           held ? "a metal between donors stays, sodium does not" : "free ions leave");
        const km_atom *last = &t.system->atoms[t.system->n_atoms - 1];
        if (held) ok(last->element == 30 && last->charge == 2, "with its charge");
        km_tokenized_clear(&t);
    }
}

/* Residues on a circle, each with N and C at the sides, so that neighbours are linked. */
static void put_ring(pdb *p, int n, bool closed)
{
    for (int i = 0; i < n; i++) {
        static const char *const names[] = {"N", "CA", "C", "O"};
        for (int k = 0; k < 4; k++) {
            double angle = 2 * M_PI * (i + (k < 3 ? k : 2) / 3.0) / (n + !closed),
                   r = (k == 3 ? 1.2 : 0) + 4.0 * n / (2 * M_PI);
            put_atom(p, "ATOM", names[k], "GLY", 'A', i + 1, r * cos(angle), r * sin(angle), 0,
                     k == 0   ? "N"
                     : k == 3 ? "O"
                              : "C");
        }
    }
}

static void test_ring(void)
{
    km_tokenized t;
    km_err err = {0};
    for (int closed = 0; closed < 2; closed++) {
        pdb p;
        start(&p);
        put_ring(&p, 6, closed);
        if (!ok(tokenize(&p, KM_MISSING_REFUSE, &t, NULL, &err) == KM_OK, "six residues on a circle %s", err.msg))
            return;
        ok(t.system->chains[0].cyclic_period == 6 * closed && t.system->tokens[3].cyclic_period == 6 * closed &&
               t.system->n_bonds == 6 * 3 + 5 + closed,
           closed ? "are a ring" : "with a gap are none");
        km_tokenized_clear(&t);
    }
}

/* An amino acid that the file has by itself is a ligand with all its atoms. */
static void test_free_residue(void)
{
    km_tokenized t;
    km_err err = {0};
    pdb p;
    start(&p);
    put(&p, "ALA", 'A', 1, true, 0, "");
    put(&p, "GLY", 'A', 2, true, 6, "");
    put(&p, "SER", 'A', 3, true, 12, "");
    fprintf(p.f, "TER\n");
    put(&p, "GLU", 'A', 90, false, 40, "");
    if (!ok(tokenize(&p, KM_MISSING_REFUSE, &t, NULL, &err) == KM_OK, "a free glutamate %s", err.msg)) return;
    const km_chain *c = &t.system->chains[t.system->n_chains - 1];
    ok(c->mol_type == KM_NONPOLYMER && t.system->n_tokens == 3 + 10 && !strcmp(t.system->residues[3].name, "GLU"),
       "is a ligand of ten atoms");
    km_tokenized_clear(&t);
}

int main(void)
{
    library = km_library_new(CCD);
    test_complex();
    test_protenix();
    test_arginine();
    test_parent();
    test_refused();
    test_built();
    test_link();
    test_ions();
    test_ring();
    test_free_residue();
    km_library_free(library);
    return tap_end();
}
