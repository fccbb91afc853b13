/* SPDX-License-Identifier: MIT */
#include "formats/yaml.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lib/base/io.h"

typedef struct walk {
    yaml_document_t *document;
    json_t *out, *lines;
    const char *path;
    km_err *err;
} walk;

static km_status bad(const walk *w, const yaml_node_t *node, const char *what)
{
    return km_fail(w->err, KM_INPUT, "%.150s: line %zu: %s", w->path, node->start_mark.line + 1, what);
}

static km_status flatten(const walk *w, const yaml_node_t *node, const char *prefix)
{
    if (node->type != YAML_MAPPING_NODE) return bad(w, node, "expected `key: value`");
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
        const yaml_node_t *k = yaml_document_get_node(w->document, p->key);
        const yaml_node_t *v = yaml_document_get_node(w->document, p->value);
        char name[128];
        if (k->type != YAML_SCALAR_NODE) return bad(w, k, "a key must be a word");
        int n = snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? "." : "", (const char *)k->data.scalar.value);
        if (n >= (int)sizeof name) return bad(w, k, "a key is too long");
        if (v->type == YAML_MAPPING_NODE) {
            KM_TRY(flatten(w, v, name));
            continue;
        }
        if (v->type != YAML_SCALAR_NODE) return bad(w, v, "a list where a value is expected");
        if (json_object_get(w->out, name)) return bad(w, k, "a key is given twice");
        json_t *text = json_string((const char *)v->data.scalar.value);
        if (!text) return bad(w, v, "a value is not UTF-8");
        json_object_set_new(w->out, name, text);
        json_object_set_new(w->lines, name, json_integer((json_int_t)k->start_mark.line + 1));
    }
    return KM_OK;
}

km_status km_yaml_read_flat(const char *path, json_t **ret, json_t **ret_lines, km_err *err)
{
    FILE *f;
    yaml_parser_t parser;
    yaml_document_t document;
    km_status status = KM_OK;
    KM_TRY(km_input_open(path, &f, err));
    yaml_parser_initialize(&parser);
    yaml_parser_set_input_file(&parser, f);
    json_t *out = json_object(), *lines = json_object();
    if (!yaml_parser_load(&parser, &document)) {
        status = km_fail(err, KM_INPUT, "%.150s: line %zu: %.80s", path, parser.problem_mark.line + 1,
                         parser.problem ? parser.problem : "not YAML");
    } else {
        const yaml_node_t *root = yaml_document_get_root_node(&document);
        if (root) status = flatten(&(walk){&document, out, lines, path, err}, root, "");
        else status = km_fail(err, KM_INPUT, "%.150s: empty", path);
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    km_input_close(f);
    if (status < 0) json_decref(out), json_decref(lines);
    else *ret = out, *ret_lines = lines;
    return status;
}

json_t *km_yaml_scalar(const char *text)
{
    char *end;
    errno = 0;
    long long i = strtoll(text, &end, 10);
    bool digits = *text && !text[strspn(text, "0123456789+-.eE")];
    if (digits && !*end && !errno) return json_integer(i);
    double d = strtod(text, &end);
    if (digits && !*end && isfinite(d)) return json_real(d);
    if (!strcmp(text, "true") || !strcmp(text, "false")) return json_boolean(*text == 't');
    return json_string(text);
}
