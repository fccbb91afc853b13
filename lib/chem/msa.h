/* SPDX-License-Identifier: MIT
 * A system's alignment from one for each chain, as Boltz-2 2.2 combines them (src/boltz/data/feature/featurizerv2.py).
 *
 * Row 0 is the query of all chains. Then, for each key that two or more rows share, by falling number of chains that
 * have it, rows of those chains side by side, `paired` there, and for the others their next row; then row beside row
 * what is left of each chain's rows, of which those with a key were not taken out: they come once more, not paired. A
 * chain without a further row has gaps; one without an alignment its own sequence and then gaps.
 * Tests: tests/unit/test_msa.c, tests/cli/alignments.bats, tests/oracle.c (kind features) */
#ifndef LIB_CHEM_MSA_H
#define LIB_CHEM_MSA_H

#include "formats/msa.h"
#include "lib/base/alignment.h"
#include "lib/base/system.h"

enum { KM_MSA_ROWS = 8192, KM_MSA_DRAWN = 1024 }; /* what Boltz-2 takes at most, and what a run of its trunk draws */

typedef struct km_msa_options {
    int32_t max_rows;      /* of a file, and of all chains together; 0: KM_MSA_ROWS */
    bool header_keys;      /* as in km_alignment_options */
    bool boltz2_deletions; /* as Boltz-2 2.2 has them: only those of the query, which has none */
    bool protenix;         /* as Protenix 0.2: B, U and Z are D, C and E; profiles and mean counts of deletions are of
                              each chain's own rows; what is no polymer repeats its class in every row */
} km_msa_options;

/* The class of a letter of an alignment (proteins), or -1: X B J Z O U are unknown residues. */
int km_chem_msa_class(char letter);

/* of_chain [C], NULL for a chain without an alignment. Where a query's residues are not the chain's, KM_INPUT names the
 * chain and the first place; an unknown residue of the query may stand for MET, and a modified residue of the chain for
 * any. An alignment of the whole sequence serves a structure's chain of which residues are missing, by their place. */
km_status km_chem_msa(const km_system *s, const km_alignment *const *of_chain, const km_msa_options *o, km_msa **ret,
                      km_err *err) KM_MUST_USE;

/* A chain and the file of its alignment. */
typedef struct km_chain_file {
    const char *chain, *path;
} km_chain_file;
/* The same from files; what serves a chain serves all chains of its entity that have no file of their own. *ret is NULL
 * where n is 0. KM_USAGE: no such chain, or two files for one. */
km_status km_chem_msa_read(const km_system *s, const km_chain_file *files, int n, const km_msa_options *o, km_msa **ret,
                           km_err *err) KM_MUST_USE;

/* Where there are more than n rows: KM_MSA_DRAWS random choices of n of them, one behind the other, each in the rows'
 * order with the query first; else all rows once. Profile and deletion mean stay. sample: choices of its own for each
 * number; 0 are those that km-trunk makes. */
enum { KM_MSA_DRAWS = 4 }; /* as many as a run of Boltz-2's trunk has passes */
km_msa *km_chem_msa_draw(const km_msa *m, int32_t n, uint64_t seed, uint32_t sample, int32_t *ret_draws);

#endif
