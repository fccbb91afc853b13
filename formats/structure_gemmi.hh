/* SPDX-License-Identifier: MIT
 * What the files that use gemmi share. */
#ifndef FORMATS_STRUCTURE_GEMMI_HH
#define FORMATS_STRUCTURE_GEMMI_HH

#include <cstdio>
#include <string>

namespace km_gemmi {

/* All of a file, unpacked where it is gzip; throws std::runtime_error. */
std::string read_text(FILE *f);
/* Make a PDB file's text safe for gemmi: coordinates checked, atoms numbered by their place; throws too. */
void prepare_pdb(std::string &text);

} // namespace km_gemmi

#endif
