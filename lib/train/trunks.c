/* SPDX-License-Identifier: MIT */
#include "lib/train/trunks.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/h5_lock.h"
#include "formats/trunk_h5.h"
#include "lib/base/mem.h"
#include "lib/chem/msa.h"

/* A system's result. */
typedef struct entry {
    char key[65];
    km_trunk_result *result; /* NULL: not in memory */
    int users;
    int64_t last; /* when it was last asked for */
} entry;

struct km_trunk_store {
    const km_dataset *data;
    char *folder;
    entry *entries; /* [data->count] */
    int64_t room, held, peak, clock; /* bytes, bytes, bytes, calls */
    pthread_mutex_t lock; /* of all the above */
};

static int64_t bytes_of(const km_trunk_result *t)
{
    int64_t N = t->n_tokens;
    return (N * (t->inputs_s + t->token_s) + N * N * t->token_z) * (int64_t)sizeof(float);
}

/* -- what is there */

enum { WHY = 80 };

/* What a run of km-trunk would have to be told besides the weights. */
typedef struct wanted {
    const km_model *model;
    const km_train_config *config;
    const char *folder;
    int recycles;
} wanted;

static bool is_result(const char *name)
{
    size_t n = strlen(name);
    return n == 67 && strcmp(name + 64, ".h5") == 0;
}

/* Is there a result for the same input? Why it is not the one: " (...)" for a message, else nothing. */
static void say_why(const wanted *w, const char *input, char out[WHY])
{
    DIR *dir = opendir(w->folder);
    const struct dirent *e;
    *out = 0;
    while (dir && !*out && (e = readdir(dir))) {
        km_trunk_h5_label label;
        km_err unused;
        char *path = km_asprintf("%s/%s", w->folder, e->d_name);
        if (is_result(e->d_name) && km_trunk_h5_label_read(path, &label, &unused) == 1 &&
            !strcmp(label.input, input)) {
            if (strcmp(label.trunk_digest, w->model->trunk_digest))
                snprintf(out, WHY, " (one by other weights, %.20s %.12s)", label.weights_name,
                         label.trunk_digest);
            else snprintf(out, WHY, " (one after %d recycles)", (int)label.recycles);
        }
        free(path);
    }
    if (dir) closedir(dir);
}

static km_status missing(const wanted *w, const km_train_system *y, const char *input, km_err *err)
{
    char why[WHY], options[96] = "";
    const km_train_config *c = w->config;
    int n = 0;
    if (c->trunk_recycles >= 0) n = snprintf(options, sizeof options, "--recycles %d ", w->recycles);
    if (c->msa_depth != KM_MSA_DRAWN || c->msa_seed != 1)
        snprintf(options + n, sizeof options - (size_t)n, "--msa-depth %d --seed %lld ", c->msa_depth,
                 (long long)c->msa_seed);
    say_why(w, input, why);
    return km_fail(err, KM_INPUT,
                   "%.60s: no result of the trunk in %.40s%s: 'km-trunk --weights %.40s %s--cache' makes it",
                   y->path, w->folder, why, w->model->path, options);
}

/* Find a system's result, and forget what only the trunk reads of its features. */
static km_status find(entry *e, const wanted *w, km_train_system *y, km_err *err)
{
    char input[65];
    km_trunk_h5_label label;
    const km_config *c = &w->model->config;
    km_trunk_key(w->model, y->features, w->recycles, e->key, input);
    char *path = km_asprintf("%s/%s.h5", w->folder, e->key);
    km_status status = km_trunk_h5_label_read(path, &label, err);
    if (status == 0) status = missing(w, y, input, err);
    else if (status == 1 && (strcmp(label.key, e->key) || label.n_tokens != y->features->N ||
                             label.token_s != c->token_s || label.token_z != c->token_z))
        status = km_fail(err, KM_INPUT, "%.180s: not the trunk's result of its name", path);
    free(path);
    if (status < 0) return status;
    km_features_free(y->features);
    y->features = km_features_of(c->family, km_h5md_system(y->file), NULL, NULL);
    km_h5md_forget_msa(y->file);
    return KM_OK;
}

km_status km_trunk_store_open(km_dataset *d, const km_model *m, const km_train_config *c, const char *folder,
                              int64_t room, km_trunk_store **ret, km_err *err)
{
    wanted w = {m, c, folder, c->trunk_recycles >= 0 ? c->trunk_recycles : m->config.recycles};
    km_trunk_store *s = KM_NEW(km_trunk_store);
    km_status status = KM_OK;
    *s = (km_trunk_store){d, km_strdup(folder), KM_NEWN(entry, (size_t)d->count), room};
    pthread_mutex_init(&s->lock, NULL);
    for (int i = 0; i < d->count && status == KM_OK; i++)
        if (d->systems[i].features) status = find(&s->entries[i], &w, &d->systems[i], err);
    if (status < 0) km_trunk_store_close(s);
    else *ret = s;
    return status;
}

void km_trunk_store_close(km_trunk_store *s)
{
    if (!s) return;
    for (int i = 0; i < s->data->count; i++) km_trunk_result_free(s->entries[i].result);
    pthread_mutex_destroy(&s->lock);
    free(s->entries), free(s->folder), free(s);
}

/* -- what is in memory */

static void drop(km_trunk_store *s, entry *e)
{
    s->held -= bytes_of(e->result);
    km_trunk_result_free(e->result);
    e->result = NULL;
}

/* Give back what was used longest ago, until the rest and `more` fit or all of it is in use. */
static void make_room(km_trunk_store *s, int64_t more)
{
    while (s->held + more > s->room) {
        entry *oldest = NULL;
        for (entry *e = s->entries; e < s->entries + s->data->count; e++)
            if (e->result && e->users == 0 && (!oldest || e->last < oldest->last)) oldest = e;
        if (!oldest) return;
        drop(s, oldest);
    }
}

static km_status load(km_trunk_store *s, entry *e, const km_train_system *y, km_err *err)
{
    km_trunk_result *r;
    km_h5_lock();
    km_status got = km_trunk_h5_read(s->folder, e->key, (int32_t)y->features->N, &r, err);
    km_h5_unlock();
    if (got == 0) return km_fail(err, KM_INPUT, "%.100s/%s.h5: gone", s->folder, e->key);
    if (got < 0) return got;
    make_room(s, bytes_of(r));
    e->result = r;
    s->held += bytes_of(r);
    if (s->held > s->peak) s->peak = s->held;
    return KM_OK;
}

km_status km_trunk_store_take(km_trunk_store *s, const km_train_system *y, const km_trunk_result **ret, km_err *err)
{
    entry *e = &s->entries[y - s->data->systems];
    pthread_mutex_lock(&s->lock);
    e->last = ++s->clock;
    km_status status = e->result ? KM_OK : load(s, e, y, err);
    if (status == KM_OK) e->users++;
    *ret = e->result;
    pthread_mutex_unlock(&s->lock);
    return status;
}

void km_trunk_store_release(km_trunk_store *s, const km_train_system *y)
{
    pthread_mutex_lock(&s->lock);
    entry *e = &s->entries[y - s->data->systems];
    KM_ASSERT(e->users > 0);
    e->users--;
    make_room(s, 0);
    pthread_mutex_unlock(&s->lock);
}

size_t km_trunk_store_peak(km_trunk_store *s)
{
    pthread_mutex_lock(&s->lock);
    size_t peak = (size_t)s->peak;
    pthread_mutex_unlock(&s->lock);
    return peak;
}
