/* SPDX-License-Identifier: MIT
 * Files that come with a structure on the command line: alignments of its chains, templates. */
#ifndef TOOLS_INPUTS_H
#define TOOLS_INPUTS_H

#include "lib/base/opt.h"
#include "lib/chem/msa.h"
#include "lib/chem/schema.h"
#include "lib/chem/templates.h"
#include "lib/chem/tokens.h"
#include "lib/model/family.h"

/* --msa CHAIN=FILE, as often as there are; `deletions` is all or boltz2; protenix as in km_msa_options. *ret is NULL
 * where there are none. */
typedef struct km_msa_inputs {
    km_opt_list files;
    const char *deletions;
    int max_rows;
    bool taxonomy, protenix;
} km_msa_inputs;
/* named: the alignments that an input names of itself; --msa counts before them. */
km_status km_inputs_msa(const km_system *s, const km_msa_inputs *in, const km_schema *opt_named, km_msa **ret,
                        km_err *err) KM_MUST_USE;

/* --template [CHAINS=]FILE, as often as there are; CHAINS are A,B or, each with a chain of the file, A:X,B:Y. Behind
 * them those that an input names of itself. *ret is NULL where there are none. */
km_status km_inputs_templates(const km_system *s, const km_opt_list *files, const km_schema *opt_named, km_library *l,
                              km_templates **ret, km_err *err) KM_MUST_USE;

/* --ligand CHAIN=FILE, as often as there are, into the library. */
km_status km_inputs_ligands(km_library *l, const km_opt_list *files, km_err *err) KM_MUST_USE;

/* --family NAME: whose features to make. KM_USAGE: --missing or --unresolved, where they are given and not "drop", for
 * one that has the atoms of the file alone. */
km_status km_inputs_family(const char *name, const char *opt_missing, const char *opt_unresolved,
                           const km_family **ret, km_err *err) KM_MUST_USE;
/* The system says whose it is. */
km_status km_inputs_tokenize(const km_family *family, const km_structure *raw, const km_token_options *options,
                             uint64_t seed, km_tokenized *ret, km_err *err) KM_MUST_USE;

/* This program into the provenance of a system that it made, unless --no-pg. */
void km_inputs_add_provenance(const km_cli *cli, km_system *s);

#define KM_MSA_INPUTS_DEFAULT {.deletions = "all", .max_rows = KM_MSA_ROWS}
/* The options that fill `in`, for a program's table. */
#define KM_MSA_INPUTS_OPTIONS(in)                                                                                      \
    {"msa", 0, KM_OPT_LIST, &(in).files, "CHAIN=FILE",                                                                 \
     "a chain's alignment: a3m, Stockholm or csv; repeatable"},                                                        \
    {"msa-rows", 0, KM_OPT_INT, &(in).max_rows, "N", "rows of alignments to keep", .min = 1, .max = KM_MSA_MAX_ROWS},  \
    {"msa-deletions", 0, KM_OPT_CHOICE, &(in).deletions, "HOW",                                                        \
     "deletions as the alignment has them, or (almost none) as Boltz-2 2.2 does", .choices = "all|boltz2"},            \
    {"msa-taxonomy", 0, KM_OPT_FLAG, &(in).taxonomy, NULL, "pair chains by OX= or TaxID= of headers too"}

#endif
