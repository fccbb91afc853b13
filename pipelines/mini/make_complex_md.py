#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Ways apart: dynamics of two peptides from contact until they are out of reach of each other.

    make_complex_md.py --copies copies.so --out data/train --paths 200 RR-DD    # receptor RR is chain A, ligand DD chain B

Writes OUT/topology.pdb (all atoms), OUT/path-N.xtc of --frames frames each, OUT/paths.npy [paths, frames, atoms, 3]
(angstrom) and, last, OUT/meta.json. Paths of another --seed come from other poses.

Both chains are built as make_peptide_md.py builds one, the ligand turned at random and 20 A away in a random direction. In
OpenMM a spring draws their centres to within 5 A of each other and lets go; from there copies.c moves sixteen at once.
The receptor is one conformation whose atoms are a million times as heavy, which makes of a dipeptide something like a
pocket: free, it turns around so fast that after 2 ps the ligand is 3.4 A from where it was, seen from its backbone.
A path is the last --frames frames before the centres are --far apart. It begins without any bias; from a moment on a pull
draws two atoms, one in the middle of each chain, apart (--pull), as by themselves they would seldom part. A path is
kept if it ends with the pull and two heavy atoms are within 4 A at its beginning.
"""
import argparse, json, os, random, sys, time

import numpy as np
import openmm as mm
from openmm import app, unit

from copies import COPIES, Copies
from make_peptide_md import FF, add_obc2, build, chirality_ok, seed_of, steps_per_frame

BOUND, APART, DOCKED = 0.4, 2.0, 0.5    # nm: heavy atoms in contact; centres at the beginning, and drawn together
RIGID = 1e6                             # times its mass is what an atom of the receptor weighs
REACH = 2.5                             # nm: from here the pull draws, so that it hardly depends on the distance


def random_rotation(rng):
    w, x, y, z = (q := rng.normal(size=4)) / np.linalg.norm(q)
    return np.array([[1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                     [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                     [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]])


def place(receptor, ligand, rng):
    """Both as one model, the ligand as chain B away from the receptor, which is the same in all."""
    (top, x), (other, y) = build(receptor, False, np.random.default_rng(1)), build(ligand, False, rng)
    x, y = np.array(x._value), np.array(y._value)
    away = rng.normal(size=3)
    y = (y - y.mean(0)) @ random_rotation(rng).T + x.mean(0) + APART * away / np.linalg.norm(away)
    next(other.chains()).id = "B"
    model = app.Modeller(top, unit.Quantity(x, unit.nanometer))
    model.add(other, unit.Quantity(y, unit.nanometer))
    return model


def heavy(top):
    return [[a.index for a in c.atoms() if a.element is not app.element.hydrogen] for c in top.chains()]


def hold(system, top):
    """Weight for the receptor's atoms, which leaves what is probable as it is but lets them move hardly at all."""
    for atom in next(top.chains()).atoms():
        system.setParticleMass(atom.index, RIGID * system.getParticleMass(atom.index))


def middle(top):
    """The heavy atom in the middle of each chain's list."""
    return [g[len(g) // 2] for g in heavy(top)]


def spring(top):
    f = mm.CustomCentroidBondForce(2, f"100 * max(0, distance(g1, g2) - {DOCKED})^2")
    for group in heavy(top):
        f.addGroup(group)
    f.addBond([0, 1], [])
    return f


def simulation(top, system, o, seed, friction):
    integ = mm.LangevinMiddleIntegrator(o.temperature * unit.kelvin, friction / unit.picosecond, o.dt * unit.femtosecond)
    integ.setRandomNumberSeed(seed % 2**31)
    return app.Simulation(top, system, integ, mm.Platform.getPlatformByName("CPU"), {"Threads": "1"})


def dock(pair, o, seed):
    """A simulation without the spring, and its state where the spring has brought the chains together."""
    rng = np.random.default_rng(seed)
    random.seed(seed)                       # Modeller draws the first hydrogen places from it
    ff = app.ForceField(FF["amber14"])
    for _ in range(20):
        model = place(*pair.split("-"), rng)
        model.addHydrogens(ff, pH=7.0)
        free, drawn = (ff.createSystem(model.topology, nonbondedMethod=app.NoCutoff, constraints=app.HBonds,
                                       hydrogenMass=3.0 * unit.amu) for _ in range(2))
        for system in free, drawn:
            add_obc2(system, model.topology)
            hold(system, model.topology)
            bonds = next(f for f in system.getForces() if isinstance(f, mm.HarmonicBondForce))
            bonds.addBond(*middle(model.topology), REACH, 0)    # the last one: what pulled() turns on
        drawn.addForce(spring(model.topology))
        alone = simulation(model.topology, free, o, seed, o.friction)
        alone.context.setPositions(model.positions)
        alone.minimizeEnergy()              # far apart, so that the receptor does not yield
        x = alone.context.getState(getPositions=True).getPositions(asNumpy=True)
        if chirality_ok(model.topology, x._value):
            break
    else:
        sys.exit(f"{pair}: no sound start structure in 20 tries")
    together = simulation(model.topology, drawn, o, seed, 1)
    together.context.setPositions(x)
    together.context.setVelocitiesToTemperature(o.temperature * unit.kelvin, seed % 2**31)
    together.step(round(o.dock * 1000 / o.dt))
    alone.context.setPositions(together.context.getState(getPositions=True).getPositions())
    return alone, alone.context.getState(getEnergy=True, getForces=True, getPositions=True)


def centres(x, groups):
    return np.linalg.norm(x[groups[0]].mean(0) - x[groups[1]].mean(0), axis=0)


def touches(x, groups):
    return np.linalg.norm(x[groups[0]][:, None] - x[groups[1]][None], axis=-1).min() < BOUND


def pulled(many, groups, o):
    """Frames [n, atoms, 3, copies] (nm) of what is bound, and then of what is pulled until every copy is away."""
    per, frames, shape = steps_per_frame(o), [], many.tables["bond_shape"]
    while len(frames) < 2 * o.frames or (centres(frames[-1], groups) < o.far / 10).any() and len(frames) < 3 * o.frames:
        if len(frames) == o.frames:
            shape[-1, 1] = o.pull / REACH
        many.run(per)
        frames.append(many.x.copy())
    shape[-1, 1] = 0
    return np.array(frames)


def walk(many, groups, o, rng):
    """Paths [frames, atoms, 3] (nm), sixteen at a time at most. From where the pull begins the copies go on without it
    afterwards; those that had left by themselves go back to a start."""
    many.run(round(10 * 1000 / o.dt))       # 10 ps to forget the spring
    starts = many.x.copy()
    while True:
        many.run(round(o.between * 1000 / o.dt))
        frames = pulled(many, groups, o)
        bound = frames[o.frames - 1]
        apart = np.array([centres(x, groups) for x in frames])
        for c in range(COPIES):
            end = int(np.argmax(apart[:, c] >= o.far / 10)) + 1
            path = frames[end - o.frames:end, :, :, c] if end > o.frames else frames[:0, :, :, c]
            if len(path) and touches(path[0], groups):
                yield path
            stays = touches(bound[:, :, c], groups)
            many.x[:, :, c] = bound[:, :, c] if stays else starts[:, :, rng.integers(COPIES)]
        many.v[:] = rng.normal(size=many.v.shape) * np.sqrt(many.kt / many.tables["mass"])[:, None, None]


def write(o, top, paths, cpu):
    os.makedirs(o.out, exist_ok=True)
    with open(os.path.join(o.out, "topology.pdb"), "w") as f:
        app.PDBFile.writeFile(top, unit.Quantity(paths[0][0], unit.nanometer), f, keepIds=True)
    for n, path in enumerate(paths):
        name = os.path.join(o.out, f"path-{n:04}.xtc")
        if os.path.exists(name):
            os.remove(name)
        xtc = app.XTCFile(name, top, o.save)
        for frame in path:
            xtc.writeModel(frame)
    np.save(os.path.join(o.out, "paths.npy"), np.array(paths, np.float32) * 10)
    meta = {"pair": o.pair, "paths": len(paths), "frames": o.frames, "save_interval_ps": o.save, "far_A": o.far,
            "atoms": top.getNumAtoms(), "temperature_K": o.temperature, "friction_per_ps": o.friction, "timestep_fs": o.dt,
            "force_field": FF["amber14"], "solvent": "generalised Born OBC2", "pull_kJ_mol_nm": o.pull,
            "receptor": f"atoms {RIGID:g} times as heavy", "seed": o.seed, "starts": o.starts, "cpu_s": round(cpu),
            "engine": f"copies.c, system, docking and check by OpenMM {mm.__version__}"}
    with open(os.path.join(o.out, "meta.json"), "w") as f:
        json.dump(meta, f, indent=1)
        f.write("\n")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("pair", help="two sequences, RECEPTOR-LIGAND")
    p.add_argument("--copies", metavar="LIBRARY", required=True, help="copies.c compiled")
    p.add_argument("--out", required=True, help="folder to write to")
    p.add_argument("--paths", type=int, default=200)
    p.add_argument("--frames", type=int, default=30, help="of a path")
    p.add_argument("--save", type=float, default=1, help="their spacing, ps")
    p.add_argument("--far", type=float, default=16, help="A between the centres of the chains: gone")
    p.add_argument("--pull", type=float, default=160, help="the force outward, kJ/mol/nm at no distance")
    p.add_argument("--between", type=float, default=20, help="ps without a pull from one set of paths to the next")
    p.add_argument("--dock", type=float, default=20, help="ps of the spring")
    p.add_argument("--starts", type=int, default=16, help="docked starts dealt out to the sixteen copies")
    p.add_argument("--temperature", type=float, default=310)
    p.add_argument("--friction", type=float, default=2, help="per ps")
    p.add_argument("--dt", type=float, default=4.0, help="fs")
    p.add_argument("--seed", type=int, default=1)
    o = p.parse_args()
    sequences = o.pair.split("-")
    if len(sequences) != 2 or any(not s or set(s) - set("ACDEFGHIKLMNPQRSTVWY") for s in sequences):
        p.error(f"not two peptides: {o.pair!r}")
    sims, states = zip(*(dock(o.pair, o, seed_of(o.pair, o, r)) for r in range(o.starts)))
    top, seed = sims[0].topology, seed_of(o.pair, o, 0)
    many = Copies(o.copies, sims[0].system, states, o.temperature, o.friction, o.dt, seed)
    paths, began = [], time.process_time()
    for path in walk(many, heavy(top), o, np.random.default_rng(seed)):
        paths.append(path)
        print(f"path {len(paths)} of {o.paths}", file=sys.stderr, flush=True)
        if len(paths) == o.paths:
            break
    cpu = time.process_time() - began
    write(o, top, paths, cpu)
    print(f"{o.pair}: {len(paths)} paths of {o.frames} frames, {top.getNumAtoms()} atoms, {cpu:.0f} s of the processor")


if __name__ == "__main__":
    main()
