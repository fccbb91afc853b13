#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""copies.safetensors: a tripeptide's force field as pipelines/mini/copies.py takes it from OpenMM, and OpenMM's own forces
and energies (reference platform, float64) in two frames of a run.

    pip install openmm numpy PeptideBuilder safetensors
    PYTHONPATH=pipelines/mini tests/data/make_copies.py
"""
import argparse
import os

import numpy as np
import openmm as mm
from openmm import unit
from safetensors.numpy import save_file

import copies
import make_peptide_md

o = argparse.Namespace(ff="amber14", gb="obc2", caps=False, helix=False, temperature=310, friction=1.0, dt=2.0,
                       platform="Reference", threads=1)
sim, _, _ = make_peptide_md.prepare("GFP", o, 7)
sim.context.setVelocitiesToTemperature(310 * unit.kelvin, 7)
out = copies.tables(sim.system)
frames = []
for _ in range(2):
    sim.step(1000)
    frames.append(sim.context.getState(getEnergy=True, getForces=True, getPositions=True))
# positions are rounded to what a lane holds before OpenMM computes anything at them
for k, f in enumerate(frames):
    x = f.getPositions(asNumpy=True)._value.astype(np.float32)
    sim.context.setPositions(x.astype(np.float64))
    s = sim.context.getState(getEnergy=True, getForces=True)
    out[f"x{k}"], out[f"force{k}"] = x, s.getForces(asNumpy=True)._value.astype(np.float32)
    out[f"energy{k}"] = np.float64([s.getPotentialEnergy()._value])
save_file(out, os.path.join(os.path.dirname(__file__), "copies.safetensors"), {"openmm": mm.__version__, "sequence": "GFP"})
