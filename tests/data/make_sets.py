# SPDX-License-Identifier: MIT
"""python3 make_sets.py DIR: the peptide of dipeptide.pdb, shaken, in the layouts of public data sets; seed 3. XTC files are
made by the test, from DIR/shaken.pdb. DIR/truth.npy [frames, atoms, 3] has the coordinates in dipeptide.pdb's order."""
import json
import os
import sys

import h5py
import numpy as np

here = sys.argv[1]
rng = np.random.default_rng(3)
lines = [line for line in open("tests/data/dipeptide.pdb") if line[:4] == "ATOM"]
names = [line[12:16].strip() for line in lines]
x0 = np.array([[float(line[30 + 8 * k:38 + 8 * k]) for k in range(3)] for line in lines])
FRAMES = 8
x = (x0 + rng.normal(0, 0.03, (FRAMES,) + x0.shape)).round(3).astype("f4")
np.save(here + "/truth.npy", x)


def put(path, text):
    os.makedirs(os.path.dirname(here + "/" + path), exist_ok=True)
    open(here + "/" + path, "w").write(text)


def pdb(frame, change=lambda line: line):
    return "".join(change(line[:30] + "".join(f"{v:8.3f}" for v in p) + line[54:]) for line, p in zip(lines, x[frame]))


put("shaken.pdb", "".join(f"MODEL {f:8d}\n{pdb(f)}ENDMDL\n" for f in range(FRAMES)))

# ATLAS: CHARMM's names, no chain
charmm = {"H1": "HT1", "O": "OT1", "OXT": "OT2"}


def atlas(line):
    name = line[12:16].strip()
    name = charmm.get(name, name) if line[17:20] == "SER" else name
    return line[:12] + f" {name:<3s}" + line[16:21] + " " + line[22:]


put("1abc_D/1abc_D.pdb", "TITLE     Protein\n" + pdb(0, atlas) + "TER\nENDMDL\n")

# BioEmu
put("cath2_1abcA00/dataset.json", json.dumps({"force_field": "amber ff99sb-ildn", "save_traj_ns": 10.0,
                                              "system_id": "cath2_1abcA00", "temperature_K": 300}))
put("cath2_1abcA00/topology.pdb", pdb(0))
put("cath2_1abcA00/trajs/b.json", json.dumps({"force_field": "a99SB-disp"}))

# MDposit
put("MD-A0001/structure.pdb", pdb(0))
put("MD-A0001/project.json", json.dumps({"accession": "MD-A0001", "mdTime": 0.8, "mdFrames": FRAMES, "metadata": {
    "FRAMESTEP": 0.1, "TYPE": "trajectory", "LICENSE": "CC-BY-4.0", "TEMP": 310}}))
c, n = names.index("C"), len(names) - 1 - names[::-1].index("N")
bonds = [[] for _ in names]
bonds[c] = [n]
put("MD-A0001/topology.json", json.dumps({"atom_names": names, "atom_bonds": bonds}))
x.astype("<f4").tofile(here + "/MD-A0001/trajectory.bin")

# MISATO: ALA and SER in Amber's order, which is another
order = ["N", "H1|H", "H2", "H3", "CA", "HA", "CB", "HB1", "HB2", "HB3", "C", "O"]
order2 = ["N", "H", "CA", "HA", "CB", "HB2|HB1", "HB3|HB2", "OG", "HG", "C", "O", "OXT"]
index = []
for residue, wanted in ((1, order), (2, order2)):
    left = [i for i, line in enumerate(lines) if int(line[22:26]) - int(lines[0][22:26]) + 1 == residue]
    for names_of in wanted:
        at = next((i for w in names_of.split("|") for i in left if names[i] == w), None)
        at = at if at is not None else next(i for i in left if names[i][0] == names_of[0])
        left.remove(at)
        index.append(at)
number = [{"H": 1, "C": 6, "N": 7, "O": 8}[names[i][0]] for i in index]
kind = [24] * 24
kind[0], kind[22], kind[23] = 26, 30, 30
with h5py.File(here + "/MD.hdf5", "w") as f:
    for name, numbers in (("1ABC", number), ("2BAD", number[:5] + [7] + number[6:])):
        g = f.create_group(name)
        g["trajectory_coordinates"] = x[:, index].astype("f8")
        g["atoms_number"], g["atoms_type"] = np.array(numbers), np.array(kind)
        g["atoms_residue"] = np.array([2] * 12 + [18] * 12)
        g["molecules_begin_atom_index"] = np.array([0])

    # a third with a ligand, whose atoms come from perceive.txt, and an ion; a fourth whose ligand lacks a hydrogen
    ligand = open("tests/data/perceive.txt").read().split("molecule ")[1].splitlines()[1:]
    atoms = [line.split() for line in ligand if line.startswith("atom")]
    element = [{"H": 1, "C": 6, "N": 7}[a[1]] for a in atoms]
    places = np.array([[float(v) for v in a[3:]] for a in atoms]) + [12, 0, 0]
    places = places + rng.normal(0, 0.01, (FRAMES,) + places.shape)
    np.save(here + "/ligand.npy", places[:, [e > 1 for e in element]])
    zinc = np.full((FRAMES, 1, 3), 30.0)
    for name, n in (("3LIG", len(atoms)), ("4BAD", len(atoms) - 1)):
        g = f.create_group(name)
        g["trajectory_coordinates"] = np.concatenate([x[:, index], zinc, places[:, :n]], 1)
        g["atoms_number"], g["atoms_type"] = np.array(number + [30] + element[:n]), np.array(kind + [99] * (n + 1))
        g["atoms_residue"] = np.array([2] * 12 + [18] * 12 + [0] * (n + 1))
        g["molecules_begin_atom_index"] = np.array([0, 24, 25])

# mdCATH
with h5py.File(here + "/mdcath_dataset_1abcA00.h5", "w", libver="latest") as f:
    g = f.create_group("1abcA00")
    g["pdbProteinAtoms"] = pdb(0).encode()
    for replica in "01":
        g[f"320/{replica}/coords"], g[f"320/{replica}/box"] = x, np.eye(3) * 9
    g["450/0/coords"] = x

# DD-13M
put("1abc/complex.pdb", pdb(0))
with h5py.File(here + "/1abc/path1.h5", "w") as f:
    f["particles/trajectory0/position/value"] = x / 10
    f["particles/trajectory0/position/value"].attrs["unit"] = "nm"
