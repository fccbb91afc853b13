/* SPDX-License-Identifier: MIT
 * lib/train/trunks.c: results are found at the start, read when wanted, kept within the room, and missed clearly. */
#include "lib/train/trunks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/trunk_h5.h"
#include "lib/base/mem.h"
#include "tests/unit/peptide.h"
#include "tests/unit/tap.h"
#include "tests/unit/tiny.h"

enum { SYSTEMS = 3 };

static char dir[] = "/tmp/km-trunks-XXXXXX";

typedef struct fixture {
    km_train_config *c;
    km_dataset *d;
    km_model *m;
    char input[65];
    int64_t bytes; /* of a result */
} fixture;

/* Systems of one sequence, so that one result serves all. */
static fixture make_fixture(void)
{
    km_err err;
    fixture x = {.m = tiny_model(1)};
    char *names[SYSTEMS];
    for (int i = 0; i < SYSTEMS; i++) names[i] = km_asprintf("%d.h5", i);
    const char *json = "{\"frames.min\": \"3\", \"frames.max\": \"5\", \"validation_share\": \"0\"}";
    if (km_train_config_parse(json, &x.c, &err) < 0 ||
        km_dataset_open((const char *const *)names, SYSTEMS, NULL, x.c, &x.d, &err) < 0)
        printf("# %s\n", err.msg), exit(1);
    km_dim N = x.d->systems[0].features->N;
    x.bytes = (2 * N * x.m->config.token_s + N * N * x.m->config.token_z) * 4;
    for (int i = 0; i < SYSTEMS; i++) free(names[i]);
    return x;
}

static void write_result(const fixture *x, const char *key, const char *input, const char *digest, int recycles)
{
    km_err err;
    km_dim N = x->d->systems[0].features->N;
    km_trunk_result *t = km_trunk_result_new((int32_t)N, x->m->config.inputs_s, x->m->config.token_s,
                                             x->m->config.token_z);
    memset(t->s_inputs, 0, (size_t)(N * t->token_s) * 4), memset(t->s, 0, (size_t)(N * t->token_s) * 4);
    memset(t->z, 0, (size_t)(N * N * t->token_z) * 4);
    t->trunk_digest = km_strdup(digest), t->weights_name = km_strdup("w"), t->recycles = recycles;
    if (km_trunk_h5_write("cache", key, input, t, &err) < 0) printf("# %s\n", err.msg), exit(1);
    km_trunk_result_free(t);
}

static const char some_key[] = "0123456789012345678901234567890123456789012345678901234567890123";

static void test_missing(fixture *x)
{
    km_trunk_store *s = NULL;
    km_err err = {0};
    char key[65];
    km_trunk_key(x->m, x->d->systems[0].features, x->m->config.recycles, key, x->input);
    ok(km_trunk_store_open(x->d, x->m, x->c, "cache", 0, &s, &err) == KM_INPUT && strstr(err.msg, "0.h5: no result") &&
           !strstr(err.msg, "(one"),
       "%s", err.msg);
    write_result(x, some_key, x->input, "feed", 0);
    ok(km_trunk_store_open(x->d, x->m, x->c, "cache", 0, &s, &err) == KM_INPUT &&
           strstr(err.msg, "by other weights, w feed"),
       "%s", err.msg);
    write_result(x, some_key, x->input, x->m->trunk_digest, 9);
    ok(km_trunk_store_open(x->d, x->m, x->c, "cache", 0, &s, &err) == KM_INPUT && strstr(err.msg, "after 9 recycles"),
       "%s", err.msg);
    write_result(x, key, x->input, x->m->trunk_digest, x->m->config.recycles);
    ok(km_trunk_store_open(x->d, x->m, x->c, "cache", 0, &s, &err) == KM_OK, "one result serves equal systems");
    km_trunk_store_close(s);
}

/* Two rounds over all systems hold at most `peak` bytes. */
static void test_room(fixture *x, int64_t room, int64_t peak)
{
    km_trunk_store *s = NULL;
    km_err err = {0};
    const km_trunk_result *a, *b;
    const km_train_system *y = x->d->systems;
    if (km_trunk_store_open(x->d, x->m, x->c, "cache", room, &s, &err) < 0) printf("# %s\n", err.msg), exit(1);
    bool good = true;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < SYSTEMS; i++) {
            good = good && km_trunk_store_take(s, &y[i], &a, &err) == KM_OK && a->n_tokens == y[i].features->N;
            good = good && km_trunk_store_take(s, &y[i], &b, &err) == KM_OK && a == b;
            km_trunk_store_release(s, &y[i]), km_trunk_store_release(s, &y[i]);
        }
    ok(good && km_trunk_store_peak(s) == (size_t)peak, "room for %lld: at most %lld bytes", (long long)room,
       (long long)peak);
    good = km_trunk_store_take(s, &y[0], &a, &err) == KM_OK && km_trunk_store_take(s, &y[1], &b, &err) == KM_OK;
    ok(good && a->z[0] == 0 && b->z[0] == 0, "what is in use stays, whatever the room");
    km_trunk_store_release(s, &y[0]), km_trunk_store_release(s, &y[1]);
    km_trunk_store_close(s);
}

static void test_spoiled(fixture *x)
{
    km_trunk_store *s = NULL;
    km_err err = {0};
    const km_trunk_result *r;
    char key[65], input[65];
    km_trunk_key(x->m, x->d->systems[0].features, x->m->config.recycles, key, input);
    ok(!strcmp(input, x->input), "without an alignment there is nothing to forget");
    if (km_trunk_store_open(x->d, x->m, x->c, "cache", 0, &s, &err) < 0) printf("# %s\n", err.msg), exit(1);
    char *path = km_asprintf("cache/%s.h5", key);
    if (truncate(path, 900) != 0) exit(1);
    ok(km_trunk_store_take(s, x->d->systems, &r, &err) == KM_INPUT && !r && strstr(err.msg, key), "%s", err.msg);
    unlink(path);
    ok(km_trunk_store_take(s, x->d->systems, &r, &err) == KM_INPUT && strstr(err.msg, "gone"), "%s", err.msg);
    km_trunk_store_close(s);
    free(path);
}

int main(void)
{
    if (!mkdtemp(dir)) return 1;
    char *clean = km_asprintf("rm -r %s", dir);
    for (int i = 0; i < SYSTEMS; i++) {
        char *path = km_asprintf("%s/%d.h5", dir, i);
        peptide_write(path, 1, 6, 2000);
        free(path);
    }
    if (chdir(dir) != 0 || system("mkdir cache") != 0) return 1;
    fixture x = make_fixture();
    test_missing(&x);
    test_room(&x, 0, x.bytes);
    test_room(&x, 2 * x.bytes, 2 * x.bytes);
    test_room(&x, 100 * x.bytes, SYSTEMS * x.bytes);
    test_spoiled(&x);
    km_dataset_close(x.d);
    km_model_free(x.m);
    km_train_config_free(x.c);
    if (system(clean) != 0) return 1;
    free(clean);
    return tap_end();
}
