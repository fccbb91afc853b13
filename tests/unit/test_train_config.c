/* SPDX-License-Identifier: MIT
 * Configurations: what is read, what overrides it, what is refused and how the message puts it. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/train/config.h"
#include "formats/yaml.h"
#include "tests/unit/tap.h"

static char path[] = "/tmp/km-config-XXXXXX";

static void write_bytes(const char *text, size_t n)
{
    FILE *f = fopen(path, "w");
    if (!f || fwrite(text, 1, n, f) != n || fclose(f) != 0) exit(1);
}

static km_status read_text(const char *text, const char *const *overrides, int n, km_train_config **ret, km_err *err)
{
    write_bytes(text, strlen(text));
    return km_train_config_read(path, overrides, n, ret, err);
}

/* The text with one override (NULL: none) is refused with this code and a message that holds every one of the words. */
static void refused(const char *name, const char *text, const char *opt_override, km_status code,
                    const char *const *words)
{
    km_err err = {0};
    km_train_config *c = NULL;
    km_status status = read_text(text, &opt_override, opt_override != NULL, &c, &err);
    bool good = status == code && err.code == code && !c;
    for (; *words; words++) good = good && strstr(err.msg, *words);
    ok(good, "%s: %s", name, err.msg);
    if (status == KM_OK) km_train_config_free(c);
}
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static const char full[] = "# a run\n"
                           "seed: 12\n"
                           "lr: 2e-3\n"
                           "frames: {min: 4, max: 9}\n"
                           "spacing:\n"
                           "  forecast:\n"
                           "    min: 20ps\n"
                           "    max: 0.5ns\n"
                           "bond_loss: all\n"
                           "train: \"*.temporal.* score_model.*\"\n"
                           "model: {token_s: 24, pairformer_args: {num_blocks: 3}, causal: true, sigma_data: 4.5}\n"
                           "sampling: {sampler: karras, dt: 50ps}\n";

static void test_values(void)
{
    km_err err = {0};
    km_train_config *c;
    if (!ok(read_text(full, NULL, 0, &c, &err) == KM_OK, "a whole file is read")) return;
    ok(c->seed == 12 && c->lr == 2e-3 && c->frames_min == 4 && c->frames_max == 9 && c->forecast_dt_min == 20000 &&
           c->forecast_dt_max == 500000 && c->bond_all && !strcmp(c->train, "*.temporal.* score_model.*"),
       "numbers, words, texts and times");
    ok(c->beta2 == 0.95 && c->batch == 32 && c->interpolate_dt_max == 1000000 && c->flex_seed && !c->unbinding &&
           c->beta_rel_l == 4,
       "defaults for the rest");
    json_t *m = json_loads(c->model_json, 0, NULL), *model = json_object_get(m, "model");
    ok(json_integer_value(json_object_get(model, "token_s")) == 24 && json_is_true(json_object_get(model, "causal")) &&
           json_real_value(json_object_get(model, "sigma_data")) == 4.5 &&
           json_integer_value(json_object_get(json_object_get(model, "pairformer_args"), "num_blocks")) == 3 &&
           !strcmp(json_string_value(json_object_get(json_object_get(m, "sampling"), "dt")), "50ps"),
       "the new model as nested JSON");
    json_decref(m);
    km_train_config_free(c);
    km_train_config_free(NULL);
}

static void test_overrides(void)
{
    static const char *const over[] = {
        "lr=1e-5", "spacing.forecast.max=50ps", "train=*", "model.token_s=48", "mode=unbinding", "lr=3e-5"};
    km_err err = {0};
    km_train_config *c;
    if (!ok(read_text(full, over, 6, &c, &err) == KM_OK, "overrides are taken: %s", err.msg)) return;
    ok(c->lr == 3e-5 && c->forecast_dt_max == 50000 && !strcmp(c->train, "*") && c->unbinding &&
           strstr(c->model_json, "\"token_s\":48"),
       "they win over the file, the last one over the others");
    ok(c->frames_min == 4 && c->forecast_dt_min == 20000, "what they do not name stays");
    char *dump = km_train_config_dump(c), *again;
    km_train_config *d = NULL;
    if (ok(km_train_config_parse(dump, &d, &err) == KM_OK, "what is dumped can be read")) {
        again = km_train_config_dump(d);
        ok(!strcmp(dump, again) && d->lr == 3e-5 && d->forecast_dt_max == 50000 && d->unbinding &&
               !strcmp(d->model_json, c->model_json),
           "and is the same configuration");
        free(again);
        km_train_config_free(d);
    }
    free(dump);
    km_train_config_free(c);
    if (read_text("lr: 2e-3\nseed: 12", NULL, 0, &c, &err) < 0) exit(1);
    if (read_text("seed: 12\nlr: 2e-3\nbatch: 32\n", NULL, 0, &d, &err) < 0) exit(1);
    dump = km_train_config_dump(c), again = km_train_config_dump(d);
    ok(!strcmp(dump, again), "neither order nor a default that is spelt out makes another configuration");
    free(dump), free(again);
    km_train_config_free(c), km_train_config_free(d);
}

static void test_refusals(void)
{
    static const char *const none[] = {NULL};
    refused("a word for a number", "seed: 3\n\nlr: fast\n", NULL, KM_INPUT, WORDS(path, "line 3", "lr", "'fast'"));
    refused("out of range", "seed: 3\nframes:\n  max: 1\n", NULL, KM_INPUT, WORDS(path, "line 3", "frames.max", "'1'"));
    refused("a fraction for a count", "batch: 2.5\n", NULL, KM_INPUT, WORDS("line 1", "batch", "'2.5'"));
    refused("not a number", "lr: nan\n", NULL, KM_INPUT, WORDS("line 1", "lr"));
    refused("a time without a unit", "spacing: {forecast: {min: 100}}\n", NULL, KM_INPUT,
            WORDS("line 1", "spacing.forecast.min", "'100'"));
    refused("a time of nothing", "spacing: {forecast: {min: 0ps}}\n", NULL, KM_INPUT, WORDS("spacing.forecast.min"));
    refused("a word that is none of two", "seed: 1\nmode: both\n", NULL, KM_INPUT,
            WORDS("line 2", "mode", "unbinding", "equilibrium"));
    refused("an empty value", "lr:\n", NULL, KM_INPUT, WORDS("line 1", "lr"));
    refused("an unknown key", "seed: 1\nlearning_rate: 1\n", NULL, KM_INPUT,
            WORDS(path, "line 2", "unknown key 'learning_rate'"));
    refused("an unknown key in a section", "seed: 1\nloss:\n  bond: 1\n  bonds: 1\n", NULL, KM_INPUT,
            WORDS("line 4", "unknown key 'loss.bonds'"));
    refused("frames", "frames: {min: 9, max: 4}\n", NULL, KM_INPUT,
            WORDS(path, "frames.min is larger than frames.max"));
    refused("spacings", "spacing: {forecast: {min: 1ns, max: 1ps}}\n", NULL, KM_INPUT,
            WORDS(path, "spacing.forecast.min is larger than spacing.forecast.max"));
    refused("a value and a section", "model: {token_s: 8}\n", "model.token_s.x=3", KM_USAGE, WORDS("model.token_s"));
    refused("a section and a value", "model: {pairformer_args: {num_blocks: 8}}\n", "model.pairformer_args=3", KM_USAGE,
            WORDS("model.pairformer_args"));
    refused("an override with a bad value", "seed: 1\n", "lr=fast", KM_USAGE, WORDS("lr", "'fast'"));
    refused("a bad file with a good override", "seed: 1\nlr: fast\n", "batch=3", KM_INPUT, WORDS(path, "line 2", "lr"));
    refused("an override of an unknown key", "seed: 1\n", "bath=3", KM_USAGE, WORDS("unknown key 'bath'"));
    refused("an override without a value", "seed: 1\n", "lr", KM_USAGE, WORDS("'lr' is not KEY=VALUE"));
    refused("an override without a key", "seed: 1\n", "=1", KM_USAGE, WORDS("KEY=VALUE"));
    refused("an override that breaks the whole", "frames: {min: 6, max: 9}\n", "frames.max=5", KM_USAGE,
            WORDS("frames.min"));
    refused("a list", "seed: 1\nlr: [1, 2]\n", NULL, KM_INPUT, WORDS(path, "line 2", "list"));
    refused("no mapping", "just words\n", NULL, KM_INPUT, WORDS(path, "line 1"));
    refused("a key given twice", "lr: 1\nseed: 1\nlr: 1\n", NULL, KM_INPUT, WORDS("line 3", "twice"));
    refused("no YAML", "seed: 1\nlr: {\n", NULL, KM_INPUT, WORDS(path, "line"));
    refused("an empty file", "", NULL, KM_INPUT, WORDS(path, "empty"));
    refused("bytes that are no text", "lr: \"\xff\xfe\"\n", NULL, KM_INPUT, none);
    km_train_config *c;
    km_err err = {0};
    ok(km_train_config_read("/nonexistent/x.yaml", NULL, 0, &c, &err) == KM_SYSTEM &&
           strstr(err.msg, "/nonexistent/x.yaml"),
       "a file that is not there: %s", err.msg);
}

/* Any damage is an error or another configuration: no crash, no leak (asan). */
static void test_damage(void)
{
    size_t n = strlen(full);
    char text[sizeof full];
    int whole = 0, parts = 0;
    km_err err;
    km_train_config *c;
    for (size_t i = 0; i < n; i++) {
        write_bytes(full, i);
        if (km_train_config_read(path, NULL, 0, &c, &err) == KM_OK) parts++, km_train_config_free(c);
        memcpy(text, full, sizeof full);
        text[i] ^= 1 << i % 7;
        write_bytes(text, n);
        if (km_train_config_read(path, NULL, 0, &c, &err) == KM_OK) whole++, km_train_config_free(c);
    }
    ok(parts > 5 && parts < (int)n && whole < (int)n, "cut anywhere (%d of %zu read), any bit turned (%d read)", parts,
       n, whole);
    static const char *const stored[] = {"",
                                         "[]",
                                         "{",
                                         "{\"lr\": 1}",
                                         "{\"lr\": null}",
                                         "{\"lr\": \"fast\"}",
                                         "{\"none\": \"1\"}",
                                         "{\"model.x\": []}",
                                         "\"lr\""};
    for (size_t i = 0; i < sizeof stored / sizeof *stored; i++) {
        err = (km_err){0};
        ok(km_train_config_parse(stored[i], &c, &err) == KM_INPUT && *err.msg, "stored '%s' is refused: %s", stored[i],
           err.msg);
    }
}

static void test_scalars(void)
{
    json_t *v;
    ok(json_integer_value(v = km_yaml_scalar("-12")) == -12, "a whole number"), json_decref(v);
    ok(json_real_value(v = km_yaml_scalar("1e-3")) == 1e-3, "a number"), json_decref(v);
    ok(json_is_true(v = km_yaml_scalar("true")), "true"), json_decref(v);
    ok(json_is_false(v = km_yaml_scalar("false")), "false"), json_decref(v);
    static const char *const words[] = {"", "af3", "5ps", "True", "inf", "nan", "0x10", " 1"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        v = km_yaml_scalar(words[i]);
        ok(json_is_string(v) && !strcmp(json_string_value(v), words[i]), "'%s' is a word", words[i]);
        json_decref(v);
    }
    v = km_yaml_scalar("123456789012345678901234567890");
    ok(json_is_real(v) && fabs(json_real_value(v) / 1.2345678901234568e29 - 1) < 1e-15,
       "a whole number too large for 64 bits is a real");
    json_decref(v);
}

int main(void)
{
    int fd = mkstemp(path);
    if (fd < 0) return 1;
    close(fd);
    test_values();
    test_overrides();
    test_refusals();
    test_damage();
    test_scalars();
    unlink(path);
    return tap_end();
}
