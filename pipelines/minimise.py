#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""minimise.py NAME FRAMES.pdb: the first, middle and last frame of a multi-model file, hydrogens added, after 100 steps of minimisation
(amber14, TIP3P-FB's ions, no solvent): RMSD of the heavy atoms after superposition, angstrom, and the energies. Proteins alone. Needs OpenMM.
"""
import sys
import numpy as np
import openmm as mm
from openmm import app, unit
from termini import with_termini

name, path = sys.argv[1:]
pdb = app.PDBFile(path)
field = app.ForceField("amber14-all.xml", "amber14/tip3pfb.xml")
n = pdb.getNumFrames()


def superposed_rmsd(a, b):
    a, b = a - a.mean(0), b - b.mean(0)
    u, s, v = np.linalg.svd(a.T @ b)
    s[2] *= np.sign(np.linalg.det(u @ v))
    return np.sqrt(max(0, ((a ** 2).sum() + (b ** 2).sum() - 2 * s.sum()) / len(a)))


for frame in sorted({0, n // 2, n - 1}):
    model = app.Modeller(*with_termini(pdb.topology, pdb.getPositions(frame=frame)))
    try:
        model.addHydrogens(field)
        system = field.createSystem(model.topology, nonbondedMethod=app.NoCutoff, constraints=None)
    except Exception as e:
        print(f"{name}\t{frame}\tnan\tnan\tnan")
        print(f"minimise.py: {name}: {e}", file=sys.stderr)
        break
    heavy = [a.index for a in model.topology.atoms() if a.element.symbol != "H"]
    context = mm.Context(system, mm.VerletIntegrator(0.001), mm.Platform.getPlatformByName("CPU"))
    context.setPositions(model.positions)
    states = [context.getState(getEnergy=True, getPositions=True)]
    mm.LocalEnergyMinimizer.minimize(context, maxIterations=100)
    states.append(context.getState(getEnergy=True, getPositions=True))
    x = [s.getPositions(asNumpy=True).value_in_unit(unit.angstrom)[heavy] for s in states]
    e = [s.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole) for s in states]
    print(f"{name}\t{frame}\t{superposed_rmsd(*x):.4f}\t{e[0]:.1f}\t{e[1]:.1f}")
