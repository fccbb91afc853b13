/* SPDX-License-Identifier: MIT
 * Contents: 1. the table of names  2. asking for a parameter  3. checks  4. what there is, and digests */
#include "lib/nn/params_impl.h"

#include <fnmatch.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/digest.h"
#include "lib/nn/params_init.h"

/* -- 1. the table of names */

static uint32_t hash_name(const char *s)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (; *s; s++) h = (h ^ (unsigned char)*s) * 16777619u;
    return h;
}

static int *find_slot(const km_params *p, const char *name)
{
    uint32_t mask = (uint32_t)p->n_slots - 1, i = hash_name(name) & mask;
    while (p->slots[i] >= 0 && strcmp(p->entries[p->slots[i]]->name, name) != 0) i = (i + 1) & mask;
    return &p->slots[i];
}

static void grow_table(km_params *p)
{
    free(p->slots);
    p->n_slots = p->n_slots ? 2 * p->n_slots : 1024;
    p->slots = km_alloc((size_t)p->n_slots * sizeof(int));
    for (int i = 0; i < p->n_slots; i++) p->slots[i] = -1;
    for (int i = 0; i < p->n; i++) *find_slot(p, p->entries[i]->name) = i;
}

static entry *find_entry(const km_params *p, const char *name)
{
    int at = *find_slot(p, name);
    return at < 0 ? NULL : p->entries[at];
}

static entry *add_entry(km_params *p, const char *name)
{
    if (2 * (p->n + 1) > p->n_slots) grow_table(p);
    if (p->n == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 256;
        p->entries = km_realloc(p->entries, (size_t)p->cap * sizeof(entry *));
    }
    entry *e = KM_NEW(entry);
    e->name = km_strdup(name);
    e->trained = true;
    *find_slot(p, name) = p->n;
    p->entries[p->n++] = e;
    return e;
}

/* -- 2. asking for a parameter */

km_params *km_params_from_prefix(const km_safetensors *file, const char *prefix)
{
    km_params *p = KM_NEW(km_params);
    p->file = file;
    p->prefix = km_strdup(prefix);
    grow_table(p);
    return p;
}

km_params *km_params_from_file(const km_safetensors *file) { return km_params_from_prefix(file, ""); }

km_params *km_params_make(uint64_t seed, double lambda_lo, double lambda_hi)
{
    km_params *p = km_params_from_prefix(NULL, "");
    p->seed = seed;
    p->lambda_lo = lambda_lo;
    p->lambda_hi = lambda_hi;
    return p;
}

void km_params_make_missing(km_params *p, const char *patterns, uint64_t seed, double lambda_lo, double lambda_hi)
{
    free(p->made);
    p->made = km_strdup(patterns);
    p->seed = seed;
    p->lambda_lo = lambda_lo;
    p->lambda_hi = lambda_hi;
}

/* Back to what was there before km_params_pack. */
void km_params_free(km_params *p)
{
    if (!p) return;
    km_params_drop(p);
    for (int i = 0; i < p->n; i++) {
        free(p->entries[i]->own);
        free(p->entries[i]->name);
        free(p->entries[i]);
    }
    free(p->entries);
    free(p->slots);
    free(p->block);
    free(p->prefix);
    free(p->made);
    free(p);
}

char *km_params_alias(const char *name)
{
    static const char *const twins[] = {".output_projection_linear.", ".output_projection.0."};
    for (int i = 0; i < 2; i++) {
        const char *at = strstr(name, twins[i]);
        if (at) return km_asprintf("%.*s%s%s", (int)(at - name), name, twins[!i], at + strlen(twins[i]));
    }
    return NULL;
}

static const km_st_tensor *in_file(const km_params *p, const char *name)
{
    char *full = km_asprintf("%s%s", p->prefix, name), *alias = NULL;
    const km_st_tensor *t = km_safetensors_find(p->file, full);
    if (!t && (alias = km_params_alias(full))) t = km_safetensors_find(p->file, alias);
    free(alias);
    free(full);
    return t;
}

bool km_params_has(const km_params *p, const char *name) { return !p->file || in_file(p, name); }

bool km_params_matches(const char *name, const char *patterns)
{
    bool found = false;
    char *copy = km_strdup(patterns), *rest = copy;
    for (char *word; !found && (word = strsep(&rest, " \t\n")) != NULL;)
        found = *word && fnmatch(word, name, FNM_NOESCAPE) == 0;
    free(copy);
    return found;
}

static void shape_text(char out[64], int nd, const int64_t *shape)
{
    size_t at = 0;
    out[0] = 0;
    for (int i = 0; i < nd && at < 63; i++)
        at += (size_t)snprintf(out + at, 64 - at, "%s%lld", i ? ", " : "", (long long)shape[i]);
}

void km_params_named(km_params *p, char *(*original)(const void *names, const char *ours), const void *names)
{
    p->original = original, p->names = names;
}

static void note(km_params *p, const char *ours, const km_st_tensor *t, int nd, const km_dim *shape)
{
    char has[64], wants[64];
    if (p->n_problems++) return;
    char *theirs = p->original ? p->original(p->names, ours) : NULL;
    const char *name = theirs ? theirs : ours;
    if (t) {
        shape_text(has, t->nd, t->shape);
        shape_text(wants, nd, shape);
        km_fail(&p->problem, KM_INPUT, "parameter '%s' has shape [%s], not [%s]", name, has, wants);
    } else {
        km_fail(&p->problem, KM_INPUT, "parameter '%s' is missing", name);
    }
    free(theirs);
}

static void take_from_file(km_params *p, entry *e)
{
    const km_st_tensor *t = in_file(p, e->name);
    bool same = t && t->nd == e->t.nd;
    for (int i = 0; same && i < t->nd; i++) same = t->shape[i] == e->t.shape[i];
    if (same && t->dtype == KM_F32) {
        e->t.data = (float *)t->data; /* mapped and never written: training copies it into the block first */
        return;
    }
    e->own = km_calloc((size_t)km_numel(&e->t), sizeof(float));
    e->t.data = e->own;
    if (same)
        km_st_to_f32(t, e->own);
    else
        note(p, e->name, t, e->t.nd, e->t.shape);
}

/* X.bias starts within the bounds of X.weight */
static km_dim fan_in(const km_params *p, const entry *e)
{
    size_t len = strlen(e->name);
    if (e->t.nd > 1 || len < 5 || strcmp(e->name + len - 5, ".bias") != 0) return e->t.shape[e->t.nd - 1];
    char *weight = km_asprintf("%.*s.weight", (int)len - 5, e->name);
    const entry *w = find_entry(p, weight);
    free(weight);
    return w ? w->t.shape[w->t.nd - 1] : e->t.shape[0];
}

km_tensor *km_params_get(km_params *p, km_init init, const char *name, int nd, const km_dim *shape)
{
    KM_ASSERT(nd >= 1 && nd <= KM_MAX_DIMS && !p->block);
    entry *e = find_entry(p, name);
    if (e) {
        KM_ASSERT(e->t.nd == nd && memcmp(e->t.shape, shape, (size_t)nd * sizeof *shape) == 0);
        return &e->t;
    }
    e = add_entry(p, name);
    e->t.nd = nd;
    e->t.param_offset = -1;
    memcpy(e->t.shape, shape, (size_t)nd * sizeof *shape);
    if (p->file && !(p->made && km_params_matches(name, p->made) && !in_file(p, name))) {
        take_from_file(p, e);
        return &e->t;
    }
    e->own = km_calloc((size_t)km_numel(&e->t), sizeof(float));
    e->t.data = e->own;
    km_params_fill(e->own, km_numel(&e->t), fan_in(p, e), init, p->seed, hash_name(name), p->lambda_lo, p->lambda_hi);
    return &e->t;
}

void km_params_freeze(km_params *p, const char *prefix)
{
    for (int i = 0; i < p->n; i++)
        if (strncmp(p->entries[i]->name, prefix, strlen(prefix)) == 0) p->entries[i]->trained = false;
}

void km_params_products_only(const km_tensor *w, bool only)
{
    ((entry *)((char *)w - offsetof(entry, t)))->product = only;
}

/* -- 3. checks */

/* Did anybody ask for this parameter, under either of its names? */
static bool has_place(const km_params *p, const char *name)
{
    char *alias = km_params_alias(name);
    bool found = find_entry(p, name) || (alias && find_entry(p, alias));
    free(alias);
    return found;
}

static bool begins_with_one(const char *name, const char *const *prefixes)
{
    for (; *prefixes; prefixes++)
        if (strncmp(name, *prefixes, strlen(*prefixes)) == 0) return true;
    return false;
}

km_status km_params_check(km_params *p, const char *const *opt_strict_prefixes, km_err *err)
{
    if (p->n_problems > 1)
        return km_fail(err, p->problem.code, "%.200s, and %d more", p->problem.msg, p->n_problems - 1);
    if (p->n_problems) return km_fail(err, p->problem.code, "%s", p->problem.msg);
    if (!p->file || !opt_strict_prefixes) return KM_OK;
    size_t skip = strlen(p->prefix);
    for (int i = 0; i < km_safetensors_count(p->file); i++) {
        const char *name = km_safetensors_at(p->file, i)->name;
        if (strncmp(name, p->prefix, skip) != 0 || !begins_with_one(name + skip, opt_strict_prefixes)) continue;
        if (has_place(p, name + skip)) continue;
        char *theirs = p->original ? p->original(p->names, name + skip) : NULL;
        km_fail(err, KM_INPUT, "parameter '%s' has no place in this model", theirs ? theirs : name + skip);
        free(theirs);
        return KM_INPUT;
    }
    return KM_OK;
}

/* -- 4. what there is, and digests */

int km_params_count(const km_params *p) { return p->n; }
const char *km_params_name(const km_params *p, int i) { return p->entries[i]->name; }
km_tensor *km_params_at(const km_params *p, int i) { return &p->entries[i]->t; }
bool km_params_trained(const km_params *p, int i) { return p->entries[i]->trained; }
float *km_params_block(const km_params *p) { return p->block; }
km_dim km_params_size(const km_params *p) { return p->size; }

static int by_name(const void *a, const void *b)
{
    return strcmp((*(entry *const *)a)->name, (*(entry *const *)b)->name);
}

static void digest_head(km_digest *d, const entry *e)
{
    char shape[64];
    shape_text(shape, e->t.nd, e->t.shape);
    km_digest_add(d, e->name, strlen(e->name) + 1);
    km_digest_add(d, shape, strlen(shape) + 1);
}

void km_params_layout(const km_params *p, char out[65])
{
    km_digest *d = km_digest_new();
    for (int i = 0; i < p->n; i++) {
        char offset[32];
        int len = snprintf(offset, sizeof offset, "%lld", (long long)p->entries[i]->t.param_offset);
        digest_head(d, p->entries[i]);
        km_digest_add(d, offset, (size_t)len + 1);
    }
    km_digest_end(d, out);
}

void km_params_digest(const km_params *p, const char *const *opt_prefixes, const char *with, char out[65])
{
    entry **sorted = km_alloc((size_t)(p->n + 1) * sizeof *sorted);
    memcpy(sorted, p->entries, (size_t)p->n * sizeof *sorted);
    qsort(sorted, (size_t)p->n, sizeof *sorted, by_name);
    km_digest *d = km_digest_new();
    for (int i = 0; i < p->n; i++) {
        const entry *e = sorted[i];
        if (opt_prefixes && !begins_with_one(e->name, opt_prefixes)) continue;
        digest_head(d, e);
        km_digest_add(d, e->t.data, (size_t)km_numel(&e->t) * sizeof(float));
    }
    km_digest_add(d, with, strlen(with));
    free(sorted);
    km_digest_end(d, out);
}
