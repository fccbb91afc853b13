/* SPDX-License-Identifier: MIT
 * man/km-train-config.5 says of every key what the code does: it is there, with this default and these limits. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/slurp.h"
#include "lib/base/mem.h"
#include "lib/base/opt.h"
#include "lib/model/model.h"
#include "lib/train/config.h"
#include "tests/unit/tap.h"

static char *page;
static int documented; /* lines that were looked for */

static void has_line(const char *line)
{
    char *whole = km_asprintf("\n.It Cm %s\n", line);
    ok(strstr(page, whole) != NULL, "%s", line);
    free(whole);
    documented++;
}

/* What a refusal says of the values that a key takes. */
static void has_key(const char *name, const char *value, const char *refusal)
{
    double low, high;
    char yes[32], no[32], line[256];
    const char *limits = strstr(refusal, "number between "), *range = strstr(refusal, "outside ");
    const char *words = strstr(refusal, "is neither "), *flag = strstr(refusal, "true or false");
    if ((limits && sscanf(limits, "number between %lg and %lg", &low, &high) == 2) ||
        (range && sscanf(range, "outside %lg to %lg", &low, &high) == 2))
        snprintf(line, sizeof line, "%s Pq %s; %g to %g", name, value, low, high);
    else if (words && sscanf(words, "is neither %31s nor %31s", yes, no) == 2)
        snprintf(line, sizeof line, "%s Pq %s; or %s", name, value, strcmp(value, yes) ? yes : no);
    else if (flag) snprintf(line, sizeof line, "%s Pq %s; or %s", name, value, *value == 't' ? "false" : "true");
    else snprintf(line, sizeof line, "%s Pq %s%s", name, value, strstr(refusal, "time") ? "" : "; text");
    has_line(line);
}

static void test_own_keys(void)
{
    km_err err;
    km_train_config *c, *bad = NULL;
    const char *name;
    json_t *value;
    if (km_train_config_parse("{}", &c, &err) < 0) exit(1);
    char *dump = km_train_config_dump(c);
    json_t *tree = json_loads(dump, 0, NULL);
    json_object_foreach (tree, name, value) {
        json_t *with = json_pack("{s:s}", name, "?");
        char *text = json_dumps(with, 0);
        err = (km_err){0};
        if (km_train_config_parse(text, &bad, &err) == KM_OK) km_train_config_free(bad);
        has_key(name, json_string_value(value), err.msg);
        free(text);
        json_decref(with);
    }
    json_decref(tree);
    free(dump);
    km_train_config_free(c);
}

/* {"SECTION": {"a": {"b": value}}} for a.b */
static json_t *nest(const char *section, const char *path, json_t *value)
{
    const char *dot = strrchr(path, '.');
    json_t *inner = json_pack("{s:o}", dot ? dot + 1 : path, value);
    if (!dot) return json_pack("{s:o}", section, inner);
    char *outer = km_asprintf("%.*s", (int)(dot - path), path);
    json_t *both = json_pack("{s:{s:o}}", section, outer, inner);
    free(outer);
    return both;
}

static void refusal_of(const char *section, const char *path, json_t *value, km_err *err)
{
    km_config c;
    km_sampling s;
    json_t *root = nest(section, path, value);
    char *text = json_dumps(root, 0);
    *err = (km_err){0};
    if (km_config_parse(text, &c, &s, err) == KM_OK) *err->msg = 0;
    free(text);
    json_decref(root);
}

/* A default as YAML has it; times in their unit. */
static void text_of(const json_t *v, char out[32])
{
    int64_t fs;
    if (json_is_integer(v)) snprintf(out, 32, "%lld", (long long)json_integer_value(v));
    else if (json_is_boolean(v)) strcpy(out, json_is_true(v) ? "true" : "false");
    else if (json_is_string(v) && km_parse_time(json_string_value(v), &fs, NULL) == KM_OK) km_format_time(fs, out);
    else if (json_is_string(v)) snprintf(out, 32, "%s", json_string_value(v));
    else {
        char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
        snprintf(out, 32, "%s", text);
        free(text);
    }
}

static void test_section(const char *section, const char *above, json_t *object)
{
    const char *name;
    json_t *v;
    json_object_foreach (object, name, v) {
        char path[128], value[32];
        km_err err;
        snprintf(path, sizeof path, "%s%s", above, name);
        if (json_is_object(v)) {
            strcat(path, ".");
            test_section(section, path, v);
            continue;
        }
        bool number = json_is_number(v);
        refusal_of(section, path, number ? json_integer(-9000000000000) : json_integer(1), &err);
        text_of(v, value);
        char *whole = km_asprintf("%s.%s", section, path);
        has_key(whole, value, err.msg);
        free(whole);
    }
}

/* What is not written where it is normal, or has no default. */
static void test_quiet_keys(void)
{
    static const char *const keys[] = {"stage Pq 0; 0 to 100000", "given.noise Pq 0; 0 to 1e+06",
                                       "given.sigma Pq 0; 0 to 1e+06", "min_dt Pq not known", "max_dt Pq not known"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        km_err err;
        char name[32], line[80];
        sscanf(keys[i], "%31s", name);
        refusal_of("sampling", name, json_integer(-1), &err);
        ok(*err.msg && !strstr(err.msg, "unknown"), "sampling.%s: %s", name, err.msg);
        snprintf(line, sizeof line, "sampling.%s", keys[i]);
        has_line(line);
    }
}

static void test_model_keys(void)
{
    km_config c;
    km_sampling s;
    km_err err;
    if (km_config_parse("{}", &c, &s, &err) < 0) exit(1);
    char *dump = km_config_dump(&c, &s);
    json_t *root = json_loads(dump, 0, NULL);
    test_section("model", "", json_object_get(root, "model"));
    test_section("sampling", "", json_object_get(root, "sampling"));
    json_decref(root);
    free(dump);
    test_quiet_keys();
}

/* Those of data sets have a name of the user's in them. */
static void test_nothing_else(void)
{
    int keys = 0, sets = 0;
    for (const char *at = page; (at = strstr(at, "\n.It Cm ")); at++) {
        sets += !strncmp(at, "\n.It Cm sets.", 13);
        keys++;
    }
    ok(keys - sets == documented && sets == 3, "%d keys on the page, %d of sets and %d known ones", keys, sets,
       documented);
}

int main(void)
{
    size_t n;
    km_err err = {0};
    if (km_slurp("man/km-train-config.5", &page, &n, &err) < 0) {
        printf("Bail out! %s\n", err.msg);
        return 1;
    }
    test_own_keys();
    test_model_keys();
    test_nothing_else();
    free(page);
    return tap_end();
}
