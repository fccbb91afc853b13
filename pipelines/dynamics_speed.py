#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""dynamics_speed.py STRUCTURE.pdb [SECONDS]: how fast conventional dynamics of its first model runs here: hydrogens, a box of water (1 nm
about it), amber14, PME, steps of 4 fs with heavy hydrogens, on the fastest platform that OpenMM finds. Prints nanoseconds a day, the atoms
and the platform. Proteins alone. Needs OpenMM.
"""
import sys, time
import openmm as mm
from openmm import app, unit
from termini import with_termini

path, seconds = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 20
pdb = app.PDBFile(path)
field = app.ForceField("amber14-all.xml", "amber14/tip3pfb.xml")
try:
    model = app.Modeller(*with_termini(pdb.topology, pdb.getPositions(frame=0)))
    model.addHydrogens(field)
    model.addSolvent(field, padding=1 * unit.nanometer)
    system = field.createSystem(model.topology, nonbondedMethod=app.PME, constraints=app.HBonds, hydrogenMass=4 * unit.amu)
except Exception as e:
    print("nan\tnan\tnan")
    print(f"dynamics_speed.py: {path}: {e}", file=sys.stderr)
    sys.exit(0)
integrator = mm.LangevinMiddleIntegrator(300 * unit.kelvin, 1 / unit.picosecond, 4 * unit.femtosecond)
run = app.Simulation(model.topology, system, integrator)
run.context.setPositions(model.positions)
run.minimizeEnergy(maxIterations=50)
run.context.setVelocitiesToTemperature(300 * unit.kelvin)
run.step(10)
steps, begin = 0, time.time()
while time.time() - begin < seconds:
    run.step(20)
    steps += 20
rate = steps * 4e-6 * 86400 / (time.time() - begin)
print(f"{rate:.4g}\t{system.getNumParticles()}\t{run.context.getPlatform().getName()}")
