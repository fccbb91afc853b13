# SPDX-License-Identifier: MIT
"""Reference trajectories, written by other programs, for test_xtc, test_dcd and test_trr.

python3 make.py (mdtraj 1.11.1, MDAnalysis 2.11.0, numpy 2; seed 7). NAME.raw holds, as little-endian float32 in angstrom,
what those programs read back. double.trr, which none of them writes, is packed here and read by both. Byte for byte the
same on every run, but for the dates in the titles of the DCD files."""
import struct

import numpy as np
import MDAnalysis as mda
from MDAnalysis.lib.formats.libdcd import DCDFile
from MDAnalysis.lib.formats.libmdaxdr import TRRFile
from mdtraj.formats import DCDTrajectoryFile, TRRTrajectoryFile, XTCTrajectoryFile

rng = np.random.default_rng(7)


def walk(frames, atoms, step):
    return np.cumsum(rng.normal(0, step, (frames, atoms, 3)), 1).astype("f4")


def xtc(name, nm, box):
    n = len(nm)
    with XTCTrajectoryFile(name + ".xtc", "w") as f:
        f.write(nm, time=np.arange(n, dtype="f4") * 2, step=np.arange(n), box=np.repeat(box[None], n, 0).astype("f4"))
    with XTCTrajectoryFile(name + ".xtc") as f:
        (f.read()[0] * np.float32(10)).astype("<f4").tofile(name + ".raw")


BOX = np.array([[3, 0, 0], [0.5, 4, 0], [-0.5, 0.25, 5]])
xtc("nine", np.round(rng.uniform(-1, 1, (3, 9, 3)) * 64).astype("f4") / 64, BOX)  # exact in nm and in angstrom
xtc("ten", walk(3, 10, 0.1), BOX)
xtc("chain", walk(4, 39, 0.1) - 3, BOX)
water = rng.uniform(0, 2, (2, 40, 1, 3)) + rng.normal(0, 0.06, (2, 40, 3, 3))
xtc("water", water.reshape(2, -1, 3).astype("f4"), BOX)
xtc("same", np.full((2, 20, 3), -1.25, "f4"), BOX)
xtc("sparse", rng.uniform(-900, 900, (2, 30, 3)).astype("f4"), BOX)
xtc("wide", (rng.uniform(-1, 1, (2, 30, 3)) * [20000, 1, 1]).astype("f4"), BOX)

x = walk(3, 12, 1)
x.astype("<f4").tofile("dcd.raw")
with DCDTrajectoryFile("mdtraj.dcd", "w") as f:
    f.write(x, np.repeat([[30, 40, 50]], 3, 0), np.repeat([[80, 75, 110]], 3, 0))
with DCDFile("mdanalysis.dcd", "w") as f:
    f.write_header("reference", 12, 5, 10, 0.002 * 1000 / 48.88821, 1)
    for i in range(3):
        f.write(x[i], [30, 110, 40, 75, 80, 50])

x = np.round(rng.uniform(-1, 1, (3, 12, 3)) * 64).astype("f4") / 64  # exact in nm and in angstrom
with TRRTrajectoryFile("mdtraj.trr", "w") as f:
    f.write(x, time=np.arange(3, dtype="f4") * 2, step=np.arange(3), box=np.repeat(BOX[None], 3, 0).astype("f4"))
with TRRTrajectoryFile("mdtraj.trr") as f:
    (f.read()[0] * np.float32(10)).astype("<f4").tofile("mdtraj.trr.raw")

x, v, force = (rng.normal(0, s, (5, 12, 3)).astype("f4") for s in (1, 0.5, 300))
with TRRFile("mdanalysis.trr", "w") as f:  # velocities every step, positions and forces less often
    for i in range(5):
        f.write(x[i] if i in (1, 2, 4) else None, v[i], force[i] if i % 2 else None, BOX + i, 10 * i, 0.02 * i, 0.5, 12)
with TRRFile("mdanalysis.trr") as f:
    (np.array([g.x for g in f if g.hasx]) * np.float32(10)).astype("<f4").tofile("mdanalysis.trr.raw")

x, v = rng.normal(0, 1, (2, 3, 12, 3))
with open("double.trr", "wb") as f:
    for i in range(3):
        virial = [] if i else [BOX, BOX]  # and pressure
        f.write(struct.pack(">3i12s13i2d", 1993, 13, 12, b"GMX_trn_file", 0, 0, 72, 72 * (i == 0), 72 * (i == 0), 0, 0,
                            288, 288, 0, 12, 10 * i, 0, 0.02 * i, 0.5))
        f.write(b"".join(np.asarray(a, ">f8").tobytes() for a in [BOX] + virial + [x[i], v[i]]))
(x * 10).astype("<f4").tofile("double.trr.raw")
with TRRTrajectoryFile("double.trr") as f, TRRFile("double.trr") as g:
    assert np.array_equal(f.read()[0], x.astype("f4")) and np.array_equal([h.x for h in g], x.astype("f4"))
