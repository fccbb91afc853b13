/* SPDX-License-Identifier: MIT
 * formats/template and lib/chem/templates on a small file; Boltz-2's own results are compared by tests/oracle.c (kind
 * template_features). */
#include "lib/chem/templates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/template.h"
#include "lib/base/mem.h"
#include "lib/chem/residues.h"
#include "tests/unit/tap.h"

static char path[] = "/tmp/km-test-XXXXXX";

static void atom(FILE *f, int serial, const char *name, char alt, const char *residue, char chain, int number, float x,
                 float y, float z)
{
    fprintf(f, "ATOM  %5d  %-3s%c%3s %c%4d    %8.3f%8.3f%8.3f  1.00  0.00           %c\n", serial, name, alt, residue,
            chain, number, (double)x, (double)y, (double)z, *name);
}

/* Chain A: TRP CYS MSE GLY HIS of which HIS is not in the model, CYS without CB, alternates at TRP's CA; chain B: LYS
 * LYS and a water. */
static void write_file(bool seqres)
{
    FILE *f = fopen(path, "w");
    static const char *const names[] = {"TRP", "CYS", "MSE", "GLY"};
    if (seqres) fputs("SEQRES   1 A    5  TRP CYS MSE GLY HIS\nSEQRES   1 B    2  LYS LYS\n", f);
    int serial = 0;
    for (int r = 0; r < 6; r++) {
        const char *name = r < 4 ? names[r] : "LYS";
        char chain = r < 4 ? 'A' : 'B';
        float x = 3.8f * (float)r;
        atom(f, ++serial, "N", ' ', name, chain, 10 + r, x - 1, 1, 0);
        atom(f, ++serial, "CA", r ? ' ' : 'A', name, chain, 10 + r, x, 0, 0);
        if (r == 0) atom(f, ++serial, "CA", 'B', name, chain, 10 + r, x, 9, 0);
        atom(f, ++serial, "C", ' ', name, chain, 10 + r, x + 1.5f, 0, 0);
        if (r != 1 && r != 3) atom(f, ++serial, "CB", ' ', name, chain, 10 + r, x, -1, 1);
        atom(f, ++serial, "H", ' ', name, chain, 10 + r, x, -1, 2);
        if (r == 3) fprintf(f, "TER\n");
    }
    fputs("TER\nHETATM   99  O   HOH B  90      50.000  50.000  50.000  1.00  0.00           O\nEND\n", f);
    fclose(f);
}

static void test_file(bool seqres)
{
    km_template *t;
    km_err err = {0};
    write_file(seqres);
    if (!ok(km_template_read(path, &t, &err) == KM_OK, "read %s", err.msg)) return;
    const km_template_chain *a = &t->chains[0];
    ok(t->n_chains == 2 && !strcmp(a->name, "A1") && !strcmp(t->chains[1].name, "B1") &&
           !strcmp(a->letters, seqres ? "WCXGH" : "WCXG") && !strcmp(t->chains[1].letters, "KK"), "chains and letters");
    ok(t->residues[0].n_atoms == 4 && t->atoms[1].pos[1] == 0, "the first alternate, no hydrogen");
    if (seqres) ok(!t->residues[4].present && t->residues[4].n_atoms == 0 && t->residues[3].present, "what is missing");
    km_template_free(t);
}

static void add_chain(km_system *s, const char *name, const char *sequence)
{
    int c = s->n_chains++;
    s->chains[c] = (km_chain){.mol_type = *sequence ? KM_PROTEIN : KM_NONPOLYMER, .asym_id = c,
                              .first_residue = s->n_residues};
    strcpy(s->chains[c].name, name);
    for (int i = 0; i == 0 || (*sequence && sequence[i]); i++) {
        const km_component *k = km_chem_component_of_letter(sequence[i], KM_PROTEIN);
        s->tokens[s->n_tokens++] = (km_token){.residue = s->n_residues, .asym_id = c, .res_type = k ? k->res_type : 22};
        s->residues[s->n_residues++] = (km_residue){"RES", c, i + 1, ' ', i, 0, 0};
        s->chains[c].n_residues++;
    }
}

/* Chain X: KKWCMGHP, chain Y: KK, and a ligand. */
static km_system *make_system(void)
{
    km_system *s = km_system_new();
    s->chains = KM_NEWN(km_chain, 3), s->residues = KM_NEWN(km_residue, 16), s->tokens = KM_NEWN(km_token, 16);
    add_chain(s, "X", "WCMGHP");
    add_chain(s, "Y", "KK");
    add_chain(s, "L", "");
    return s;
}

static km_status make(const km_template_request *r, int n, km_templates **t, km_err *err)
{
    km_system *s = make_system();
    km_library *l = km_library_new(NULL);
    km_status status = km_chem_templates(s, r, n, l, t, err);
    km_library_free(l), km_system_free(s);
    return status;
}

static bool same(const float *x, float a, float b, float c)
{
    return fabsf(x[0] - a) < 1e-5f && fabsf(x[1] - b) < 1e-5f && fabsf(x[2] - c) < 1e-5f;
}

static void test_templates(void)
{
    km_templates *t;
    km_err err = {0};
    write_file(true);
    if (!ok(make(&(km_template_request){.path = path}, 1, &t, &err) == KM_OK, "made %s", err.msg)) return;
    static const int32_t types[] = {19, 6, 14, 9, 10, 0, 13, 13, 0}, seen[] = {0, 0, 0, 0, 0, 0, 0, 0, -3};
    ok(t->n_templates == 1 && t->n_tokens == 9 && !memcmp(t->restype, types, sizeof types), "residue types, MSE's MET");
    ok(!memcmp(t->visibility_ids, seen, sizeof seen), "who sees whom");
    ok(t->mask[4] == 1 && t->mask[5] == 0 && t->mask_cb[4] == 0 && t->mask_frame[4] == 0, "one that the model lacks");
    ok(t->frame_rot[9 * 4] == 1 && t->frame_rot[9 * 4 + 8] == 1 && t->frame_rot[9 * 5] == 0, "identity, and nothing");
    ok(t->mask_frame[0] == 1 && t->mask_cb[1] == 0 && t->mask_cb[0] == 1 && t->mask_cb[3] == 1, "masks");
    ok(same(t->cb, 0, -1, 1) && same(t->cb + 9, 11.4f, 0, 0) && same(t->ca + 3, 3.8f, 0, 0) &&
           same(t->frame_t, 0, 0, 0),
       "places; glycine's CB is its CA");
    ok(same(t->frame_rot, 1, 0, 0) && same(t->frame_rot + 3, 0, 1, 0) && same(t->frame_rot + 6, 0, 0, 1), "a frame");
    km_templates_free(t);
    const char *x = "X", *b1 = "B1", *none = "Q", *both[] = {"X", "Y"};
    km_template_request two[] = {{path, &x, 1, NULL, 0}, {path, &(const char *){"Y"}, 1, NULL, 0}};
    ok(make(two, 2, &t, &err) == KM_OK && t->n_templates == 1 && t->mask[0] == 1 && t->mask[6] == 1,
       "one file named twice is one template");
    km_templates_free(t);
    ok(make(&(km_template_request){path, &x, 1, &b1, 1}, 1, &t, &err) == KM_OK && t->mask[0] == 0, "nothing alike");
    km_templates_free(t);
    ok(make(&(km_template_request){path, &none, 1, NULL, 0}, 1, &t, &err) == KM_USAGE && strstr(err.msg, "'Q'") && !t,
       "%s", err.msg);
    ok(make(&(km_template_request){path, NULL, 0, &none, 1}, 1, &t, &err) == KM_USAGE && strstr(err.msg, "'Q'"), "%s",
       err.msg);
    ok(make(&(km_template_request){path, both, 2, &b1, 1}, 1, &t, &err) == KM_USAGE &&
           strstr(err.msg, "2 chains, but 1"), "%s", err.msg);
    ok(make(&(km_template_request){.path = "tests/none"}, 1, &t, &err) == KM_SYSTEM, "%s", err.msg);
    ok(make(&(km_template_request){.path = "tests/oracle.c"}, 1, &t, &err) == KM_INPUT, "%s", err.msg);
    ok(make(NULL, 0, &t, &err) == KM_OK && !t, "none");
}

/* Cut anywhere a file is read or refused. */
static void test_damage(void)
{
    char text[4096];
    write_file(true);
    FILE *f = fopen(path, "r");
    size_t n = fread(text, 1, sizeof text, f);
    fclose(f);
    int odd = 0, refused = 0;
    for (size_t k = 0; k < n; k += 7) {
        km_template *t;
        km_err err = {0};
        f = fopen(path, "w");
        fwrite(text, 1, k, f);
        fclose(f);
        km_status status = km_template_read(path, &t, &err);
        odd += status != KM_OK && (status != KM_INPUT || strncmp(err.msg, path, strlen(path)));
        refused += status == KM_INPUT;
        km_template_free(t);
    }
    ok(odd == 0 && refused > 20, "cut files: %d of %zu refused, by name", refused, n / 7);
    write_file(true);
    f = fopen(path, "a");
    fputs("ATOM     50  CA  ALA C  50         nan   0.000   0.000  1.00  0.00           C\n", f);
    fclose(f);
    km_template *t;
    km_err err;
    ok(km_template_read(path, &t, &err) == KM_INPUT && strstr(err.msg, "bad coordinate"), "%s", err.msg);
}

int main(void)
{
    int fd = mkstemp(path);
    if (!ok(fd >= 0, "a file")) return tap_end();
    close(fd);
    test_file(true);
    test_file(false);
    test_templates();
    test_damage();
    unlink(path);
    return tap_end();
}
