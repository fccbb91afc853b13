#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trajectories as NumPy writes them, and what they hold in angstrom: python3 make_npz.py in this directory. Seed 7."""
import numpy as np

rng = np.random.default_rng(7)
step = rng.standard_normal((3, 7, 3))
x = np.cumsum(3.8 * step / np.linalg.norm(step, axis=2, keepdims=True), axis=1)
nm = (x / 10).astype("f4")
np.savez("bioemu.npz", pos=nm, node_orientations=np.tile(np.eye(3, dtype="f4"), (3, 7, 1, 1)), sequence="GAVLSXW")
(nm.astype(float) * 10).astype("f4").tofile("bioemu.npz.raw")
np.savez_compressed("packed.npz", weights=np.ones(3), coords=x, other=np.zeros((3, 5, 3)))
x.astype("f4").tofile("packed.npz.raw")
np.save("half.npy", x.astype("f2"))
x.astype("f2").astype("f4").tofile("half.npy.raw")
