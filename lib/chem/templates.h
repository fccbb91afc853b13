/* SPDX-License-Identifier: MIT
 * Templates of a system's protein chains from structure files, as Boltz-2 2.2 makes them (src/boltz/data/parse/
 * schema.py, feature/featurizerv2.py).
 *
 * A file's chain serves a query chain at one offset of their sequences, that of the best local alignment without gaps;
 * every residue that meets one there is taken. Where several offsets are equally good, the first of the query counts
 * (Boltz-2 takes them all, later over earlier); of equal chains the first come first served (there it is left to
 * chance).
 * Tests: tests/unit/test_templates.c, tests/cli/alignments.bats, tests/oracle.c (kind template_features) */
#ifndef LIB_CHEM_TEMPLATES_H
#define LIB_CHEM_TEMPLATES_H

#include <jansson.h>

#include "lib/base/alignment.h"
#include "lib/chem/library.h"

/* One file and for whom it is; a file named twice makes one template. */
typedef struct km_template_request {
    const char *path;
    const char *const *chains; /* of the system; 0 of them: all proteins */
    int n_chains;
    const char *const *parts;  /* chains of the file (formats/template.h); 0 of them: all. With chains too they go
                                * together in this order, else by the largest sum of scores of global alignments */
    int n_parts;
} km_template_request;

/* *ret is NULL where n is 0. The library knows modified residues, of which the first atom counts. KM_USAGE: no such
 * chain, or another number of parts than of chains; KM_INPUT names the file. */
km_status km_chem_templates(const km_system *s, const km_template_request *requests, int n, km_library *l,
                            km_templates **ret, km_err *err) KM_MUST_USE;
/* The same from the list of a km_schema: maps with cif or pdb and, each one text or a list of them, chain_id and
 * template_id. opt_folder goes before the paths. KM_INPUT: not such a list. */
km_status km_chem_templates_listed(const km_system *s, const json_t *opt_list, const char *opt_folder, km_library *l,
                                   km_templates **ret, km_err *err) KM_MUST_USE;

#endif
