/* SPDX-License-Identifier: MIT */
#include "lib/train/prefetch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"

typedef struct slot {
    km_group *groups;
    km_status status;
    km_err err;
} slot;

struct km_prefetch {
    km_reading what;
    slot *slots; /* a ring of config->read_ahead */
    int64_t made, taken; /* steps */
    bool stop;
    double waited;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t change;
};

static void clear(km_group *groups, int n)
{
    for (int i = 0; i < n; i++) km_group_clear(&groups[i]);
}

static void fill(const km_reading *w, int64_t step, slot *s)
{
    const km_train_config *c = w->config;
    s->status = KM_OK;
    for (int i = 0; i < w->count && s->status == KM_OK; i++) {
        s->status = km_group_draw(w->data, w->data->train, w->data->n_train, c, w->model, (uint64_t)c->seed,
                                  step * c->batch + w->first + i, c->windows, &s->groups[i], &s->err);
        if (s->status < 0) clear(s->groups, i);
    }
}

static void *run(void *arg)
{
    km_prefetch *r = arg;
    int ahead = r->what.config->read_ahead;
    int64_t steps = r->what.to - r->what.from;
    km_status status = KM_OK;
    while (r->made < steps && status == KM_OK) {
        pthread_mutex_lock(&r->lock);
        while (r->made - r->taken == ahead && !r->stop) pthread_cond_wait(&r->change, &r->lock);
        bool stop = r->stop;
        pthread_mutex_unlock(&r->lock);
        if (stop) break;
        slot *s = &r->slots[r->made % ahead];
        fill(&r->what, r->what.from + r->made, s);
        status = s->status;
        pthread_mutex_lock(&r->lock);
        r->made++;
        pthread_cond_signal(&r->change);
        pthread_mutex_unlock(&r->lock);
    }
    return NULL;
}

km_prefetch *km_prefetch_new(const km_reading *what)
{
    km_prefetch *r = KM_NEW(km_prefetch);
    *r = (km_prefetch){.what = *what, .slots = KM_NEWN(slot, (size_t)what->config->read_ahead)};
    for (int i = 0; i < what->config->read_ahead; i++) r->slots[i].groups = KM_NEWN(km_group, (size_t)what->count);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->change, NULL);
    if (pthread_create(&r->thread, NULL, run, r) != 0) KM_BUG("no thread to read with");
    return r;
}

km_status km_prefetch_take(km_prefetch *r, km_group *groups, km_err *err)
{
    double before = km_seconds();
    pthread_mutex_lock(&r->lock);
    while (r->made == r->taken) pthread_cond_wait(&r->change, &r->lock);
    slot *s = &r->slots[r->taken % r->what.config->read_ahead];
    if (s->status == KM_OK) {
        memcpy(groups, s->groups, (size_t)r->what.count * sizeof *groups);
        r->taken++; /* a failure stays where it is */
    } else {
        *err = s->err;
    }
    pthread_cond_signal(&r->change);
    km_status status = s->status;
    pthread_mutex_unlock(&r->lock);
    r->waited += km_seconds() - before;
    return status;
}

double km_prefetch_waited(const km_prefetch *r) { return r->waited; }

void km_prefetch_free(km_prefetch *r)
{
    if (!r) return;
    int ahead = r->what.config->read_ahead;
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_signal(&r->change);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    for (int64_t i = r->taken; i < r->made; i++)
        if (r->slots[i % ahead].status == KM_OK) clear(r->slots[i % ahead].groups, r->what.count);
    for (int i = 0; i < ahead; i++) free(r->slots[i].groups);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->change);
    free(r->slots), free(r);
}
