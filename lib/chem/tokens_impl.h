/* SPDX-License-Identifier: MIT
 * Parts of the tokeniser. */
#ifndef LIB_CHEM_TOKENS_IMPL_H
#define LIB_CHEM_TOKENS_IMPL_H

#include "lib/chem/build.h"
#include "lib/chem/tokens.h"

/* A build in progress. */
typedef struct km_tokens_builder {
    const km_structure *raw;
    const km_token_options *options;
    km_library *library;
    km_build to;
    km_token_report *report;
    int32_t *held;   /* [R] of the raw residues: a metal that a molecule holds */
    bool membrane;   /* there are so many lipids that none is a ligand */
    bool *stays;     /* [R] of the raw residues */
    int32_t *raw_of; /* [C] of the system's chains: the raw chain whose sequence counts */
    int32_t before;  /* the raw residue before in the chain, or -1 */
    int32_t label;   /* place from 1 in the file's sequence of the chain's last residue, 0 where it has none */
} km_tokens_builder;

/* The chain's name for a message. */
const char *km_tokens_chain_label(const km_chain *c);

/* A raw residue behind the last chain's others. */
km_status km_tokens_add_residue(km_tokens_builder *b, int32_t raw_residue, km_err *err) KM_MUST_USE;
/* Residues of a raw chain's sequence behind the last one and before place `end`, which the model lacks: they are
 * counted, and made where that is asked for. end 0: to the sequence's end. */
km_status km_tokens_add_unresolved(km_tokens_builder *b, int32_t chain, int32_t end, km_err *err) KM_MUST_USE;

/* Number the last residue of all, which comes from this one, and join it to the one before. */
void km_tokens_link(km_tokens_builder *b, int32_t raw_residue);
/* The same for one that the model lacks. */
void km_tokens_link_unresolved(km_tokens_builder *b);
/* A polymer whose last residue is linked to its first is a ring. */
void km_tokens_close_rings(km_tokens_builder *b);
/* What the file states between residues, ions of one atom apart; then disulfides by distance. */
void km_tokens_add_bonds(km_tokens_builder *b);

#endif
