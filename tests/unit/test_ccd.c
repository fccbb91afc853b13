/* SPDX-License-Identifier: MIT */
#include "formats/ccd.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "formats/slurp.h"
#include "lib/base/mem.h"
#include "tests/unit/tap.h"

static const char *const names[] = {"ATP", "MDL", "NAG", "SEP", "ZN"};

static bool same_component(const km_component *x, const km_component *y)
{
    if (x->n_atoms != y->n_atoms || x->n_bonds != y->n_bonds || x->mol_type != y->mol_type) return false;
    for (int i = 0; i < x->n_atoms; i++) {
        const km_component_atom *a = &x->atoms[i], *b = &y->atoms[i];
        if (strcmp(a->name, b->name) || a->element != b->element || a->charge != b->charge || a->leaves != b->leaves ||
            a->hydrogens != b->hydrogens || memcmp(a->pos, b->pos, sizeof a->pos))
            return false;
    }
    for (int i = 0; i < x->n_bonds; i++)
        if (x->bonds[i].a != y->bonds[i].a || x->bonds[i].b != y->bonds[i].b || x->bonds[i].type != y->bonds[i].type)
            return false;
    return true;
}

static bool same_dictionary(const km_ccd *x, const km_ccd *y)
{
    if (km_ccd_count(x) != km_ccd_count(y)) return false;
    for (int i = 0; i < km_ccd_count(x); i++) {
        km_name name;
        km_component *a = NULL, *b = NULL;
        km_ccd_name(x, i, name);
        bool same = km_ccd_find(x, name, &a, NULL) == 1 && km_ccd_find(y, name, &b, NULL) == 1 && same_component(a, b);
        free(a), free(b);
        if (!same) return false;
    }
    return true;
}

static void test_text(const km_ccd *d)
{
    km_err err = {0};
    km_component *c;
    bool sorted = km_ccd_count(d) == 5;
    for (int i = 0; i < 5 && sorted; i++) {
        km_name name;
        km_ccd_name(d, i, name);
        sorted = strcmp(name, names[i]) == 0;
    }
    ok(sorted, "five components by name");
    ok(km_ccd_find(d, "SEP", &c, &err) == 1 && c->n_atoms == 11 && c->n_bonds == 10 && c->mol_type == KM_PROTEIN,
       "a residue of proteins: heavy atoms and their bonds");
    ok(!strcmp(c->atoms[3].name, "OG") && !strcmp(c->atoms[6].name, "OXT") && c->atoms[6].leaves &&
           !c->atoms[3].leaves && c->atoms[7].element == 15 && c->atoms[1].hydrogens == 1 &&
           c->atoms[0].pos[0] == 1.855f,
       "names, elements, leaving atoms, hydrogens, ideal coordinates");
    free(c);
    ok(km_ccd_find(d, "ZN", &c, &err) == 1 && c->n_atoms == 1 && c->atoms[0].charge == 2 && c->atoms[0].element == 30 &&
           c->mol_type == KM_NONPOLYMER,
       "a block without loops");
    free(c);
    ok(km_ccd_find(d, "MDL", &c, &err) == 1 && c->n_atoms == 2 && c->atoms[0].pos[1] == 2.5f && !c->unplaced &&
           !strcmp(c->atoms[1].name, "O1") && c->atoms[1].charge == -1 && c->bonds[0].type == KM_BOND_DOUBLE,
       "the model's coordinates where there are no ideal ones; quotations and texts");
    free(c);
    ok(km_ccd_find(d, "ALA", &c, &err) == 0 && !c && km_ccd_find(d, "LONGNAME", &c, &err) == 0, "what is not there");
}

static void refused(const char *text, const char *why)
{
    km_ccd *d;
    km_err err = {0};
    km_status status = km_ccd_parse(text, strlen(text), "x.cif", &d, &err);
    ok(status == KM_INPUT && strstr(err.msg, why) && !strncmp(err.msg, "x.cif: ", 7), "%s: %s", why, err.msg);
    if (status == KM_OK) km_ccd_close(d);
}

#define ATOMS "loop_\n_chem_comp_atom.comp_id\n_chem_comp_atom.atom_id\n_chem_comp_atom.type_symbol\n"
#define BONDS "loop_\n_chem_comp_bond.comp_id\n_chem_comp_bond.atom_id_1\n_chem_comp_bond.atom_id_2\n" \
              "_chem_comp_bond.value_order\n"

static void test_refused(void)
{
    refused("", "no components");
    refused("data_X\n_chem_comp.id X\n", "no components");
    refused("data_X\n" ATOMS "X C1 C\nX C2", "line 7: a row of a loop is cut short");
    refused("data_X\n" ATOMS "X C1 C\nX C1 C\n", "atom C1 is there twice");
    refused("data_X\n" ATOMS "X C1 C\nY C1 C\nX C2 C\n", "its atoms stand in two places");
    refused("data_X\n" ATOMS "X C1 C\n" BONDS "X C1 C2 SING\n", "a bond between C1 and C2");
    refused("data_X\n" ATOMS "X C1 C\n" BONDS "X C1 C1 SING\n", "a bond between C1 and C1");
    refused("data_X\n" ATOMS "X TOOLONGANAME C\n", "line 6: component X: an atom without a name");
    refused("data_X\nloop_\n_chem_comp_atom.comp_id\nX\n", "_chem_comp_atom.atom_id is missing");
    refused("data_X\n_a 'b\n", "line 2: a quotation does not end");
    refused("data_X\n_a\n;b\n", "a text between semicolons does not end");
    refused("data_X\nvalue\n", "a value that belongs to nothing");
    refused("data_X\nloop_\nvalue\n", "a loop without columns");
}

/* Cut anywhere and with any byte changed: refused, or read as something sound. */
static void test_damage(const char *text, size_t n, const char *what)
{
    km_ccd *d;
    km_err err;
    char *copy = km_alloc(n + 1);
    int unsound = 0;
    for (size_t at = 0; at < 2 * n; at++) {
        size_t length = at < n ? at : n;
        memcpy(copy, text, n);
        if (at >= n) copy[at - n] ^= (char)(1 << at % 8);
        copy[length] = '\0';
        char *exact = memcpy(km_alloc(length + 1), copy, length + 1); /* so that a sanitizer sees a read beyond */
        km_status status = km_ccd_parse(exact, length, "x", &d, &err);
        if (status == KM_OK) {
            for (int i = 0; i < km_ccd_count(d); i++) {
                km_name name;
                km_component *c = NULL;
                km_ccd_name(d, i, name);
                unsound += km_ccd_find(d, name, &c, &err) != 1;
                free(c);
            }
            km_ccd_close(d);
        } else unsound += status != KM_INPUT || !err.msg[0];
        free(exact);
    }
    free(copy);
    ok(unsound == 0, "%s, cut and damaged at every byte", what);
}

/* -- the index */

static char folder[64] = "/tmp/km-ccd-XXXXXX";
static char *in_folder(const char *name) { return km_asprintf("%s/%s", folder, name); }
static bool exists(const char *path) { return access(path, F_OK) == 0; }

static void write_file(const char *path, const char *text, size_t n)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(text, 1, n, f) != n || fclose(f) != 0) KM_BUG("cannot write %s", path);
}

/* More than a mebibyte of components A00000 ..., the last of n atoms. */
static void write_large(const char *path, int n)
{
    FILE *f = fopen(path, "wb");
    for (int i = 0; i < 20000; i++) fprintf(f, "data_X\n" ATOMS "A%05d C1 C\n#\n", i);
    fprintf(f, "data_X\n" ATOMS);
    for (int i = 0; i < n; i++) fprintf(f, "LAST C%d C\n", i);
    fclose(f);
}

static int atoms_of(const char *path, const char *name)
{
    km_ccd *d;
    km_component *c = NULL;
    km_err err = {0};
    if (km_ccd_open(path, &d, &err) < 0) return printf("# %s\n", err.msg), -1;
    int n = km_ccd_find(d, name, &c, &err) == 1 ? c->n_atoms : -2;
    free(c);
    km_ccd_close(d);
    return n;
}

static void test_index(void)
{
    char *path = in_folder("large.cif"), *index = in_folder("large.cif.kmi"), *text;
    size_t n;
    km_err err = {0};
    write_large(path, 3);
    ok(atoms_of(path, "LAST") == 3 && exists(index), "a large dictionary gets an index beside it");
    ok(atoms_of(path, "LAST") == 3 && atoms_of(path, "A19999") == 1 && atoms_of(path, "A20000") == -2,
       "which is looked up in");
    write_large(path, 4);
    ok(atoms_of(path, "LAST") == 4, "another dictionary of that name: the index is made anew");
    ok(km_slurp(index, &text, &n, &err) == KM_OK, "the index reads");
    int unsound = 0;
    for (size_t at = 0; at < n; at += at < 72 ? 3 : n / 30) {
        text[at] ^= 16;
        write_file(index, text, n);
        int found = atoms_of(path, "LAST");
        unsound += found != 4 && found != -2;
        text[at] ^= 16;
    }
    ok(unsound == 0, "a damaged index is made anew, or its damage found");
    write_file(index, text, n / 2);
    ok(atoms_of(path, "LAST") == 4, "a cut index is made anew");
    text[n - 5] ^= 16; /* in the last record */
    write_file(index, text, n);
    km_ccd *d;
    km_component *c;
    ok(km_ccd_open(path, &d, &err) == KM_OK && km_ccd_find(d, "LAST", &c, &err) == KM_INPUT &&
           strstr(err.msg, "damaged"),
       "a damaged record is refused: %s", err.msg);
    km_ccd_close(d);
    free(text);
    unlink(index), unlink(path);
    free(path), free(index);
}

static void test_cache(void)
{
    char *inner = in_folder("fixed"), *path = in_folder("fixed/large.cif"), *cache = in_folder("cache");
    char *list = km_asprintf("ls %s/kinematic | grep -c '^large.cif-.*[.]kmi$' >/dev/null", cache);
    mkdir(inner, 0777);
    write_large(path, 5);
    chmod(inner, 0555);
    setenv("XDG_CACHE_HOME", cache, 1);
    ok(atoms_of(path, "LAST") == 5 && atoms_of(path, "LAST") == 5, "a dictionary in a folder that cannot be written");
    if (geteuid() == 0) ok(true, "the cache is used # skip root may write anywhere");
    else ok(system(list) == 0, "the cache is used");
    setenv("XDG_CACHE_HOME", "/dev/null/nowhere", 1);
    write_large(path, 6);
    ok(atoms_of(path, "LAST") == 6, "no place for an index at all: read all the same");
    chmod(inner, 0777);
    free(inner), free(path), free(cache), free(list);
}

static void test_gzip(const char *text, size_t n, const km_ccd *want)
{
    char *path = in_folder("small.cif.gz"), *packed;
    km_ccd *d;
    km_err err = {0};
    gzFile f = gzopen(path, "wb");
    gzwrite(f, text, (unsigned)n);
    gzclose(f);
    ok(km_ccd_open(path, &d, &err) == KM_OK && same_dictionary(d, want), "gzip %s", err.msg);
    km_ccd_close(d);
    f = gzopen(path, "ab"); /* a second member */
    gzwrite(f, "\n", 1);
    gzclose(f);
    ok(km_ccd_open(path, &d, &err) == KM_OK && same_dictionary(d, want), "gzip of two members");
    km_ccd_close(d);
    FILE *raw = fopen(path, "rb");
    size_t size = 0, unsound = 0;
    packed = km_alloc(1 << 16);
    size = fread(packed, 1, 1 << 16, raw);
    fclose(raw);
    for (size_t at = 2; at + 30 < size; at += 7) {
        write_file(path, packed, at);
        unsound += km_ccd_open(path, &d, &err) != KM_INPUT || !strstr(err.msg, "truncated gzip");
    }
    ok(unsound == 0, "gzip cut short is refused");
    ok(km_ccd_open("/nowhere/x.cif", &d, &err) == KM_SYSTEM, "%s", err.msg);
    free(packed), free(path);
}

int main(void)
{
    km_err err = {0};
    km_ccd *text = NULL, *binary = NULL;
    char *cif, *bcif;
    size_t n_cif, n_bcif;
    if (!mkdtemp(folder)) return 1;
    if (!ok(km_slurp("tests/data/components.cif", &cif, &n_cif, &err) == KM_OK &&
                km_slurp("tests/data/components.bcif", &bcif, &n_bcif, &err) == KM_OK &&
                km_ccd_parse(cif, n_cif, "cif", &text, &err) == KM_OK &&
                km_ccd_parse(bcif, n_bcif, "bcif", &binary, &err) == KM_OK,
            "mmCIF and BinaryCIF are read %s", err.msg))
        return tap_end();
    test_text(text);
    ok(same_dictionary(text, binary), "and hold the same");
    test_refused();
    test_damage(cif, n_cif, "mmCIF");
    test_damage(bcif, n_bcif, "BinaryCIF");
    test_gzip(cif, n_cif, text);
    test_index();
    test_cache();
    km_ccd_close(text), km_ccd_close(binary);
    free(cif), free(bcif);
    char *remove = km_asprintf("rm -r %s", folder);
    ok(system(remove) == 0, "cleaned");
    free(remove);
    return tap_end();
}
