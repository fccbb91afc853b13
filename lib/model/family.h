/* SPDX-License-Identifier: MIT
 * Families of models: what sets one apart that no number of km_config says. A family is a row of data; layers ask it
 * when they are made, which is when weights are loaded. lib/model/README.md says how to add one.
 * Sources: Boltz-2 2.2 with Kinematic's temporal layers; BioKinema on Protenix 0.2.
 * Tests: reference cases of kinds `biokinema_...` */
#ifndef LIB_MODEL_FAMILY_H
#define LIB_MODEL_FAMILY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/system.h"

typedef struct km_family {
    const char *name;
    /* -- features */
    int classes;                          /* of residues */
    const int8_t *opt_class, *opt_column; /* [33] the class of each of ours (lib/chem/residues.h), of a token and in the
                                             alignment; NULL: ours */
    int first_element;                    /* the atomic number that the first class of elements stands for */
    bool ref_mask;                        /* an atom says whether its conformer knows it */
    bool protenix_tokens;                 /* tokens and alignments are Protenix's (lib/chem/tokens.h), of a structure */
    bool plain_deletions;                 /* mean deletions are counts, deletion values 2 / pi atan, not pi / 2 atan */
    /* -- trunk */
    bool atom_bias;     /* the embedding of atoms has a bias */
    bool layer_bias;    /* each layer of the input embedder has a norm of its own for its pair bias */
    bool inputs_beside; /* s_inputs is atoms, residue, profile and deletions side by side, not the sum of projections */
    bool pairs_of_s;    /* initial pairs are made from the initial single representation, not from s_inputs */
    bool bonds_alone;   /* bonds between tokens, and neither types of them nor contacts */
    bool triangle_bias; /* triangle layers have biases */
    bool outer_first;   /* an alignment's layer begins with the outer product, whose projections have biases and whose
                           output is divided by the rows, bias and all; the last layer leaves the rows as they are */
    bool rows_replace;  /* what the alignment's module makes of pairs replaces them; else it is added to them */
    /* -- diffusion */
    bool own_positions;  /* it has relative positions of its own, not the trunk's */
    bool narrow_single;  /* the single conditioning is token_s wide and has no bias; else 2 token_s */
    bool two_factors;    /* silu(g) b in the conditioned transition; else silu(g) h b */
    bool marks;          /* the first and last frame of a window are marked where they are conditions */
    double mark_below;   /* angstrom: a frame of less noise is one */
    double given;        /* angstrom: the noise of conditions in training; they are told it */
    bool gated_time;     /* temporal attention has the adaptive norm and the gate of the spatial one */
    bool time_first;     /* in a layer of atoms it comes before the transition */
    bool interval_decay; /* the decay is D (lambda |i - j|)^beta of frames D ns apart; else lambda |t_i - t_j|^beta */
    int most_frames;     /* in a window; 0: any number */
    int drawn_rows;      /* of the alignment, that a run of the trunk sees */
    /* -- weights that come in names of their own and without a configuration: these names (import.h), what shapes do
     * not say, and how to sample, as in our metadata (lib/model/README.md). NULL: ours, and as checkpoint_config.c has
     * it */
    const struct km_import_names *opt_names;
    const char *opt_hyper, *opt_sampling;
} km_family;

/* By name, NULL for an unknown one; the first is that of a configuration that names none. */
const km_family *km_family_find(const char *name);
const km_family *km_family_at(int i); /* NULL behind the last */
const km_family *km_family_of(const km_system *s); /* whose features these are; NULL: not known */

#endif
