/* SPDX-License-Identifier: MIT
 * Opening training data and dividing it into training, validation and test. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/yaml.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/base/rng.h"
#include "lib/chem/geometry.h"
#include "lib/chem/msa.h"
#include "lib/train/slow.h"

typedef struct paths {
    char **items;
    int count;
} paths;

static void add_path(paths *p, char *owned)
{
    p->items = km_realloc(p->items, (size_t)(p->count + 1) * sizeof *p->items);
    p->items[p->count++] = owned;
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static int is_h5(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return n > 3 && !strcmp(e->d_name + n - 3, ".h5");
}

static km_status list_files(const char *path, paths *out, km_err *err)
{
    struct stat st;
    struct dirent **found;
    if (stat(path, &st) != 0) return km_fail(err, KM_SYSTEM, "cannot open '%.180s'", path);
    if (!S_ISDIR(st.st_mode)) {
        add_path(out, km_strdup(path));
        return KM_OK;
    }
    int n = scandir(path, &found, is_h5, by_name);
    if (n < 0) return km_fail(err, KM_SYSTEM, "cannot list '%.180s'", path);
    for (int i = 0; i < n; i++) {
        add_path(out, km_asprintf("%s/%s", path, found[i]->d_name));
        free(found[i]);
    }
    free(found);
    return n ? KM_OK : km_fail(err, KM_INPUT, "%.180s: no .h5 file in it", path);
}

static void stem_of(const char *path, char out[128])
{
    const char *slash = strrchr(path, '/');
    snprintf(out, 128, "%s", slash ? slash + 1 : path);
    char *dot = strrchr(out, '.');
    if (dot) *dot = 0;
}

/* What a split file says. */
typedef struct splits {
    struct split_line {
        char system[128];
        km_split part;
    } *lines;
    int count;
} splits;

static const struct split_line *find_split(const splits *s, const char *system)
{
    for (int i = 0; i < s->count; i++)
        if (!strcmp(s->lines[i].system, system)) return &s->lines[i];
    return NULL;
}

static km_status add_split(splits *s, const char *line, const char *path, int number, km_err *err)
{
    static const char *const parts[] = {[KM_TRAIN] = "train", [KM_VAL] = "val", [KM_TEST] = "test"};
    struct split_line l;
    char word[16];
    int got = sscanf(line, "%127s %15s", l.system, word), part = 0;
    if (got < 1 || *l.system == '#') return KM_OK;
    while (got == 2 && part < 3 && strcmp(word, parts[part])) part++;
    if (got < 2 || part == 3)
        return km_fail(err, KM_INPUT, "%.150s: line %d: not `system train|val|test`", path, number);
    if (find_split(s, l.system))
        return km_fail(err, KM_INPUT, "%.120s: line %d: '%.60s' for the second time", path, number, l.system);
    l.part = (km_split)part;
    s->lines = km_realloc(s->lines, (size_t)(s->count + 1) * sizeof *s->lines);
    s->lines[s->count++] = l;
    return KM_OK;
}

static km_status read_splits(const char *path, splits *ret, km_err *err)
{
    FILE *f;
    char *line = NULL;
    size_t room = 0;
    km_status status = KM_OK;
    KM_TRY(km_input_open(path, &f, err));
    for (int n = 1; status == KM_OK && getline(&line, &room, f) >= 0; n++) status = add_split(ret, line, path, n, err);
    free(line);
    km_input_close(f);
    return status;
}

/* A number in [0, 1) that depends on the sequence alone, so that replicas of a system stay together. */
static double hash_sequence(const km_system *s)
{
    uint32_t h[4] = {0};
    for (int i = 0; i < s->n_residues; i++) {
        uint32_t key[2] = {(uint32_t)i, 0x73706c69u};
        memcpy((char *)h + 4, s->residues[i].name, 8);
        km_philox(h, h, key);
    }
    return h[0] * 0x1p-32;
}

static void take_atoms(km_train_system *t, const km_system *s, const int32_t *opt_mol_type)
{
    size_t A = (size_t)s->n_atoms;
    t->atom_mask = KM_NEWN(float, A), t->residue = KM_NEWN(int32_t, A), t->mol_type = KM_NEWN(int32_t, A);
    for (size_t a = 0; a < A; a++) {
        t->atom_mask[a] = s->atoms[a].present;
        t->residue[a] = s->atoms[a].residue;
        t->mol_type[a] = opt_mol_type ? opt_mol_type[a] : s->chains[s->residues[s->atoms[a].residue].chain].mol_type;
    }
}

static void take_traced(km_train_system *t, const km_system *s)
{
    t->traced = KM_NEWN(float, (size_t)s->n_atoms);
    for (int i = 0; i < s->n_tokens; i++) t->traced[s->tokens[i].center_atom] = t->atom_mask[s->tokens[i].center_atom];
}

static void put_pair(int32_t *pairs, int *n, int i, int j)
{
    pairs[2 * *n] = i, pairs[2 * *n + 1] = j;
    ++*n;
}

/* The bonds of the bond loss: all, or those between a polymer and a ligand (the seed design's); those whose length is
 * not known come last. */
static void take_bonds(km_train_system *t, const km_system *s, bool all)
{
    float *ideal = KM_NEWN(float, (size_t)s->n_bonds);
    km_chem_bonds_ideal(s, ideal);
    t->bonds = KM_NEWN(int32_t, 2 * (size_t)s->n_bonds), t->bond_lengths = KM_NEWN(float, (size_t)s->n_bonds);
    t->ligand_bonds = KM_NEWN(int32_t, 2 * (size_t)s->n_bonds);
    for (int b = 0; b < s->n_bonds; b++) {
        int i = s->bonds[b].a, j = s->bonds[b].b;
        int ligands = (t->mol_type[i] == KM_NONPOLYMER) + (t->mol_type[j] == KM_NONPOLYMER);
        if (t->atom_mask[i] == 0 || t->atom_mask[j] == 0) continue;
        if (ligands == 2) put_pair(t->ligand_bonds, &t->n_ligand_bonds, i, j);
        if (!(all || ligands == 1)) ideal[b] = -1;
        if (!(ideal[b] > 0)) continue;
        t->bond_lengths[t->n_bonds] = ideal[b];
        put_pair(t->bonds, &t->n_bonds, i, j);
    }
    t->n_all_bonds = t->n_bonds;
    for (int b = 0; b < s->n_bonds; b++) {
        int i = s->bonds[b].a, j = s->bonds[b].b;
        bool there = t->atom_mask[i] != 0 && t->atom_mask[j] != 0;
        if (there && !(ideal[b] > 0) && ideal[b] != -1) put_pair(t->bonds, &t->n_all_bonds, i, j);
    }
    free(ideal);
}

void km_train_system_fill(km_train_system *t, const km_system *s, const int32_t *opt_mol_type, bool all_bonds)
{
    take_atoms(t, s, opt_mol_type);
    take_traced(t, s);
    take_bonds(t, s, all_bonds);
}

/* The chains' loss classes, but for the chain that is a ligand by name. */
static km_status name_ligand(const km_system *s, const char *name, int32_t *mol_type, km_err *err)
{
    bool found = false, others = false;
    for (int a = 0; a < s->n_atoms; a++) {
        const km_chain *chain = &s->chains[s->residues[s->atoms[a].residue].chain];
        bool named = !strcmp(chain->name, name);
        found |= named, others |= !named;
        mol_type[a] = named ? KM_NONPOLYMER : chain->mol_type;
    }
    if (!found) return km_fail(err, KM_INPUT, "ligand: no chain '%.20s'", name);
    return others ? KM_OK : km_fail(err, KM_INPUT, "ligand: chain '%.20s' is all that there is", name);
}

/* What X.yaml beside X.h5 says of its ligand, as the atoms' loss classes; NULL where there is no such file. The caller
 * frees it. */
static km_status read_ligand(const char *path, const km_system *s, int32_t **ret, km_err *err)
{
    json_t *tree, *lines, *value;
    const char *key;
    char *yaml = km_asprintf("%.*s.yaml", (int)(strlen(path) > 3 ? strlen(path) - 3 : 0), path);
    km_status status = KM_OK;
    *ret = NULL;
    if (access(yaml, R_OK) == 0 && (status = km_yaml_read_flat(yaml, &tree, &lines, err)) == KM_OK) {
        *ret = KM_NEWN(int32_t, (size_t)s->n_atoms);
        json_object_foreach (tree, key, value) {
            if (status < 0) continue;
            if (!strcmp(key, "ligand")) status = name_ligand(s, json_string_value(value), *ret, err);
            else status = km_fail(err, KM_INPUT, "unknown key '%.40s'", key);
        }
        json_decref(tree), json_decref(lines);
        if (status < 0) km_fail_in(err, yaml);
    }
    free(yaml);
    return status;
}

/* The spacing of n times, 0 where they are not equally far apart. */
static int64_t spacing_of(const int64_t *times, int64_t n)
{
    int64_t dt = n > 1 ? times[1] - times[0] : 0;
    for (int64_t i = 2; i < n; i++)
        if (times[i] - times[i - 1] != dt) return 0;
    return dt > 0 ? dt : 0;
}

/* Those of at least so many frames: what a trajectory was cut at leaves pieces of any length. */
static km_status find_trajectories(km_train_system *t, int64_t least, km_err *err)
{
    const int count = km_h5md_trajectories(t->file);
    t->long_enough = KM_NEWN(int, (size_t)count);
    for (int i = 0; i < count; i++) {
        int64_t n = km_h5md_frames(t->file, i), dt = spacing_of(km_h5md_times(t->file, i), n);
        if (n < least) continue;
        if (!dt || (t->dt && dt != t->dt))
            return km_fail(err, KM_INPUT, "%.140s: trajectory %d: uneven or another spacing", t->path, i + 1);
        t->dt = dt;
        t->long_enough[t->n_long++] = i;
    }
    if (t->n_long > 0) return KM_OK;
    return km_fail(err, KM_INPUT, "%.140s: no trajectory of %lld frames", t->path, (long long)least);
}

static km_status open_system(const char *path, const splits *opt_splits, const km_train_config *c, km_train_system *t,
                             km_err *err)
{
    char stem[128];
    stem_of(path, stem);
    t->path = km_strdup(path);
    const struct split_line *line = opt_splits ? find_split(opt_splits, stem) : NULL;
    if (line) t->split = line->part;
    if (t->split == KM_TEST) return KM_OK;
    KM_TRY(km_h5md_open(path, &t->file, err));
    const km_system *s = km_h5md_system(t->file);
    if (!s || s->n_tokens == 0) return km_fail(err, KM_INPUT, "%.180s: no tokens (made with km-strip --raw?)", path);
    if (!km_family_of(s))
        return km_fail(err, KM_INPUT, "%.180s: features of %.15s, which are not known here", path, s->family);
    if (!opt_splits && hash_sequence(s) < c->validation_share) t->split = KM_VAL;
    const km_train_set *set = km_train_config_set(c, km_h5md_set(t->file));
    if (c->n_sets && !set)
        return km_fail(err, KM_INPUT, "%.140s: set '%.40s' is not in the configuration (key sets)", path,
                       km_h5md_set(t->file));
    if (set) t->set = (int)(set - c->sets);
    if (set && set->weight == 0) t->split = KM_TEST;
    KM_TRY(find_trajectories(t, set ? 2 : c->frames_max, err));
    t->features = km_train_features(t, c, 0);
    t->residues = t->features->N;
    if (t->features->draws <= 1) km_h5md_forget_msa(t->file);
    int32_t *mol_type;
    km_status status = read_ligand(path, s, &mol_type, err);
    if (status == KM_OK) km_train_system_fill(t, s, mol_type, c->bond_all);
    free(mol_type);
    if (status == KM_OK && c->tica > 0) status = km_slow_new(t, c, &t->opt_slow, err);
    return status;
}

km_features *km_train_features(const km_train_system *t, const km_train_config *c, uint32_t sample)
{
    const km_msa *all = km_h5md_msa(t->file);
    int32_t draws = 1;
    km_msa *msa = all ? km_chem_msa_draw(all, c->msa_depth, (uint64_t)c->msa_seed, sample, &draws) : NULL;
    const km_system *s = km_h5md_system(t->file);
    km_features *f = km_features_of(km_family_of(s), s, msa, km_h5md_templates(t->file));
    km_features_set_draws(f, draws);
    km_msa_free(msa);
    return f;
}

void km_train_system_clear(km_train_system *t)
{
    km_features_free(t->features);
    free(t->atom_mask), free(t->traced), free(t->residue), free(t->mol_type), free(t->bonds), free(t->bond_lengths);
    free(t->ligand_bonds);
    km_slow_free(t->opt_slow);
}

static void close_system(km_train_system *t)
{
    km_train_system_clear(t);
    free(t->long_enough);
    km_h5md_close(t->file); /* holds the templates that the features use */
    free(t->path);
}

/* The systems of one part, set after set. */
static int list_part(const km_dataset *d, km_split part, int n_sets, int *list)
{
    int n = 0;
    for (int set = 0; set < (n_sets ? n_sets : 1); set++)
        for (int i = 0; i < d->count; i++)
            if (d->systems[i].split == part && d->systems[i].set == set) list[n++] = i;
    return n;
}

km_status km_dataset_open(const char *const *names, int n_names, const char *opt_split, const km_train_config *c,
                          km_dataset **ret, km_err *err)
{
    paths files = {0};
    splits parts = {0};
    km_dataset *d = KM_NEW(km_dataset);
    km_status status = opt_split ? read_splits(opt_split, &parts, err) : KM_OK;
    for (int i = 0; i < n_names && status == KM_OK; i++) status = list_files(names[i], &files, err);
    size_t n = (size_t)files.count;
    d->systems = KM_NEWN(km_train_system, n), d->train = KM_NEWN(int, n), d->val = KM_NEWN(int, n);
    for (int i = 0; i < files.count && status == KM_OK; i++) {
        d->count++;
        status = open_system(files.items[i], opt_split ? &parts : NULL, c, &d->systems[i], err);
    }
    d->n_train = list_part(d, KM_TRAIN, c->n_sets, d->train), d->n_val = list_part(d, KM_VAL, c->n_sets, d->val);
    if (status == KM_OK && d->n_train == 0) status = km_fail(err, KM_INPUT, "no system to train on");
    for (int i = 0; i < files.count; i++) free(files.items[i]);
    free(files.items), free(parts.lines);
    if (status < 0) km_dataset_close(d);
    else *ret = d;
    return status;
}

void km_dataset_close(km_dataset *d)
{
    if (!d) return;
    for (int i = 0; i < d->count; i++) close_system(&d->systems[i]);
    free(d->systems), free(d->train), free(d->val);
    free(d);
}
