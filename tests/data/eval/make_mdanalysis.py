#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Second opinions by MDAnalysis, whose superposition, RMSF, dihedrals, principal components, distances and PDB and XTC readers are its own.

    pip install MDAnalysis && python3 make_mdanalysis.py >> second.txt
"""
import os, warnings
import numpy as np, MDAnalysis as mda
from MDAnalysis.analysis import align, distances, pca, rms
from MDAnalysis.analysis.dihedrals import Ramachandran
import opinion

warnings.filterwarnings("ignore")
here = os.path.dirname(os.path.abspath(__file__))
start = mda.Universe(here + "/start.pdb")
load = lambda n: mda.Universe(here + "/start.pdb", f"{here}/{n}.xtc")


def out(key, value):
    opinion.out("mda." + key, value)


rmsf = {}
for name in ("md", "model"):
    u, select = load(name), "name CA"
    r = rms.RMSD(u, start, select=select).run().results.rmsd[:, 2]
    out(name + ".rmsd.first", r[0]), out(name + ".rmsd.mean", r.mean()), out(name + ".rmsd.last", r[-1])
    align.AlignTraj(u, start, select=select, in_memory=True).run()
    rmsf[name] = rms.RMSF(u.select_atoms(select)).run().results.rmsf
    out(name + ".rmsf.mean", rmsf[name].mean())
    out(name + ".rmsf.most", rmsf[name].max())
    p = pca.PCA(u, select=select, align=False).run().results
    n = len(u.trajectory)
    out(name + ".pca.first", p.variance[0] * (n - 1) / n), out(name + ".pca.second", p.variance[1] * (n - 1) / n)
    ca = u.select_atoms(select)
    near = np.mean([distances.distance_array(ca.positions, ca.positions) < 8 for _ in u.trajectory], 0)
    out(name + ".contacts", near.mean())
    angles = np.radians(Ramachandran(u.select_atoms("protein")).run().results.angles)
    out(name + ".phi", np.cos(angles[..., 0]).mean()), out(name + ".psi", np.sin(angles[..., 1]).mean())
out("rmsf_r", np.corrcoef(rmsf["md"], rmsf["model"])[0, 1])
