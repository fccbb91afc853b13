/* SPDX-License-Identifier: MIT
 * What cases of the BioKinema model share: parameters under its own names, configuration, a molecule without padding.
 */
#ifndef TESTS_ORACLE_BIOKINEMA_H
#define TESTS_ORACLE_BIOKINEMA_H

#include "lib/model/import.h"
#include "tests/oracle/oracle.h"

typedef struct oracle_own {
    char **names;
    km_imported imported;
    km_safetensors *file;
    km_params *params;
    km_config config;
} oracle_own;

/* Of a case that has `prefix` left out of its parameters' names; false after a failure, which is noted. */
bool oracle_own_init(oracle_case *o, const char *prefix, oracle_own *w);
void oracle_own_clear(oracle_own *w);
/* Has every parameter a place, and every place a parameter? Otherwise noted. */
bool oracle_own_complete(oracle_case *o, const oracle_own *w);
km_features *oracle_own_features(oracle_case *o);

#endif
