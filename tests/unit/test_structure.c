/* SPDX-License-Identifier: MIT */
#include "formats/structure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "tests/unit/tap.h"

/* Everything a small file can have: alternates, an insertion code, TER, a ligand, a water, a hydrogen, a charge. */
static const char pdb[] =
    "ATOM      1  N   ALA A   1      -0.966   0.493   1.500  1.00  0.00           N  \n"
    "ATOM      2  CA AALA A   1       0.257   0.418   0.692  0.40  0.00           C  \n"
    "ATOM      3  CA BALA A   1       0.300   0.500   0.700  0.60  0.00           C  \n"
    "ATOM      4  C   ALA A   1      -0.094   0.017  -0.716  1.00  0.00           C  \n"
    "ATOM      5  HA  ALA A   1       0.700   1.400   0.600  1.00  0.00           H  \n"
    "ATOM      6  N   GLY A   1A      1.000   0.000  -1.500  1.00  0.00           N  \n"
    "ATOM      7  CA  GLY A   1A      2.000   0.000  -2.500  1.00  0.00           C  \n"
    "TER       8      GLY A   1A\n"
    "ATOM      9  N   SER B  -5      11.000   0.000   0.000  1.00  0.00           N1+\n"
    "TER      10      SER B  -5\n"
    "HETATM   11  C1  LIG A 100       5.000   5.000   5.000  1.00  0.00           C  \n"
    "HETATM   12  O   HOH A 101       9.000   5.000   5.000  1.00  0.00           O  \n";

static const char cif[] =
    "data_x\nloop_\n_atom_site.group_PDB\n_atom_site.id\n_atom_site.type_symbol\n_atom_site.label_atom_id\n_atom_site."
    "label_alt_id\n"
    "_atom_site.label_comp_id\n_atom_site.label_asym_id\n_atom_site.label_entity_id\n_atom_site.label_seq_id\n_atom_"
    "site.Cartn_x\n"
    "_atom_site.Cartn_y\n_atom_site.Cartn_z\n"
    "_atom_site.occupancy\n_atom_site.B_iso_or_equiv\n_atom_site.auth_seq_id\n_atom_site.auth_asym_id\n_atom_site.pdbx_"
    "PDB_model_num\n"
    "ATOM 1 N N . ALA A 1 3 -0.966 0.493 1.5 1 0 13 X 1\n"
    "ATOM 2 C CA . ALA A 1 3 0.257 0.418 0.692 1 0 13 X 1\n"
    "#\nloop_\n_entity_poly_seq.entity_id\n_entity_poly_seq.num\n_entity_poly_seq.mon_id\n1 1 GLY\n1 2 SER\n1 3 ALA\n"
    "#\nloop_\n_entity.id\n_entity.type\n1 polymer\n#\nloop_\n_entity_poly.entity_id\n_entity_poly.type\n1 "
    "polypeptide(L)\n"
    "#\nloop_\n_struct_asym.id\n_struct_asym.entity_id\nA 1\n";

static km_status read_bytes(const void *bytes, size_t n, int model, km_structure **ret, km_err *err)
{
    FILE *f = tmpfile();
    fwrite(bytes, 1, n, f);
    rewind(f);
    km_status status = km_structure_read_file(f, "test", model, NULL, ret, err);
    fclose(f);
    return status;
}

static void test_pdb(void)
{
    km_structure *s;
    km_err err;
    ok(read_bytes(pdb, strlen(pdb), 0, &s, &err) == KM_OK, "a PDB file is read");
    const km_system *y = s->system;
    ok(y->n_atoms == 9 && y->n_residues == 5 && s->n_models == 1, "9 atoms in 5 residues");
    ok(*s->alt_dropped == 1 && fabsf(s->coords[3] - 0.3f) < 1e-6f, "the alternate of higher occupancy stays");
    ok(y->residues[1].number == 1 && y->residues[1].icode == 'A' && y->residues[1].first_atom == 4,
       "an insertion code is another residue");
    ok(y->n_chains == 4 && strcmp(y->chains[1].name, "B") == 0 && y->residues[2].number == -5,
       "chains by name and TER");
    ok(y->chains[0].mol_type == KM_PROTEIN && y->chains[3].mol_type == KM_NONPOLYMER, "polymers are known");
    ok(y->atoms[3].element == 1 && y->atoms[6].charge == 1 && strcmp(y->residues[4].name, "HOH") == 0,
       "hydrogens, charges, waters are there");
    ok(km_system_check(y, &err) == KM_OK, "the system is sound");
    km_structure_free(s);
}

static void test_order(void)
{
    /* Two waters of one number far apart, and serial numbers that mean nothing. */
    static const char text[] =
        "HETATM99999  O   HOH W   1       1.000   0.000   0.000  1.00  0.00           O  \n"
        "HETATM*****  O   HOH W   2       2.000   0.000   0.000  1.00  0.00           O  \n"
        "HETATM    1  O   HOH W   1       3.000   0.000   0.000  1.00  0.00           O  \n";
    km_structure *s;
    km_err err;
    ok(read_bytes(text, strlen(text), 1, &s, &err) == KM_OK && s->system->n_residues == 3,
       "residues of one number stay apart");
    ok(s->coords[0] == 1 && s->coords[3] == 2 && s->coords[6] == 3, "atoms stay in the file's order");
    km_structure_free(s);
}

static void test_old_pdb(void)
{
    static const char text[] = "ATOM      1  N   GLY A   1       1.000   0.000   0.000  1.00  0.00      1ABC  90\n"
                               "ATOM      2  CA  GLY A   1       2.000   0.000   0.000  1.00  0.00      1ABC   9\n";
    km_structure *s;
    km_err err = {0};
    ok(read_bytes(text, strlen(text), 1, &s, &err) == KM_OK && s->system->atoms[0].element == 7 &&
           s->system->atoms[1].charge == 0,
       "line numbers of old files are no charges %s", err.msg);
    km_structure_free(s);
}

static void test_occupancy(void)
{
    km_structure *s;
    km_err err = {0};
    for (int any = 0; any < 2; any++) {
        char text[256];
        snprintf(text, sizeof text,
                 "ATOM      1  N   GLY A   1       1.000   0.000   0.000  %s  0.00           N  \n"
                 "ATOM      2  CA  GLY A   1       2.000   0.000   0.000  0.00  0.00           C  \n",
                 any ? "0.30" : "0.00");
        bool read = read_bytes(text, strlen(text), 1, &s, &err) == KM_OK;
        if (any) ok(read && s->opt_occupied && s->opt_occupied[0] && !s->opt_occupied[1], "which atoms have occupancy");
        else ok(read && !s->opt_occupied, "a file of zeros says nothing");
        km_structure_free(s);
    }
}

static void test_cif(void)
{
    km_structure *s;
    km_err err;
    ok(read_bytes(cif, strlen(cif), 0, &s, &err) == KM_OK && s->system->n_atoms == 2, "an mmCIF file is read");
    if (!s) return;
    ok(s->label_seq[0] == 3 && s->system->residues[0].number == 13 && strcmp(s->system->chains[0].name, "X") == 0,
       "both numberings");
    ok(s->sequence[0] && strcmp(s->sequence[0], "GLY SER ALA") == 0, "the whole sequence");
    km_structure_free(s);
    unsigned char packed[4096];
    z_stream z = {.next_in = (Bytef *)cif, .avail_in = sizeof cif - 1, .next_out = packed, .avail_out = sizeof packed};
    ok(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) == Z_OK && deflate(&z, Z_FINISH) == Z_STREAM_END,
       "packed");
    size_t n = z.total_out, refused = 0;
    deflateEnd(&z);
    ok(read_bytes(packed, n, 0, &s, &err) == KM_OK && s->system->n_atoms == 2, "gzip is unpacked");
    km_structure_free(s);
    for (size_t i = 0; i < n; i++) refused += read_bytes(packed, i, 0, &s, &err) == KM_INPUT;
    ok(refused == n, "gzip cut at any byte is refused");
}

static void test_models(void)
{
    char text[2048];
    const char *row = "ATOM      1  N   ALA A   1    %8.3f   0.493   1.500  1.00  0.00           N  \n";
    char one[100], two[100];
    km_structure *s;
    km_err err;
    snprintf(one, sizeof one, row, 1.0);
    snprintf(two, sizeof two, row, 2.0);
    snprintf(text, sizeof text, "MODEL        1\n%sENDMDL\nMODEL        2\n%sENDMDL\nEND\n", one, two);
    ok(read_bytes(text, strlen(text), 0, &s, &err) == KM_OK && s->n_models == 2 && s->coords[3] == 2.0f, "all models");
    km_structure_free(s);
    ok(read_bytes(text, strlen(text), 2, &s, &err) == KM_OK && s->n_models == 1 && s->coords[0] == 2.0f,
       "the second model");
    km_structure_free(s);
    ok(read_bytes(text, strlen(text), 3, &s, &err) == KM_INPUT && strstr(err.msg, "model 3"), "no third: %s", err.msg);
    snprintf(text, sizeof text, "MODEL        1\n%sENDMDL\nMODEL        2\n%s%sENDMDL\nEND\n", one, two, pdb);
    ok(read_bytes(text, strlen(text), 0, &s, &err) == KM_INPUT && strstr(err.msg, "model 2"), "models that differ: %s",
       err.msg);
}

/* A dimer about an axis on which an ion lies: mmCIF names parts of chains, PDB chains. */
static void test_assembly(void)
{
    static const char axis[] =
        "#\nloop_\n"
        "_pdbx_struct_assembly_gen.assembly_id\n_pdbx_struct_assembly_gen.oper_expression\n"
        "_pdbx_struct_assembly_gen.asym_id_list\n1 (2)(2,1) A,B\n2 1-1 B\n3 1-9999999 "
        "A\n#\nloop_\n_pdbx_struct_oper_list.id\n"
        "_pdbx_struct_oper_list.type\n_pdbx_struct_oper_list.matrix[1][1]\n_pdbx_struct_oper_list.matrix[1][2]\n"
        "_pdbx_struct_oper_list.matrix[1][3]\n_pdbx_struct_oper_list.vector[1]\n_pdbx_struct_oper_list.matrix[2][1]\n"
        "_pdbx_struct_oper_list.matrix[2][2]\n_pdbx_struct_oper_list.matrix[2][3]\n_pdbx_struct_oper_list.vector[2]\n"
        "_pdbx_struct_oper_list.matrix[3][1]\n_pdbx_struct_oper_list.matrix[3][2]\n"
        "_pdbx_struct_oper_list.matrix[3][3]\n_pdbx_struct_oper_list.vector[3]\n1 identity 1 0 0 0 0 1 0 0 0 0 1 0\n"
        "2 rotation -1 0 0 0 0 -1 0 0 0 0 1 0\n";
    char text[sizeof cif + sizeof axis + 200];
    const char *table = strstr(cif, "#\nloop_");
    snprintf(text, sizeof text, "%.*sHETATM 3 ZN ZN . ZN B 2 . 0 0.001 7 1 0 101 X 1\n%s%s", (int)(table - cif), cif,
             table, axis);
    struct {
        const char *id;
        int chains, atoms;
    } want[] = {{NULL, 2, 3}, {"1", 3, 5}, {"2", 1, 1}};
    km_structure *s;
    km_err err;
    for (int i = 0; i < 3; i++) {
        FILE *f = fmemopen(text, strlen(text), "r");
        bool good = km_structure_read_file(f, "test", 1, want[i].id, &s, &err) == KM_OK;
        ok(good && s->system->n_chains == want[i].chains && s->system->n_atoms == want[i].atoms,
           "assembly %s: chains and atoms", want[i].id ? want[i].id : "none");
        if (i == 1 && good) {
            ok(strcmp(s->system->chains[0].name, "X") == 0 && strcmp(s->system->chains[2].name, "X-2") == 0,
               "the first copy keeps its name");
            ok(s->coords[0] == -0.966f && s->coords[3 * 3] == 0.966f && s->coords[3 * 3 + 2] == 1.5f &&
                   s->label_seq[2] == 3 && s->sequence[2] && strcmp(s->sequence[2], "GLY SER ALA") == 0,
               "the second is turned, of the same sequence");
        }
        km_structure_free(s);
        fclose(f);
    }
    FILE *f = fmemopen(text, strlen(text), "r");
    ok(km_structure_read_file(f, "test", 1, "4", &s, &err) == KM_INPUT && strstr(err.msg, "'4', only 1 2 3"), "%s",
       err.msg);
    rewind(f);
    ok(km_structure_read_file(f, "test", 1, "3", &s, &err) == KM_INPUT && strstr(err.msg, "'1-9999999'"), "%s",
       err.msg);
    fclose(f);
}

static void test_gro(void)
{
    static const char gro[] = "two residues t= 1.0\n    3\n"
                              "    1SER      N    1  -0.100   0.200   1.500\n"
                              "    1SER     CA    2   0.000   0.310   1.400\n"
                              "    2NA      NA    3   1.000   1.000   1.000\n"
                              "   2.00000   2.10000   2.20000\n";
    km_structure *s;
    km_err err;
    if (!ok(read_bytes(gro, sizeof gro - 1, 0, &s, &err) == KM_OK, "GRO: %s", err.msg)) return;
    const km_system *y = s->system;
    ok(y->n_atoms == 3 && y->n_residues == 2 && y->n_chains == 1 && !y->chains[0].name[0], "GRO: counts");
    ok(!strcmp(y->residues[0].name, "SER") && y->residues[0].n_atoms == 2 && y->residues[1].number == 2 &&
           !strcmp(y->atoms[1].name, "CA"),
       "GRO: names");
    ok(fabsf(s->coords[0] + 1) < 1e-6f && fabsf(s->coords[4] - 3.1f) < 1e-6f, "GRO: angstrom");
    km_structure_free(s);
    bool good = true;
    const size_t last = (size_t)(strstr(gro, "2.20000") - gro) + 1; /* a number cut short is a number */
    for (size_t n = 0; n < last; n++) good &= read_bytes(gro, n, 0, &s, &err) == KM_INPUT;
    ok(good, "GRO: cut at every byte: refused");
    ok(read_bytes(gro, sizeof gro - 1, 2, &s, &err) == KM_INPUT && strstr(err.msg, "one model"), "GRO: %s", err.msg);
}

static void test_bad(void)
{
    km_structure *s;
    km_err err;
    ok(read_bytes("", 0, 0, &s, &err) == KM_INPUT && !s, "empty: %s", err.msg);
    unsigned char garbage[512];
    for (int i = 0; i < 512; i++) garbage[i] = (unsigned char)(i * 167 + 13);
    ok(read_bytes(garbage, sizeof garbage, 0, &s, &err) == KM_INPUT, "garbage: %s", err.msg);
    char text[sizeof pdb];
    static const char *const bad[] = {"     nan", "     inf", "        ", "1.2.3   ", "  0.4x3 "};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        memcpy(text, pdb, sizeof pdb);
        memcpy(text + 81 + 38, bad[i], 8);
        ok(read_bytes(text, strlen(text), 0, &s, &err) == KM_INPUT && strstr(err.msg, "line 2"), "'%s': %s", bad[i],
           err.msg);
    }
    memcpy(text, pdb, sizeof pdb);
    text[81 + 60] = 0;
    ok(read_bytes(text, sizeof pdb - 1, 0, &s, &err) == KM_INPUT && strstr(err.msg, "line 2: no text"),
       "a zero byte: %s", err.msg);
    const char *gap = strstr(cif, "0.257");
    char copy[sizeof cif];
    memcpy(copy, cif, sizeof cif);
    memcpy(copy + (gap - cif), "?    ", 5);
    ok(read_bytes(copy, strlen(copy), 0, &s, &err) == KM_INPUT && strstr(err.msg, "CA"), "no coordinate: %s", err.msg);
    ok(km_structure_read("/nonexistent/x.pdb", 0, &s, &err) == KM_SYSTEM && !s, "no file: %s", err.msg);
    size_t crashes = 0;
    for (size_t i = 0; i < sizeof cif; i++) {
        km_status status = read_bytes(cif, i, 0, &s, &err);
        crashes += status != KM_OK && status != KM_INPUT;
        if (status == KM_OK) km_structure_free(s);
    }
    for (size_t i = 0; i < sizeof pdb * 8; i += 3) {
        memcpy(text, pdb, sizeof pdb);
        text[i / 8] = (char)(text[i / 8] ^ (1 << i % 8));
        km_status status = read_bytes(text, sizeof pdb - 1, 0, &s, &err);
        crashes += status != KM_OK && status != KM_INPUT;
        if (status == KM_OK) km_structure_free(s);
    }
    ok(crashes == 0, "cuts and flipped bits are read or refused");
}

static void test_write(km_structure_kind kind, const char *what)
{
    km_structure *s, *back = NULL;
    km_err err;
    ok(read_bytes(pdb, strlen(pdb), 0, &s, &err) == KM_OK, "%s: read", what);
    FILE *f = tmpfile();
    bool good = km_structure_write_start(f, kind, s->system, &err) == KM_OK;
    for (int m = 1; m <= 2; m++)
        good = good && km_structure_write_model(f, kind, s->system, s->coords, m, &err) == KM_OK;
    ok(good && km_structure_write_end(f, kind, s->system, &err) == KM_OK, "%s: written", what);
    rewind(f);
    ok(km_structure_read_file(f, "again", 0, NULL, &back, &err) == KM_OK, "%s: read again", what);
    fclose(f);
    const km_system *x = s->system, *y = back->system;
    ok(back->n_models == 2 && y->n_atoms == x->n_atoms && y->n_residues == x->n_residues && y->n_chains == x->n_chains,
       "%s: counts", what);
    good = memcmp(back->coords, s->coords, (size_t)x->n_atoms * 3 * sizeof(float)) == 0;
    for (int i = 0; i < x->n_atoms; i++)
        good = good && strcmp(x->atoms[i].name, y->atoms[i].name) == 0 && x->atoms[i].element == y->atoms[i].element &&
               x->atoms[i].charge == y->atoms[i].charge;
    for (int i = 0; i < x->n_residues; i++)
        good = good && x->residues[i].number == y->residues[i].number && x->residues[i].icode == y->residues[i].icode;
    ok(good, "%s: atoms, residues and coordinates are the same", what);
    float bad[27] = {0};
    bad[5] = NAN;
    f = tmpfile();
    ok(km_structure_write_model(f, kind, s->system, bad, 1, &err) == KM_INPUT, "%s: NaN is refused", what);
    fclose(f);
    km_structure_free(s);
    km_structure_free(back);
}

/* CONECT names the serials that the atoms were written with, TER lines counted, for bonds that no reader could guess.
 */
static void test_connect(void)
{
    km_structure *s;
    km_err err;
    char text[4096] = "";
    if (!ok(read_bytes(pdb, strlen(pdb), 0, &s, &err) == KM_OK, "CONECT: read")) return;
    const km_bond bonds[] = {
        {0, 1, KM_BOND_SINGLE}, {0, 6, KM_BOND_COVALENT}, {2, 4, KM_BOND_SINGLE}, {6, 7, KM_BOND_COVALENT}};
    free(s->system->bonds);
    s->system->bonds = memcpy(calloc(4, sizeof *bonds), bonds, sizeof bonds);
    s->system->n_bonds = 4;
    FILE *f = tmpfile();
    ok(km_structure_write_start(f, KM_STRUCTURE_PDB, s->system, &err) == KM_OK &&
           km_structure_write_model(f, KM_STRUCTURE_PDB, s->system, s->coords, 1, &err) == KM_OK &&
           km_structure_write_end(f, KM_STRUCTURE_PDB, s->system, &err) == KM_OK,
       "CONECT: written");
    rewind(f);
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    ok(strstr(text, "\nATOM      8  N   SER B  -5") && strstr(text, "\nHETATM   10  C1  LIG"),
       "CONECT: serials after TER");
    const char *first = strstr(text, "CONECT");
    ok(first && !strcmp(first, "CONECT    1    8\nCONECT    8    1\nCONECT    8   10\nCONECT   10    8\nEND\n"),
       "CONECT: between chains and to a ligand, not within a residue nor to the next one");
    km_structure_free(s);
}

/* Chains A and B with so many atoms of one name between them. */
static void test_many_atoms(void)
{
    enum { MOST = 99999 };
    km_system *s = km_system_new();
    km_err err;
    s->n_atoms = MOST - 1, s->n_residues = s->n_chains = 2;
    s->atoms = calloc(MOST, sizeof *s->atoms), s->residues = calloc(2, sizeof *s->residues),
    s->chains = calloc(2, sizeof *s->chains);
    for (int i = 0; i < 2; i++) {
        s->residues[i] = (km_residue){
            .name = "UNK", .chain = i, .number = 1, .icode = ' ', .first_atom = i * 10, .n_atoms = i ? MOST - 11 : 10};
        s->chains[i] = (km_chain){.name = {(char)('A' + i)}, .asym_id = i, .first_residue = i, .n_residues = 1};
    }
    for (int i = 0; i < s->n_atoms; i++)
        s->atoms[i] = (km_atom){.name = "C", .element = 6, .present = 1, .residue = i >= 10};
    FILE *f = tmpfile();
    ok(km_structure_write_start(f, KM_STRUCTURE_PDB, s, &err) == KM_USAGE && strstr(err.msg, "mmCIF"),
       "99998 atoms and two TER lines do not fit a PDB file: %s", err.msg);
    s->n_atoms = MOST - 2, s->residues[1].n_atoms--;
    ok(km_structure_write_start(f, KM_STRUCTURE_PDB, s, &err) == KM_OK, "99997 do");
    fclose(f);
    km_system_free(s);
}

int main(void)
{
    test_pdb();
    test_order();
    test_old_pdb();
    test_occupancy();
    test_cif();
    test_models();
    test_assembly();
    test_gro();
    test_bad();
    test_write(KM_STRUCTURE_PDB, "PDB");
    test_write(KM_STRUCTURE_CIF, "mmCIF");
    test_connect();
    test_many_atoms();
    return tap_end();
}
