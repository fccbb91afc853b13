# SPDX-License-Identifier: MIT
"""python3 make_periodic.py DIR rectangular|triclinic: two peptides in a box with water and ions, drifting apart through its
walls, every atom wrapped into the cell by itself. DIR/traj.gro has the frames, DIR/top.gro the first, DIR/truth.npy the
heavy atoms (angstrom) as they would be in no box; frame 0 has the peptides in contact."""
import sys

import numpy as np

here, kind = sys.argv[1:]
rng = np.random.default_rng(5)
names, x0 = [], []
for line in open("tests/data/dipeptide.pdb"):
    if line[:4] == "ATOM":
        names.append((int(line[22:26]), line[17:20], line[12:16].strip()))
        x0.append([float(line[30 + 8 * k:38 + 8 * k]) for k in range(3)])
x0 = np.array(x0) - np.mean(x0, 0)
box = np.diag([24.0, 26.0, 28.0]) if kind == "rectangular" else np.array([[24.0, 0, 0], [8, 22, 0], [-8, 7, 21]])
FRAMES = 12
rows, truth = [], []


def turn(angle):
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


with open(here + "/traj.gro", "w") as traj:
    for f in range(FRAMES):
        a = x0 @ turn(0.2 * f) + np.array([1.5, 2, 3]) * f + rng.normal(0, 0.02, x0.shape)
        b = x0 @ turn(2 - 0.1 * f) + [9, 1, 0] + np.array([-1, 3.5, -2]) * f + rng.normal(0, 0.02, x0.shape)
        water = rng.uniform(0, 20, (6, 3))
        whole = np.concatenate([a, b, np.repeat(water, 3, 0) + np.tile([[0, 0, 0], [0.9, 0, 0], [-0.3, 0.9, 0]], (6, 1)),
                                rng.uniform(0, 20, (2, 3))])
        where = whole @ np.linalg.inv(box)
        wrapped = (where - np.floor(where)) @ box
        labels = names + [(n + 2, r, a_) for n, r, a_ in names]
        labels += [(5 + i, "SOL", n) for i in range(6) for n in ("OW", "HW1", "HW2")] + [(11, "NA", "NA"), (12, "CL", "CL")]
        text = f"two peptides in water t= {f * 20:.5f} step= {f}\n{len(labels):5d}\n"
        for i, ((n, r, name), p) in enumerate(zip(labels, wrapped / 10)):
            text += f"{n:5d}{r:<5s}{name:>5s}{(i + 1) % 100000:5d}" + "".join(f"{v:10.5f}" for v in p) + "\n"
        v = box / 10
        edges = [v[0, 0], v[1, 1], v[2, 2]] + ([] if kind == "rectangular" else [0, 0, v[1, 0], 0, v[2, 0], v[2, 1]])
        text += " ".join(f"{e:.5f}" for e in edges) + "\n"
        traj.write(text)
        if f == 0:
            open(here + "/top.gro", "w").write(text)
        heavy = [i for i, (_, r, name) in enumerate(labels[:48]) if not name.startswith(("H", "1", "2", "3")) and name != "OXT"]
        truth.append(whole[heavy])
np.save(here + "/truth.npy", truth)
