#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a model of unbinding has to beat, for each path that was held out: a straight pull-out and a random training path.

    unbinding_baselines.py --train DIR --held-out DIR --out DIR

The folders are make_complex_md.py's. OUT/pull-N.xtc: the held-out path's first frame, its ligand moved as it is along the
line from the receptor's centre to its own, by the mean speed of the training paths. OUT/random-N.xtc: a training path, each
at most once while there are enough. Both without their first frame, which a forecast is given, too."""
import argparse, os

import numpy as np
from openmm import app

from make_complex_md import heavy


def centres(frames, groups):
    """From the receptor's centre to the ligand's, [frames, 3]."""
    return frames[:, groups[1]].mean(1) - frames[:, groups[0]].mean(1)


def pull(start, chains, groups, speed, frames):
    along = centres(start[None], groups)[0]
    steps = speed * np.arange(1, frames)[:, None] * along / np.linalg.norm(along)
    x = np.repeat(start[None], frames - 1, 0)
    x[:, chains[1]] += steps[:, None]
    return x


def write(path, top, frames, spacing):
    if os.path.exists(path):
        os.remove(path)
    xtc = app.XTCFile(path, top, spacing)
    for x in frames:
        xtc.writeModel(x / 10)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--train", required=True)
    p.add_argument("--held-out", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--seed", type=int, default=1)
    o = p.parse_args()
    top = app.PDBFile(os.path.join(o.held_out, "topology.pdb")).topology
    train, held = (np.load(os.path.join(d, "paths.npy")) for d in (o.train, o.held_out))
    chains, groups = [[a.index for a in c.atoms()] for c in top.chains()], heavy(top)
    n, frames = held.shape[:2]
    apart = np.array([np.linalg.norm(centres(path, groups), axis=1) for path in train])
    speed = (apart[:, -1] - apart[:, 0]).mean() / (train.shape[1] - 1)
    drawn = np.random.default_rng(o.seed).permutation(len(train))
    os.makedirs(o.out, exist_ok=True)
    for i in range(n):
        write(os.path.join(o.out, f"pull-{i:04}.xtc"), top, pull(held[i, 0], chains, groups, speed, frames), 1)
        write(os.path.join(o.out, f"random-{i:04}.xtc"), top, train[drawn[i % len(drawn)], 1:], 1)
    print(f"{n} paths, pulled by {speed:.2f} A a frame")


if __name__ == "__main__":
    main()
