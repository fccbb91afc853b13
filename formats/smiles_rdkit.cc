/* SPDX-License-Identifier: MIT
 * libkm-rdkit.so: what formats/smiles.h wants of RDKit. The only file that knows it.
 * Source: github.com/jwohlwend/boltz, src/boltz/data/parse/schema.py (ligands of SMILES). */
#include <GraphMol/DistGeomHelpers/Embedder.h>
#include <GraphMol/ForceFieldHelpers/UFF/UFF.h>
#include <GraphMol/MolOps.h>
#include <GraphMol/SmilesParse/SmilesParse.h>
#include <GraphMol/new_canon.h>
#include <RDGeneral/RDLog.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>

extern "C" {
#define _Noreturn [[noreturn]]
#include "formats/smiles.h"
km_component *km_rdkit_component(const char *smiles, char *why, size_t room);
}

namespace {

const int SEED = 1;

std::unique_ptr<RDKit::ROMol> molecule_of(const char *smiles)
{
    std::unique_ptr<RDKit::ROMol> bare(RDKit::SmilesToMol(smiles));
    if (!bare) throw std::runtime_error("not SMILES");
    std::unique_ptr<RDKit::ROMol> all(RDKit::MolOps::addHs(*bare));
    if (bare->getNumHeavyAtoms() == 0) throw std::runtime_error("no heavy atoms");
    return all;
}

const RDKit::Conformer &embed(RDKit::ROMol &mol)
{
    RDKit::DGeomHelpers::EmbedParameters how = RDKit::DGeomHelpers::ETKDGv3;
    how.randomSeed = SEED;
    int id = RDKit::DGeomHelpers::EmbedMolecule(mol, how);
    how.useRandomCoords = true;
    if (id < 0) id = RDKit::DGeomHelpers::EmbedMolecule(mol, how);
    if (id < 0) throw std::runtime_error("no conformer is found");
    try {
        RDKit::UFF::UFFOptimizeMolecule(mol, 1000, 10.0, id);
    } catch (const std::exception &) {
        /* an element that the force field lacks: the conformer stays as it is */
    }
    return mol.getConformer(id);
}

uint8_t type_of(const RDKit::Bond &b)
{
    switch (b.getBondType()) {
    case RDKit::Bond::SINGLE: return KM_BOND_SINGLE;
    case RDKit::Bond::DOUBLE: return KM_BOND_DOUBLE;
    case RDKit::Bond::TRIPLE: return KM_BOND_TRIPLE;
    case RDKit::Bond::AROMATIC: return KM_BOND_AROMATIC;
    default: return KM_BOND_OTHER;
    }
}

/* Without its place. */
km_component_atom atom_of(const RDKit::Atom &a, unsigned rank)
{
    km_component_atom t{};
    char name[32];
    if (a.getAtomicNum() < 1) throw std::runtime_error("an atom of no element");
    int n = std::snprintf(name, sizeof name, "%s%u", a.getSymbol().c_str(), rank + 1);
    if (n > 4) throw std::runtime_error(std::string("too large: an atom's name, ") + name + ", has over 4 characters");
    std::transform(name, name + n + 1, t.name, [](unsigned char c) { return char(std::toupper(c)); });
    t.element = uint8_t(a.getAtomicNum());
    t.charge = int8_t(a.getFormalCharge());
    t.hydrogens = uint8_t(a.getTotalNumHs(true));
    return t;
}

km_component *component_of(RDKit::ROMol &mol)
{
    std::vector<km_component_atom> atoms;
    std::vector<km_component_bond> bonds;
    std::vector<unsigned> rank;
    std::vector<int> to(mol.getNumAtoms(), -1);
    RDKit::Canon::rankMolAtoms(mol, rank);
    RDKit::MolOps::assignStereochemistry(mol, true, true);
    for (const RDKit::Atom *a : mol.atoms()) {
        if (a->getAtomicNum() == 1) continue;
        to[a->getIdx()] = int(atoms.size());
        atoms.push_back(atom_of(*a, rank[a->getIdx()]));
    }
    const RDKit::Conformer &at = embed(mol);
    for (unsigned i = 0; i < mol.getNumAtoms(); i++)
        for (int k = 0; to[i] >= 0 && k < 3; k++) atoms[size_t(to[i])].pos[k] = float(at.getAtomPos(i)[unsigned(k)]);
    for (const RDKit::Bond *b : mol.bonds()) {
        int p = to[b->getBeginAtomIdx()], q = to[b->getEndAtomIdx()];
        if (p >= 0 && q >= 0)
            bonds.push_back(km_component_bond{uint16_t(std::min(p, q)), uint16_t(std::max(p, q)), type_of(*b)});
    }
    size_t n = atoms.size() * sizeof atoms[0], m = bonds.size() * sizeof bonds[0];
    km_component *c = static_cast<km_component *>(std::calloc(1, sizeof *c + n + m));
    if (!c) throw std::bad_alloc();
    char *rest = reinterpret_cast<char *>(c + 1);
    std::memcpy(rest, atoms.data(), n);
    if (m) std::memcpy(rest + n, bonds.data(), m);
    std::strcpy(c->name, "LIG");
    c->letter = 'X';
    c->mol_type = KM_NONPOLYMER;
    c->n_atoms = int(atoms.size()), c->n_bonds = int(bonds.size());
    c->atoms = reinterpret_cast<km_component_atom *>(rest);
    c->bonds = reinterpret_cast<km_component_bond *>(rest + n);
    return c;
}

} // namespace

km_component *km_rdkit_component(const char *smiles, char *why, size_t room)
{
    boost::logging::disable_logs("rdApp.*");
    try {
        return component_of(*molecule_of(smiles));
    } catch (const std::exception &e) {
        std::snprintf(why, room, "%s", e.what());
        return nullptr;
    }
}
