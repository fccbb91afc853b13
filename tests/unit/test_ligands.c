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

static km_status tokenize(pdb *p, km_missing missing, km_tokenized *t, float **ret_x, km_err *err)
{
    km_structure *raw = NULL;
    const km_token_options options = {.missing = missing, .library = library};
    fclose(p->f);
    FILE *f = fmemopen(p->text, p->n, "r");
    km_status status = km_structure_read_file(f, "test", 1, NULL, &raw, err);
    fclose(f);
    if (status == KM_OK) status = km_chem_tokenize(raw, &options, t, err);
    if (status == KM_OK && ret_x) {
        *ret_x = KM_NEWN(float, 3 * (size_t)t->system->n_atoms);
        km_chem_gather(t, raw->coords, *ret_x);
    }
    km_structure_free(raw);
    free(p->text);
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
    test_refused();
    test_built();
    test_link();
    test_ions();
    test_ring();
    test_free_residue();
    km_library_free(library);
    return tap_end();
}
