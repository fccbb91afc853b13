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

enum { MAX_DEPTH = 16, MAX_NODES = 1 << 20 };

typedef struct tree {
    yaml_document_t *document;
    int left; /* nodes still allowed: a few lines of aliases may stand for millions */
    km_err *err;
} tree;

static json_t *refuse(const tree *t, const yaml_node_t *node, const char *what)
{
    km_fail(t->err, KM_INPUT, "line %zu: %s", node->start_mark.line + 1, what);
    return NULL;
}

static json_t *build(tree *t, int index, int depth)
{
    const yaml_node_t *node = yaml_document_get_node(t->document, index);
    if (depth > MAX_DEPTH || --t->left < 0) return refuse(t, node, "nested too deep, or too large");
    if (node->type == YAML_SCALAR_NODE) {
        json_t *text = json_stringn((const char *)node->data.scalar.value, node->data.scalar.length);
        return text ? text : refuse(t, node, "a value is not UTF-8");
    }
    json_t *out = node->type == YAML_MAPPING_NODE ? json_object() : json_array(), *v;
    if (node->type == YAML_SEQUENCE_NODE)
        for (const yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
            if (!(v = build(t, *i, depth + 1))) return json_decref(out), NULL;
            json_array_append_new(out, v);
        }
    else
        for (const yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
            const yaml_node_t *k = yaml_document_get_node(t->document, p->key);
            const char *key = k->type == YAML_SCALAR_NODE ? (const char *)k->data.scalar.value : NULL;
            if (!key || json_object_get(out, key))
                return json_decref(out), refuse(t, k, key ? "a key is given twice" : "a key must be a word");
            if (!(v = build(t, p->value, depth + 1))) return json_decref(out), NULL;
            if (json_object_set_new(out, key, v) < 0) return json_decref(out), refuse(t, k, "a key is not UTF-8");
        }
    return out;
}

km_status km_yaml_parse(const char *text, size_t n, json_t **ret, km_err *err)
{
    yaml_parser_t parser;
    yaml_document_t document;
    km_status status = KM_INPUT;
    *ret = NULL;
    yaml_parser_initialize(&parser);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);
    if (!yaml_parser_load(&parser, &document)) {
        km_fail(err, KM_INPUT, "line %zu: %.80s", parser.problem_mark.line + 1,
                parser.problem ? parser.problem : "not YAML");
    } else {
        if (yaml_document_get_root_node(&document)) *ret = build(&(tree){&document, MAX_NODES, err}, 1, 0);
        else km_fail(err, KM_INPUT, "empty");
        status = *ret ? KM_OK : KM_INPUT;
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
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
