# SPDX-License-Identifier: MIT
"""What km-strip stores, opened by h5py, MDAnalysis and mdtraj; and what these write, read by km-strip."""
import os
import subprocess
import sys
import tempfile
import warnings

import h5py
import MDAnalysis as mda
import mdtraj as md
import numpy as np

warnings.filterwarnings("ignore")
PDB, XTC = "tests/data/dipeptide.pdb", "tests/data/dipeptide.xtc"
count = failures = 0


def ok(good, name):
    global count, failures
    count, failures = count + 1, failures + (not good)
    print(f"{'ok' if good else 'not ok'} {count} - {name}")


def strip(*arguments):
    subprocess.run(["km-strip", "-q", *arguments], check=True)


def angstrom(t):
    return t.xyz.astype("f8") * 10


def same(a, b, tolerance=2e-4):
    return a.shape == b.shape and np.abs(a - b).max() < tolerance


tmp = tempfile.mkdtemp()
source = md.load(XTC, top=PDB)
raw, clean = f"{tmp}/raw.h5", f"{tmp}/clean.h5"
strip("--raw", "--top", PDB, "-o", raw, XTC)
strip("--top", PDB, "-o", clean, XTC)

with h5py.File(raw) as f:
    p = f["particles/trajectory1/position"]
    ok(same(p["value"][:].astype("f8"), angstrom(source)), "h5py: every frame of XTC")
    ok(np.allclose(p["time"][:], source.time), "h5py: times")
    ok(p["value"].attrs["unit"] == "Angstrom" and p["time"].attrs["unit"] == "ps", "h5py: units")
    ok(list(f["h5md"].attrs["version"]) == [1, 1], "h5py: version of H5MD")

u = mda.Universe(PDB, raw, format="H5MD", convert_units=False)
x = np.array([ts.positions.copy() for ts in u.trajectory])
ok(same(x.astype("f8"), angstrom(source)), "MDAnalysis: every frame")
ok(np.allclose([ts.time for ts in u.trajectory], source.time), "MDAnalysis: times")
ok(same(u.trajectory[3].positions.astype("f8"), angstrom(source)[3]), "MDAnalysis: one frame out of order")

heavy = [a.index for a in source.top.atoms if a.element.symbol != "H" and a.name != "OXT"]
u = mda.Universe.empty(len(heavy), trajectory=False)
u.load_new(clean, format="H5MD", convert_units=False)
want = source.atom_slice(heavy).superpose(source.atom_slice(heavy), 0)
x = np.array([ts.positions.copy() for ts in u.trajectory]).astype("f8")


def distances(x):
    return np.sort(np.linalg.norm(x[:, :, None] - x[:, None], axis=-1).reshape(len(x), -1))


ok(same(distances(x), distances(angstrom(want))), "MDAnalysis: the clean frames have the raw ones' distances")

# the other way: each program's own files, whose raw decoding must be the same numbers
t = md.Trajectory(source.xyz, source.top, time=source.time)
whole = mda.Universe(PDB, XTC)
for name in ("a.nc", "a.trr", "a.dcd", "a.h5", "a.gro", "a.pdb"):
    t.save(f"{tmp}/{name}")
for name in ("b.trr", "b.nc", "b.dcd", "b.h5md"):
    with mda.Writer(f"{tmp}/{name}", len(whole.atoms)) as w:
        for ts in whole.trajectory:
            w.write(whole.atoms)
    del w  # which closes H5MD
for name in ("a.nc", "a.trr", "a.dcd", "a.h5", "a.gro", "a.pdb", "b.trr", "b.nc", "b.dcd", "b.h5md"):
    out = f"{tmp}/{name}.out.h5"
    strip("--raw", "--dt", "1ps", "--top", PDB, "-o", out, f"{tmp}/{name}")
    with h5py.File(out) as f:
        x = f["particles/trajectory1/position/value"][:].astype("f8")
    ok(same(x, angstrom(source), 6e-3 if name in ("a.gro", "a.pdb") else 2e-4), f"km-strip: {name}")
print(f"1..{count}")
sys.exit(failures > 0)
