/* SPDX-License-Identifier: MIT
 * What the files that use gemmi share. */
#ifndef FORMATS_STRUCTURE_GEMMI_HH
#define FORMATS_STRUCTURE_GEMMI_HH

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace gemmi {
struct Assembly;
struct Structure;
namespace cif {
struct Block;
}
} // namespace gemmi

namespace km_gemmi {

/* All of a file, unpacked where it is gzip; throws std::runtime_error. */
std::string read_text(FILE *f);
using Pairs = std::vector<std::pair<int, int>>;
/* Make a PDB file's text safe for gemmi: coordinates checked, atoms numbered by their place; throws too. Returns what
 * CONECT joins, by these numbers. */
Pairs prepare_pdb(std::string &text);
/* The assemblies that an mmCIF file lists, the named one with its operators, and nothing left of them for gemmi, whom a
 * line of the file can keep busy for hours. Throws where the named one is not understood. */
std::vector<gemmi::Assembly> take_assemblies(gemmi::cif::Block &block, const char *opt_name);
/* All models become the biological assembly of that name, as the file lists it, their atoms numbered anew. Copies of
 * chain A are A, A-2, A-3 and so on; of atoms that fall upon each other one stays. Throws too. */
void to_assembly(gemmi::Structure &st, const std::string &name);

} // namespace km_gemmi

#endif
