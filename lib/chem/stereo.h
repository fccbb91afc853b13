/* SPDX-License-Identifier: MIT
 * Stereo centres. Dynamics that breaks no bond keeps the hand of every one of them; a network that makes coordinates
 * from noise may not. Here a centre is a carbon or sulphur with three heavy neighbours out of plane: the chiral ones
 * (CA, CB of isoleucine and threonine) and those that are so by their neighbours' names (CB of valine, CG of leucine),
 * whose groups do not change places either. km_hold_hands (lib/tensor/ops.h) moves those of the wrong hand.
 * Tests: tests/unit/test_stereo.c */
#ifndef LIB_CHEM_STEREO_H
#define LIB_CHEM_STEREO_H

#include "lib/base/system.h"

typedef struct km_stereo {
    int32_t n;
    /* centre c and neighbours a, b, d of one residue, in the order that makes (a - c) . ((b - c) x (d - c)) positive */
    int32_t (*centres)[4];
    bool followed; /* has the hands of the first structure */
} km_stereo;

/* The centres of a tokenised system, with the hands of the reference conformers; km_stereo_free. */
km_stereo *km_stereo_of(const km_system *s);
/* From now on the hands are those of the given structure, where they are clear in it: D residues, and like groups named
 * the other way round. The first structure tells them, later ones change nothing. */
void km_stereo_follow(km_stereo *opt_s, const float *coords);
/* How many centres have the wrong hand; the first of them in *ret_centre, an atom's index. */
int km_stereo_wrong(const km_stereo *s, const float *coords, int32_t *ret_centre);
void km_stereo_free(km_stereo *s);

#endif
