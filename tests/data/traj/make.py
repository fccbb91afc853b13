# SPDX-License-Identifier: MIT
"""Reference trajectories, written by other programs, for test_xtc and test_dcd.

python3 make.py (mdtraj 1.11.1, MDAnalysis 2.11.0, numpy 2; seed 7). NAME.raw holds, as little-endian float32 in angstrom,
what those programs read back. Byte for byte the same on every run, but for the dates in the titles of the DCD files."""
import numpy as np
import MDAnalysis as mda
from MDAnalysis.lib.formats.libdcd import DCDFile
from mdtraj.formats import DCDTrajectoryFile, XTCTrajectoryFile

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
