/* SPDX-License-Identifier: MIT
 * What comes with an input of kind template_features; texts are those of the case by file name. */
#ifndef TESTS_ORACLE_BESIDE_H
#define TESTS_ORACLE_BESIDE_H

#include "lib/chem/schema.h"
#include "tests/oracle/oracle.h"

void oracle_compare_templates(oracle_case *o, const km_schema *in, const json_t *texts, km_library *l);

#endif
