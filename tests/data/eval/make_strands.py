#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""strands.pdb and strands.xtc: three made-up strands of nine residues side by side, the second antiparallel to the first, the third parallel,
moved along and away from each other at random (seed 1); of 4,000 placements the 24 with most strand and 8 others.

    python3 make_strands.py
"""
import os
import numpy as np, mdtraj as md

here, rng, N = os.path.dirname(os.path.abspath(__file__)), np.random.default_rng(1), 9


def place(a, b, c, length, angle, torsion):
    angle, torsion = np.radians(angle), np.radians(torsion)
    bc = (c - b) / np.linalg.norm(c - b)
    n = np.cross(b - a, bc)
    n /= np.linalg.norm(n)
    return c + length * (-np.cos(angle) * bc + np.sin(angle) * (np.cos(torsion) * np.cross(n, bc) + np.sin(torsion) * n))


x = [np.array([0, 0, 0.0]), np.array([1.46, 0, 0]), np.array([2.0, 1.42, 0])]
for _ in range(N):
    for length, angle, torsion in ((1.33, 116.6, 135), (1.46, 121.7, 180), (1.53, 111, -120)):
        x.append(place(*x[-3:], length, angle, torsion))
chain = np.array([p for i in range(N) for p in (*x[3 * i:3 * i + 3], place(x[3 * i + 3], x[3 * i + 1], x[3 * i + 2], 1.23, 120.5, 180))])
chain = chain.reshape(N, 4, 3)
for i in range(N):  # O in the plane of CA, C and the next N
    a, c, n = x[3 * i + 1], x[3 * i + 2], x[3 * i + 3]
    away = (c - a) / np.linalg.norm(c - a) + (c - n) / np.linalg.norm(c - n)
    chain[i, 3] = c + 1.23 * away / np.linalg.norm(away)
flat = chain.reshape(-1, 3) - chain.reshape(-1, 3).mean(0)
flat = flat @ np.linalg.svd(flat)[2].T  # along x; carbonyls to one side and the other
co = (flat.reshape(N, 4, 3)[::2, 3] - flat.reshape(N, 4, 3)[::2, 2]).mean(0)
turn = -np.arctan2(co[2], co[1])
flat[:, 1:] = flat[:, 1:] @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
top = md.Topology()
for c in range(3):
    ch = top.add_chain()
    for i in range(N):
        r = top.add_residue("ALA", ch, resSeq=i + 1)
        for name, element in (("N", "nitrogen"), ("CA", "carbon"), ("C", "carbon"), ("O", "oxygen")):
            top.add_atom(name, getattr(md.element, element), r)
frames = []
for _ in range(4000):
    second = flat * [-1, 1, -1] if rng.random() < 0.5 else flat * [-1, -1, 1]
    frames.append(np.concatenate([flat, second + [rng.uniform(-4, 4), rng.uniform(4.4, 5.6), rng.uniform(-0.7, 0.7)],
                                  flat - [rng.uniform(-4, 4), rng.uniform(4.4, 5.6), rng.uniform(-0.7, 0.7)]]) / 10)
t = md.Trajectory(np.array(frames), top)
share = (md.compute_dssp(t) == "E").mean(1)
t = t[np.concatenate([np.argsort(-share)[:24], rng.choice(len(share), 8, False)])]
t.time = np.arange(32.0)
t.save_xtc(here + "/strands.xtc"), t[0].save_pdb(here + "/strands.pdb")
