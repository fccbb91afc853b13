#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Generate lib/chem/residues_data.inc from the chemical component dictionary (wwPDB).

Usage: pip install biotite==1.6.0 && python3 lib/chem/make_residues.py > lib/chem/residues_data.inc

The PyPI wheel `biotite` carries the dictionary as BinaryCIF. The order of atoms is that of Boltz-2; names, elements, charges,
ideal coordinates and bonds are the dictionary's. Atoms that leave on polymerisation (OXT, OP3) and hydrogens are left out.
"""
import importlib.metadata
import math
import sys

from biotite.structure.info.ccd import get_ccd

BACKBONE = "N CA C O"
SUGAR = "P OP1 OP2 O5' C5' C4' O4' C3' O3' C2' O2' C1'"
DEOXY = SUGAR.replace(" O2'", "")
PURINE_A = "N9 C8 N7 C5 C6 N6 N1 C2 N3 C4"
PURINE_G = "N9 C8 N7 C5 C6 O6 N1 C2 N2 N3 C4"
CYTOSINE = "N1 C2 O2 N3 C4 N4 C5 C6"

# Name, one-letter code, side chain, in the order of the model's residue classes 2 ... 22.
AMINO_ACIDS = [
    ("ALA", "A", "CB"), ("ARG", "R", "CB CG CD NE CZ NH1 NH2"), ("ASN", "N", "CB CG OD1 ND2"), ("ASP", "D", "CB CG OD1 OD2"),
    ("CYS", "C", "CB SG"), ("GLN", "Q", "CB CG CD OE1 NE2"), ("GLU", "E", "CB CG CD OE1 OE2"), ("GLY", "G", ""),
    ("HIS", "H", "CB CG ND1 CD2 CE1 NE2"), ("ILE", "I", "CB CG1 CG2 CD1"), ("LEU", "L", "CB CG CD1 CD2"),
    ("LYS", "K", "CB CG CD CE NZ"), ("MET", "M", "CB CG SD CE"), ("PHE", "F", "CB CG CD1 CD2 CE1 CE2 CZ"),
    ("PRO", "P", "CB CG CD"), ("SER", "S", "CB OG"), ("THR", "T", "CB OG1 CG2"),
    ("TRP", "W", "CB CG CD1 CD2 NE1 CE2 CE3 CZ2 CZ3 CH2"), ("TYR", "Y", "CB CG CD1 CD2 CE1 CE2 CZ OH"),
    ("VAL", "V", "CB CG1 CG2"), ("UNK", "X", "CB"),
]
# Name, letter, atoms, representative atom; classes 23 ... 32.
NUCLEOTIDES = [
    ("A", "A", f"{SUGAR} {PURINE_A}", "C4"), ("G", "G", f"{SUGAR} {PURINE_G}", "C4"),
    ("C", "C", f"{SUGAR} {CYTOSINE}", "C2"), ("U", "U", f"{SUGAR} {CYTOSINE.replace('N4', 'O4')}", "C2"),
    ("N", "N", SUGAR, "C1'"),
    ("DA", "A", f"{DEOXY} {PURINE_A}", "C4"), ("DG", "G", f"{DEOXY} {PURINE_G}", "C4"),
    ("DC", "C", f"{DEOXY} {CYTOSINE}", "C2"), ("DT", "T", f"{DEOXY} N1 C2 O2 N3 C4 O4 C5 C7 C6", "C2"),
    ("DN", "N", DEOXY, "C1'"),
]
NUMBER = {"C": 6, "N": 7, "O": 8, "P": 15, "S": 16}
ORDER = {"SING": "KM_BOND_SINGLE", "DOUB": "KM_BOND_DOUBLE", "TRIP": "KM_BOND_TRIPLE"}


def rows(category, names, columns):
    """The rows of one category that belong to the components `names`, as {component: [row, ...]}."""
    data = get_ccd()[category]
    arrays = [data[c].as_array(str) for c in columns]
    found = {n: [] for n in names}
    for row in zip(*arrays):
        if row[0] in found:
            found[row[0]].append(row[1:])
    return found


def main():
    table = [(n, l, f"{BACKBONE} {side}".split(), "KM_PROTEIN", "CA", "CA" if n == "GLY" else "CB")
             for n, l, side in AMINO_ACIDS]
    table += [(n, l, a.split(), "KM_DNA" if n[0] == "D" else "KM_RNA", "C1'", r) for n, l, a, r in NUCLEOTIDES]
    names = [t[0] for t in table]
    atoms = rows("chem_comp_atom", names, ["comp_id", "atom_id", "type_symbol", "charge", "pdbx_model_Cartn_x_ideal",
                                           "pdbx_model_Cartn_y_ideal", "pdbx_model_Cartn_z_ideal"])
    bonds = rows("chem_comp_bond", names, ["comp_id", "atom_id_1", "atom_id_2", "value_order", "pdbx_aromatic_flag"])
    version = importlib.metadata.version("biotite")
    print("/* SPDX-License-Identifier: MIT\n"
          " * Made by lib/chem/make_residues.py; do not edit. Source: the wwPDB chemical component dictionary (CC0) as carried by\n"
          f" * the PyPI wheel biotite {version}. Ideal coordinates in angstrom. */")
    for name, _, order, *_ in table:
        by_name = {a[0]: a[1:] for a in atoms[name]}
        print(f"static const km_component_atom atoms_{name}[] = {{")
        for a in order:
            symbol, charge, x, y, z = by_name[a]
            assert math.isfinite(float(x) + float(y) + float(z)), (name, a)
            print(f'    {{"{a}", {NUMBER[symbol]}, {int(charge)}, {{{float(x):.3f}f, {float(y):.3f}f, {float(z):.3f}f}}}},')
        print("};")
        index = {a: i for i, a in enumerate(order)}
        print(f"static const km_component_bond bonds_{name}[] = {{")
        kept = sorted((*sorted((index[a], index[b])), "KM_BOND_AROMATIC" if arom == "Y" else ORDER[o])
                      for a, b, o, arom in bonds[name] if a in index and b in index)
        for a, b, o in kept:
            print(f"    {{{a}, {b}, {o}}},")
        print("};")
    print("\nstatic const km_component components[] = {")
    for i, (name, letter, order, kind, center, rep) in enumerate(table):
        print(f"    {{\"{name}\", '{letter}', {kind}, {i + 2}, {len(order)}, COUNT(bonds_{name}), {order.index(center)}, "
              f"{order.index(rep)},\n     atoms_{name}, bonds_{name}, .standard = true}},")
    print("};")


if __name__ == "__main__":
    sys.exit(main())
