#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Writes a small stream to standard output as a stranger would: Debian's python3-msgpack and python3-zstandard, nothing of ours.
# make_stream.py [FRAMES [TRAJECTORIES]]: ALA-GLY-SER in chain A and a zinc ion in chain B; frame f of trajectory t is the
# structure below, turned by 0.2 f about z and moved by t along x, 50 ps after the one before. No random numbers.
import math
import struct
import sys

import msgpack
import zstandard

FRAMES = int(sys.argv[1]) if len(sys.argv) > 1 else 4
TRAJECTORIES = int(sys.argv[2]) if len(sys.argv) > 2 else 1
RESIDUES = [
    ("ALA", 5, "A", ["N", "CA", "C", "O", "CB"], 2),
    ("GLY", 6, "A", ["N", "CA", "C", "O"], 9),
    ("SER", 7, "A", ["N", "CA", "C", "O", "CB", "OG"], 17),
    ("ZN", 101, "B", ["ZN"], 2),
]
ELEMENT = {"N": 7, "C": 6, "O": 8, "Z": 30}

names, residue_of = [], []
residues = {k: [] for k in "name chain number icode index first_atom n_atoms".split()}
tokens = {k: [] for k in ("residue res_type first_atom n_atoms center_atom repr_atom asym_id entity_id sym_id residue_index "
                          "token_index cyclic_period mol_type modified").split()}
bonds = {"a": [], "b": [], "type": []}
for r, (name, number, chain, atoms, res_type) in enumerate(RESIDUES):
    first, c = len(names), "AB".index(chain)
    names += atoms
    residue_of += [r] * len(atoms)
    index = r if c == 0 else 0
    for key, value in dict(name=name, chain=c, number=number, icode=" ", index=index, first_atom=first, n_atoms=len(atoms)).items():
        residues[key].append(value)
    center = first + (1 if c == 0 else 0)
    row = dict(residue=r, res_type=res_type, first_atom=first, n_atoms=len(atoms), center_atom=center,
               repr_atom=first + 4 if "CB" in atoms else center, asym_id=c, entity_id=c, sym_id=0, residue_index=index,
               token_index=r, cyclic_period=0, mol_type=0 if c == 0 else 3, modified=0)
    for key, value in row.items():
        tokens[key].append(value)
    for a, b, kind in [("N", "CA", 2), ("CA", "C", 2), ("C", "O", 3), ("CA", "CB", 2), ("CB", "OG", 2)]:
        if a in atoms and b in atoms:
            bonds["a"].append(first + atoms.index(a))
            bonds["b"].append(first + atoms.index(b))
            bonds["type"].append(kind)
    if r in (0, 1):
        bonds["a"].append(first + 2)
        bonds["b"].append(first + len(atoms))
        bonds["type"].append(2)
order = sorted(zip(bonds["a"], bonds["b"], bonds["type"]))
bonds = {k: [row[i] for row in order] for i, k in enumerate(["a", "b", "type"])}
A = len(names)
xyz = [(1.3 * i, 0.9 * (i % 3), 0.7 * (i % 2)) for i in range(A)]
chains = dict(name=["A", "B"], mol_type=[0, 3], asym_id=[0, 1], entity_id=[0, 1], sym_id=[0, 0], cyclic_period=[0, 0],
              first_residue=[0, 3], n_residues=[3, 1])


def f32(values):
    return struct.pack("<%df" % len(values), *values)


compressor = zstandard.ZstdCompressor(write_checksum=True, write_content_size=True)


def put(message):
    sys.stdout.buffer.write(compressor.compress(msgpack.packb(message)))


atoms = dict(name=names, element=[ELEMENT[n[0]] for n in names], charge=[2 if n == "ZN" else 0 for n in names], present=[1] * A,
             residue=residue_of, token=residue_of, ref_pos=f32([v for p in xyz for v in p]), ref_space_uid=residue_of)
put(dict(type="system", version=1, name="AGS", method=1, atoms=atoms, residues=residues, chains=chains, tokens=tokens, bonds=bonds,
         provenance=[dict(program="make_stream.py", version="1", arguments="", seed=1)], colour="blue"))
put(dict(type="msa", n_rows=2, n_tokens=4))
profile = [0.0] * 132
for t, classes in enumerate([(2, 2), (9, 1), (17, 17), (2, 1)]):
    for k in classes:
        profile[33 * t + k] += 0.5
for name, count, data in (("residues", 2, bytes([2, 9, 17, 2, 2, 1, 17, 1])), ("paired", 2, bytes([1, 1, 1, 1, 0, 0, 0, 0])),
                          ("deletions", 2, struct.pack("<8i", 0, 0, 0, 0, 0, 0, 3, 0)), ("profile", 4, f32(profile)),
                          ("deletion_mean", 4, f32([0, 0, math.pi / 4 * math.atan(1), 0]))):
    put(dict(type="rows", of="msa." + name, first=0, count=count, data=data))
put(dict(type="templates", n_templates=1, n_tokens=4))
for name, width in (("restype", 0), ("frame_rot", 9), ("frame_t", 3), ("cb", 3), ("ca", 3), ("mask_cb", 1), ("mask_frame", 1),
                    ("mask", 1), ("visibility_ids", 0)):
    data = f32([float(i % (width + 1) == 0) for i in range(4 * width)]) if width else struct.pack("<4i", 0, 9, 0, 0)
    put(dict(type="rows", of="templates." + name, first=0, count=1, data=data))
put(dict(type="remark", text="passed on"))
put(dict(type="trunk", n_tokens=4, token_s=2, token_z=1, recycles=0, weights_name="none", trunk_digest="00"))
for name, floats in (("s_inputs", 8), ("s", 8), ("z", 16)):
    put(dict(type="rows", of="trunk." + name, first=0, count=4, data=f32([0.5 * i for i in range(floats)])))
messages = 22
for f in range(FRAMES):
    for t in range(TRAJECTORIES):
        c, s = math.cos(0.2 * f), math.sin(0.2 * f)
        turned = [v for x, y, z in xyz for v in (c * x - s * y + t, s * x + c * y, z)]
        put(dict(type="frame", time=round(0.05 * f, 6), coords=f32(turned), trajectory=t, given=f == 0))
        messages += 1
put(dict(type="end", frames=FRAMES * TRAJECTORIES, messages=messages))
