/* SPDX-License-Identifier: MIT
 * Which trajectories belong together: tables and directories. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tools/eval.h"

static char *own(km_eval_targets *t, char *text)
{
    t->owned = km_realloc(t->owned, (size_t)(t->n_owned + 1) * sizeof *t->owned);
    return t->owned[t->n_owned++] = text;
}

static km_eval_target *add_target(km_eval_targets *t, const char *name)
{
    t->items = km_realloc(t->items, (size_t)(t->n + 1) * sizeof *t->items);
    km_eval_target *target = &t->items[t->n++];
    *target = (km_eval_target){.name = own(t, km_strdup(name)), .dg = NAN};
    return target;
}

static void add_file(km_opt_list *l, const char *path)
{
    l->items = km_realloc(l->items, (size_t)(l->count + 1) * sizeof *l->items);
    l->items[l->count++] = path;
}

/* From where the table lies. */
static const char *beside(km_eval_targets *t, const char *table, const char *path)
{
    const char *slash = strrchr(table, '/');
    if (*path == '/' || !slash) return own(t, km_strdup(path));
    return own(t, km_asprintf("%.*s/%s", (int)(slash - table), table, path));
}

static km_status add_line(km_eval_targets *t, const char *path, char *line, int number, km_err *err)
{
    char *rest = line, *words[5], *word;
    int n = 0;
    line[strcspn(line, "#\r\n")] = 0;
    while (n < 5 && (word = strtok_r(rest, " \t", &rest))) words[n++] = word;
    if (n == 0) return KM_OK;
    if (n < 3 || n > 4)
        return km_fail(err, KM_INPUT, "%.150s: line %d: target, model, reference and perhaps a topology are needed",
                       path, number);
    km_eval_target *target = add_target(t, words[0]);
    add_file(&target->models, beside(t, path, words[1]));
    for (char *ref; (ref = strtok_r(words[2], ",", &words[2]));) add_file(&target->refs, beside(t, path, ref));
    if (n == 4) target->top = beside(t, path, words[3]);
    return KM_OK;
}

/* What one line of a table says; it may be changed. */
typedef km_status take_line(km_eval_targets *t, const char *path, char *line, int number, km_err *err);

static km_status read_table(km_eval_targets *t, const char *path, take_line *take, km_err *err)
{
    FILE *f;
    char *line = NULL;
    size_t room = 0;
    km_status status = KM_OK;
    KM_TRY(km_input_open(path, &f, err));
    for (int number = 1; status == KM_OK && getline(&line, &room, f) > 0; number++)
        status = take(t, path, line, number, err);
    free(line);
    km_input_close(f);
    return status;
}

km_status km_eval_read_pairs(const char *path, km_eval_targets *ret, km_err *err)
{
    *ret = (km_eval_targets){0};
    KM_TRY(read_table(ret, path, add_line, err));
    return ret->n ? KM_OK : km_fail(err, KM_INPUT, "%.200s: no pairs", path);
}

static km_status take_energy(km_eval_targets *t, const char *path, char *line, int number, km_err *err)
{
    char *rest = line, *name, *value, *end = NULL;
    line[strcspn(line, "#\r\n")] = 0;
    if (!(name = strtok_r(rest, " \t", &rest))) return KM_OK;
    double dg = (value = strtok_r(rest, " \t", &rest)) ? strtod(value, &end) : NAN;
    if (!value || *end || !isfinite(dg) || strtok_r(rest, " \t", &rest))
        return km_fail(err, KM_INPUT, "%.150s: line %d: a name and a number are needed", path, number);
    for (int i = 0; i < t->n; i++)
        if (!strcmp(t->items[i].name, name)) t->items[i].dg = dg;
    return KM_OK;
}

km_status km_eval_read_energies(const char *path, km_eval_targets *t, km_err *err)
{
    return read_table(t, path, take_energy, err);
}

/* The next of A-B, A- or A; false where there is none. */
static bool next_range(const char **text, long range[2])
{
    char *end;
    range[0] = range[1] = strtol(*text, &end, 10);
    if (end == *text) return false;
    if (*end == '-') {
        const char *to = end + 1;
        range[1] = strtol(to, &end, 10);
        if (end == to) range[1] = LONG_MAX;
    }
    if (range[0] > range[1] || (*end && *end != ',')) return false;
    *text = end + (*end == ',');
    return true;
}

static bool are_ranges(const char *text)
{
    long range[2];
    while (next_range(&text, range)) {
    }
    return *text == 0;
}

bool km_eval_in_ranges(const char *opt_ranges, int32_t number)
{
    long range[2];
    while (opt_ranges && next_range(&opt_ranges, range))
        if (range[0] <= number && number <= range[1]) return true;
    return !opt_ranges;
}

static km_status take_region(km_eval_targets *t, const char *path, char *line, int number, km_err *err)
{
    char *rest = line, *name, *region, *fit;
    line[strcspn(line, "#\r\n")] = 0;
    if (!(name = strtok_r(rest, " \t", &rest))) return KM_OK;
    region = strtok_r(rest, " \t", &rest), fit = strtok_r(rest, " \t", &rest);
    if (!region || !are_ranges(region) || (fit && !are_ranges(fit)) || strtok_r(rest, " \t", &rest))
        return km_fail(err, KM_INPUT, "%.150s: line %d: a name and residues such as 10-20,35 are needed", path, number);
    for (int i = 0; i < t->n; i++) {
        if (strcmp(t->items[i].name, name)) continue;
        t->items[i].region = own(t, km_strdup(region)), t->items[i].fit = fit ? own(t, km_strdup(fit)) : NULL;
    }
    return KM_OK;
}

km_status km_eval_read_regions(const char *path, km_eval_targets *t, km_err *err)
{
    return read_table(t, path, take_region, err);
}

/* -- directories */

static bool is_trajectory(const char *name)
{
    static const char *const endings[] = {".km", ".h5", ".xtc", ".trr", ".dcd", ".nc", ".npz", ".npy"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (!strcmp(dot, endings[i])) return true;
    return false;
}

static bool is_structure(const char *name)
{
    static const char *const endings[] = {".pdb", ".cif", ".ent"};
    const char *dot = strrchr(name, '.');
    for (int i = 0; dot && i < 3; i++)
        if (!strcmp(dot, endings[i])) return true;
    return false;
}

static int visible(const struct dirent *d) { return d->d_name[0] != '.'; }

/* What of a directory belongs to a name (NULL: all): trajectories are references, the first structure the topology;
 * with conformations all structures are references too. */
static void take_from(km_eval_targets *t, km_eval_target *target, const char *dir, const char *name, bool conformations)
{
    struct dirent **list;
    int n = scandir(dir, &list, visible, alphasort);
    for (int i = 0; i < n; i++) {
        const char *file = list[i]->d_name;
        size_t length = name ? strlen(name) : 0;
        bool ours = !name || (!strncmp(file, name, length) && strchr("._-", file[length]));
        if (ours && is_trajectory(file)) add_file(&target->refs, own(t, km_asprintf("%s/%s", dir, file)));
        if (ours && conformations && is_structure(file))
            add_file(&target->refs, own(t, km_asprintf("%s/%s", dir, file)));
        if (ours && is_structure(file) && !target->top) target->top = own(t, km_asprintf("%s/%s", dir, file));
        free(list[i]);
    }
    if (n >= 0) free(list);
}

km_status km_eval_pair_directories(const char *models, const char *refs, km_eval_targets *ret, km_err *err)
{
    struct dirent **list;
    *ret = (km_eval_targets){0};
    int n = scandir(models, &list, visible, alphasort);
    if (n < 0) return km_fail(err, KM_SYSTEM, "cannot read '%.150s': %s", models, strerror(errno));
    km_status status = KM_OK;
    for (int i = 0; i < n; i++) {
        const char *file = list[i]->d_name;
        if (status == KM_OK && (is_trajectory(file) || is_structure(file))) {
            char *name = km_asprintf("%.*s", (int)(strrchr(file, '.') - file), file);
            km_eval_target *target = add_target(ret, name);
            add_file(&target->models, own(ret, km_asprintf("%s/%s", models, file)));
            take_from(ret, target, refs, name, false);
            char *inner = km_asprintf("%s/%s", refs, name);
            take_from(ret, target, inner, NULL, false);
            if (!target->refs.count) take_from(ret, target, inner, NULL, true);
            if (!target->refs.count)
                status = km_fail(err, KM_INPUT, "%.100s: no trajectory of '%.100s' lies there", refs, name);
            free(inner), free(name);
        }
        free(list[i]);
    }
    free(list);
    if (status == KM_OK && ret->n == 0) status = km_fail(err, KM_INPUT, "%.200s: no trajectories", models);
    return status;
}

void km_eval_targets_clear(km_eval_targets *t)
{
    for (int i = 0; i < t->n_owned; i++) free(t->owned[i]);
    for (int i = 0; i < t->n; i++) free(t->items[i].models.items), free(t->items[i].refs.items);
    free(t->items), free(t->owned);
    *t = (km_eval_targets){0};
}
