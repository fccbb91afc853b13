/* SPDX-License-Identifier: MIT
 * Mixtures of data sets: which set, how far apart, how many frames; systems cut to size; a chain declared ligand. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/train/data.h"
#include "tests/unit/peptide.h"
#include "tests/unit/tap.h"

enum { DT = 2000, FRAMES = 60 };
static char dir[] = "/tmp/km-sets-XXXXXX";

static void write_text(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0) exit(1);
}

static const char LGE[] = "pipelines/mini/examples/LGE.pdb";

/* LGE with its last residue as a chain of its own. */
static void write_two_chains(const char *path)
{
    char line[128];
    FILE *in = fopen(LGE, "r"), *out = fopen(path, "w");
    if (!in || !out) exit(1);
    while (fgets(line, sizeof line, in)) {
        if (!strncmp(line, "ATOM", 4) && !strncmp(line + 17, "GLU", 3)) line[21] = 'B';
        fputs(line, out);
    }
    fclose(in);
    if (fclose(out) != 0) exit(1);
}

static void write_data(const char *path, const char *top, const char *set, int frames)
{
    km_err err;
    float *start, x[3 * 64];
    km_h5md_writer *w;
    km_system *s = peptide_system(top, NULL, &start);
    s->atoms[7].present = 0;
    bool good = km_h5md_create(path, s, set, "", &w, &err) == KM_OK;
    for (int f = 0; f < frames && good; f++) {
        peptide_frame(s, start, 0, f, x);
        good = km_h5md_write(w, 0, x, (int64_t)f * DT, &err) == KM_OK;
    }
    if (!good || km_h5md_commit(w, &err) < 0) exit(1);
    km_system_free(s);
    free(start);
}

static km_train_config *config_of(const char *more)
{
    km_err err = {0};
    km_train_config *c = NULL;
    char *json = km_asprintf(
        "{\"frames.min\": \"4\", \"frames.max\": \"20\", \"frames.to_200\": \"20\", \"bond_loss\": \"all\", "
        "\"validation_share\": \"0\", \"sets.a.weight\": \"3\", \"sets.a.min\": \"2ps\", \"sets.a.max\": \"20ps\", "
        "\"sets.b.min\": \"1ps\", \"sets.b.max\": \"1us\", \"sets.b.usual\": \"6ps\", \"spacing.usual\": \"0.25\"%s}",
        more);
    if (km_train_config_parse(json, &c, &err) < 0) printf("# %s\n", err.msg), exit(1);
    free(json);
    return c;
}

static km_dataset *open_data(const km_train_config *c)
{
    km_err err = {0};
    km_dataset *d = NULL;
    if (km_dataset_open((const char *const[]){"."}, 1, NULL, c, &d, &err) < 0) printf("# %s\n", err.msg), exit(1);
    return d;
}

static km_group draw(const km_dataset *d, const km_train_config *c, int64_t number)
{
    const km_config m = {.family = km_family_at(0), .sigma_data = 4};
    km_err err = {0};
    km_group g;
    if (km_group_draw(d, d->train, d->n_train, c, &m, 5, number, 1, &g, &err) < 0) printf("# %s\n", err.msg), exit(1);
    return g;
}

static bool likely(int count, int n, double p) { return fabs(count - n * p) <= 4.5 * sqrt(n * p * (1 - p)); }

static void test_mixture(void)
{
    enum { N = 1200 };
    km_train_config *c = config_of("");
    km_dataset *d = open_data(c);
    int a = 0, first = 0, usual = 0, lengths = 0, range = 0;
    ok(d->n_train == 3 && d->systems[d->train[2]].set == 1, "systems are listed set after set");
    for (int i = 0; i < N; i++) {
        km_group g = draw(d, c, i);
        int stride = (int)lround(g.times[1] * 1e6 / DT), fit = (FRAMES - 1) / stride + 1;
        a += g.system->set == 0, first += g.system == &d->systems[d->train[0]];
        usual += g.system->set == 1 && stride == 3;
        lengths += g.T == (fit < 20 ? fit : 20);
        range += g.system->set == 0 ? stride >= 1 && stride <= 10 : stride >= 1 && stride < FRAMES;
        km_group_clear(&g);
    }
    double p = 0.25 * (0.25 + 0.75 * log(4 / 3.0) / log(FRAMES));
    ok(likely(a, N, 0.75) && likely(first, N, 0.375), "sets by weight, systems of a set alike: %d, %d of %d", a, first,
       N);
    ok(range == N, "spacings within the set's range and the file's length");
    ok(likely(usual, N, p), "a share at the usual spacing: %d, expected %.0f", usual, N * p);
    ok(lengths == N, "as many frames as the size of the system and the spacing allow");
    km_dataset_close(d);
    km_train_config_free(c);
}

static void test_reverse(void)
{
    enum { N = 300 };
    km_train_config *c = config_of(", \"task.reverse\": \"0.3\"");
    km_dataset *d = open_data(c);
    int back = 0, even = 0;
    for (int i = 0; i < N; i++) {
        km_group g = draw(d, c, i);
        int A = (int)g.system->features->A, at[2];
        int stride = (int)lround(g.times[1] * 1e6 / DT);
        at[0] = peptide_frame_told(g.x), at[1] = peptide_frame_told(g.x + 3 * A);
        back += at[1] < at[0], even += abs(at[1] - at[0]) == stride;
        km_group_clear(&g);
    }
    ok(even == N && likely(back, N, 0.3), "windows that run backwards: %d of %d", back, N);
    km_dataset_close(d);
    km_train_config_free(c);
}

static void test_missing(void)
{
    km_train_config *c = config_of("");
    km_dataset *d = open_data(c);
    km_group g = draw(d, c, 1);
    bool zero = true;
    for (int t = 0; t < g.T; t++)
        for (int k = 0; k < 3; k++) zero = zero && g.x[(t * (int)g.system->features->A + 7) * 3 + k] == 0;
    ok(zero && g.system->atom_mask[7] == 0, "an atom that is missing lies at the origin and has no part in the losses");
    km_group_clear(&g);
    km_dataset_close(d);
    km_train_config_free(c);
}

/* Which of the whole's atoms the cut holds, by their distances in the first frame. */
static void check_cut(const km_dataset *d, const km_train_config *c, bool spatial)
{
    int seen[3] = {0}, good = 0;
    enum { N = 60 };
    for (int i = 0; i < N; i++) {
        km_group g = draw(d, c, i);
        const km_features *f = g.system->features, *whole = g.whole->features;
        bool same = f->N == 2 && g.opt_tokens && g.opt_tokens[0] < g.opt_tokens[1];
        km_dim a = 0;
        for (km_dim b = 0; b < whole->A && same; b++) {
            int place = whole->atom_token[b] == g.opt_tokens[0] ? 0 : whole->atom_token[b] == g.opt_tokens[1] ? 1 : -1;
            if (place < 0) continue;
            same = a < f->A && f->atom_token[a] == place && f->ref_element[a] == whole->ref_element[b] &&
                   g.system->atom_mask[a] == g.whole->atom_mask[b] && g.system->residue[a] == place;
            a++;
        }
        good += same && a == f->A;
        for (int n = 0; n < 2; n++) seen[g.opt_tokens[n]]++;
        km_group_clear(&g);
    }
    ok(good == N && seen[0] && seen[1] && seen[2], "%s: two of three residues, whole ones, all of them at times",
       spatial ? "near a place" : "a run of the sequence");
}

static void test_cut(void)
{
    for (int spatial = 0; spatial < 2; spatial++) {
        km_train_config *c = config_of(spatial ? ", \"crop.tokens\": \"2\", \"crop.spatial\": \"1\""
                                               : ", \"crop.tokens\": \"2\", \"crop.spatial\": \"0\"");
        km_dataset *d = open_data(c);
        check_cut(d, c, spatial);
        km_dataset_close(d);
        km_train_config_free(c);
    }
}

static void test_ligand(void)
{
    km_train_config *c = config_of("");
    km_err err = {0};
    km_dataset *d = NULL;
    const char *file = "two.h5";
    write_data(file, "two.pdb", "a", FRAMES);
    write_text("two.yaml", "ligand: B\n");
    ok(km_dataset_open(&file, 1, NULL, c, &d, &err) == KM_OK && d->systems[0].mol_type[3] == KM_PROTEIN &&
           d->systems[0].mol_type[d->systems[0].features->A - 1] == KM_NONPOLYMER &&
           d->systems[0].features->mol_type[2] == KM_PROTEIN,
       "a chain that its file declares a ligand is one for the losses alone: %s", err.msg);
    km_dataset_close(d);
    static const struct {
        const char *text, *says;
    } bad[] = {{"ligand: Q\n", "no chain 'Q'"}, {"ligands: A\n", "unknown key 'ligands'"}, {"ligand: [", "two.yaml"}};
    for (int i = 0; i < 3; i++) {
        write_text("two.yaml", bad[i].text);
        err = (km_err){0};
        ok(km_dataset_open(&file, 1, NULL, c, &d, &err) == KM_INPUT && strstr(err.msg, bad[i].says) &&
               strstr(err.msg, "two.yaml"),
           "%s", err.msg);
    }
        file = "a1.h5";
    write_text("a1.yaml", "ligand: A\n");
    ok(km_dataset_open(&file, 1, NULL, c, &d, &err) == KM_INPUT && strstr(err.msg, "chain 'A' is all that there is"),
       "%s", err.msg);
    km_train_config_free(c);
}

static void test_refusals(void)
{
    km_train_config *c = config_of("");
    km_err err = {0};
    km_dataset *d = NULL;
    const char *file = "c.bad";
    ok(km_dataset_open(&file, 1, NULL, c, &d, &err) == KM_INPUT && strstr(err.msg, "set 'c'"), "%s", err.msg);
    km_train_config_free(c);
    static const char *const wrong[] = {
        "{\"sets.a.min\": \"1ps\"}",   "{\"sets.a.min\": \"2ps\", \"sets.a.max\": \"1ps\"}",
        "{\"sets.a.least\": \"1ps\"}", "{\"sets.a.b.min\": \"1ps\"}",
        "{\"sets.a\": \"1\"}",         "{\"sets.a.weight\": \"-1\"}",
        "{\"sets.a.max\": \"1\"}"};
    for (int i = 0; i < 7; i++)
        ok(km_train_config_parse(wrong[i], &c, &err) == KM_INPUT && strstr(err.msg, "sets.a"), "%s", err.msg);
}

int main(void)
{
    if (!mkdtemp(dir)) return 1;
    char *clean = km_asprintf("rm -r %s", dir), *names[] = {"a1.h5", "b1.h5", "a2.h5"};
    for (int i = 0; i < 3; i++) {
        char *path = km_asprintf("%s/%s", dir, names[i]);
        write_data(path, LGE, (char[]){names[i][0], 0}, FRAMES);
        free(path);
    }
    char *other = km_asprintf("%s/c.bad", dir);
    write_data(other, LGE, "c", 4);
    char *two = km_asprintf("%s/two.pdb", dir);
    write_two_chains(two);
    if (chdir(dir) != 0) return 1;
    test_mixture();
    test_reverse();
    test_missing();
    test_cut();
    test_ligand();
    test_refusals();
    if (system(clean) != 0) return 1;
    free(clean), free(other), free(two);
    return tap_end();
}
