/* SPDX-License-Identifier: MIT
 * What the residues of a simulation are part of: sequences of the experiment or a database, of which trajectories' own
 * topologies know nothing.
 * Tests: tests/unit/test_reference.c */
#ifndef LIB_CHEM_REFERENCE_H
#define LIB_CHEM_REFERENCE_H

#include "formats/structure.h"

/* Every polymer of raw that states no sequence gets the one of the reference that it is a part of, with no residue too
 * many and at least nine of ten equal, and its residues their places in it (label_seq). The reference is a PDB or mmCIF
 * file or FASTA with sequences of proteins. KM_INPUT: not such a file, or a chain that is part of none. */
km_status km_chem_refer(km_structure *raw, const char *path, km_err *err) KM_MUST_USE;

#endif
