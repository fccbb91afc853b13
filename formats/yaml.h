/* SPDX-License-Identifier: MIT
 * YAML: configurations, which are nested mappings of scalars flattened to dotted keys, and whole documents.
 * Tests: tests/unit/test_train_config.c, tests/unit/test_schema.c */
#ifndef FORMATS_YAML_H
#define FORMATS_YAML_H

#include <jansson.h>
#include <stddef.h>

#include "lib/base/err.h"

/* {"a.b": "text", ...} from a file with `a: {b: text}`, and {"a.b": line, ...}. KM_INPUT with the line for what is not
 * a mapping of scalars, a key given twice, or a file that is no YAML. The caller owns both. */
km_status km_yaml_read_flat(const char *path, json_t **ret, json_t **ret_lines, km_err *err) KM_MUST_USE;
/* A document in memory: mappings as objects, lists as arrays, every scalar as a string. KM_INPUT with the line for what
 * is no YAML, nested more than 16 deep, or has a key twice. The caller owns *ret. */
km_status km_yaml_parse(const char *text, size_t n, json_t **ret, km_err *err) KM_MUST_USE;
/* A scalar's text as JSON: integer, real, true/false, else (inf, nan and hexadecimal numbers too) a string. */
json_t *km_yaml_scalar(const char *text);

#endif
