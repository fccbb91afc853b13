#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Generate lib/chem/conformers_data.inc: a conformer by RDKit of each standard residue, as Protenix makes those of its cache.

Usage: pip install biotite==1.6.0 rdkit==2026.9.1 && python3 lib/chem/make_conformers.py > lib/chem/conformers_data.inc

The component with all its hydrogens and leaving atoms, stereo centres by the dictionary's ideal coordinates; ETKDGv3 of seed 1,
no force field. Heavy atoms only.
"""
import importlib.metadata

import rdkit
from biotite.structure.info.ccd import get_ccd
from rdkit import Chem
from rdkit.Chem import AllChem
from rdkit.Geometry import Point3D

from make_residues import AMINO_ACIDS, NUCLEOTIDES, rows

ORDER = {"SING": Chem.BondType.SINGLE, "DOUB": Chem.BondType.DOUBLE, "TRIP": Chem.BondType.TRIPLE}


def molecule(atoms, bonds):
    mol, index, ideal = Chem.RWMol(), {}, Chem.Conformer(len(atoms))
    for name, symbol, charge, *xyz in atoms:
        atom = Chem.Atom(symbol.capitalize())
        atom.SetFormalCharge(int(charge))
        atom.SetNoImplicit(True)
        atom.SetProp("name", name)
        index[name] = mol.AddAtom(atom)
        ideal.SetAtomPosition(index[name], Point3D(*map(float, xyz)))
    for a, b, order in bonds:
        mol.AddBond(index[a], index[b], ORDER[order])
    mol.AddConformer(ideal)
    mol = mol.GetMol()
    Chem.SanitizeMol(mol)
    Chem.AssignStereochemistryFrom3D(mol)
    return mol


def main():
    names = [t[0] for t in AMINO_ACIDS + NUCLEOTIDES]
    atoms = rows("chem_comp_atom", names, ["comp_id", "atom_id", "type_symbol", "charge", "pdbx_model_Cartn_x_ideal",
                                           "pdbx_model_Cartn_y_ideal", "pdbx_model_Cartn_z_ideal"])
    bonds = rows("chem_comp_bond", names, ["comp_id", "atom_id_1", "atom_id_2", "value_order"])
    get_ccd()
    print("/* SPDX-License-Identifier: MIT\n"
          f" * Made by lib/chem/make_conformers.py with RDKit {rdkit.__version__}; do not edit. Source: components of the wwPDB\n"
          f" * chemical component dictionary (CC0) as carried by the PyPI wheel biotite {importlib.metadata.version('biotite')}."
          " Angstrom. */\nstatic const struct place {\n    km_name residue, atom;\n    float pos[3];\n} places[] = {")
    for name in names:
        mol = molecule(atoms[name], bonds[name])
        how = AllChem.ETKDGv3()
        how.randomSeed = 1
        assert AllChem.EmbedMolecule(mol, how) == 0, name
        for atom in mol.GetAtoms():
            if atom.GetAtomicNum() > 1:
                p = mol.GetConformer().GetAtomPosition(atom.GetIdx())
                print(f'    {{"{name}", "{atom.GetProp("name")}", {{{p.x:.3f}f, {p.y:.3f}f, {p.z:.3f}f}}}},')
    print("};")


if __name__ == "__main__":
    main()
