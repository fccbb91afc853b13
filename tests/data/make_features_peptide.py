#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make features-peptide.pdb and features-peptide.txt from a reference case of kind `features` (features-peptide.safetensors,
what Boltz-2's own parser, tokenizer and featuriser give for SWTWENGKWTWK): make_features_peptide.py CASE.safetensors

The PDB holds the case's atoms at their conformer positions, each residue 5 A further along x, atoms of a residue reversed.
The text holds one line for each token (res_type mol_type residue_index entity_id sym_id center repr modified) and each atom
(token element charge name uid x y z). Nothing is drawn at random.
"""
import sys

from safetensors.numpy import load_file

THREE = dict(zip("ARNDCQEGHILKMFPSTWYV", "ALA ARG ASN ASP CYS GLN GLU GLY HIS ILE LEU LYS MET PHE PRO SER THR TRP TYR VAL".split()))
SEQUENCE = "SWTWENGKWTWK"

f = {k.removeprefix("out/"): v for k, v in load_file(sys.argv[1]).items()}
n_atoms = int(f["atom_mask"].sum())
names = ["".join(chr(c + 32) for c in row if c).strip() for row in f["ref_atom_name"]]
with open("features-peptide.txt", "w") as out:
    for t in range(len(SEQUENCE)):
        row = [f[k][t] for k in ("res_type", "mol_type", "residue_index", "entity_id", "sym_id", "token_to_center_atom",
                                 "token_to_rep_atom", "modified")]
        print("token", *map(int, row), file=out)
    for a in range(n_atoms):
        print("atom", f["atom_to_token"][a], f["ref_element"][a], int(f["ref_charge"][a]), names[a], f["ref_space_uid"][a],
              *(f"{x:.3f}" for x in f["ref_conformer"][a]), file=out)
with open("features-peptide.pdb", "w") as out:
    serial = 0
    for t, letter in enumerate(SEQUENCE):
        for a in reversed([i for i in range(n_atoms) if f["atom_to_token"][i] == t]):
            serial += 1
            x, y, z = f["ref_conformer"][a]
            print(f"ATOM  {serial:5d}  {names[a]:<3s} {THREE[letter]} A{t + 1:4d}    {x + 5 * t:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00"
                  f"          {names[a][0]:>2s}", file=out)
    print("END", file=out)
