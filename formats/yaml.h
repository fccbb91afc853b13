/* SPDX-License-Identifier: MIT
 * YAML as far as configurations need it: nested mappings of scalars, flattened to dotted keys.
 * Tests: tests/unit/test_train_config.c */
#ifndef FORMATS_YAML_H
#define FORMATS_YAML_H

#include <jansson.h>

#include "lib/base/err.h"

/* {"a.b": "text", ...} from a file with `a: {b: text}`, and {"a.b": line, ...}. KM_INPUT with the line for what is not
 * a mapping of scalars, a key given twice, or a file that is no YAML. The caller owns both. */
km_status km_yaml_read_flat(const char *path, json_t **ret, json_t **ret_lines, km_err *err) KM_MUST_USE;
/* A scalar's text as JSON: integer, real, true/false, else (inf, nan and hexadecimal numbers too) a string. */
json_t *km_yaml_scalar(const char *text);

#endif
