#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Second opinions by BioEmu's own benchmark code (microsoft/bioemu-benchmarks) and mdtraj on populations, see make_second.py. The errors on
surfaces are means over eight seeds.

    pip install git+https://github.com/microsoft/bioemu-benchmarks && python3 make_bioemu.py >> second.txt
"""
import os
from itertools import combinations, product
import numpy as np, mdtraj as md
from bioemu_benchmarks.eval.folding_free_energies.fraction_native_contacts import get_fnc_from_samples_trajectory
from bioemu_benchmarks.eval.folding_free_energies.free_energies import _compute_dG
from bioemu_benchmarks.eval.multiconf.evaluate import LocalResidInfo, MetricType, calc_metrics_global, calc_metrics_local
from bioemu_benchmarks.eval.multiconf.metrics import fraction_native_contacts
from bioemu_benchmarks.eval.md_emulation.state_metric import DistributionMetrics2D

i, j = np.arange(3000), np.arange(2000)
u = np.stack([2 * np.sin(i * 0.37) + 0.3 * np.sin(i * 2.1), np.cos(i * 0.53)], 1)
v = np.stack([1.5 * np.sin(j * 0.71) + 0.6, 0.9 * np.cos(j * 0.31) + 0.2 * np.sin(j)], 1)
r = np.mean([(lambda d: [*d.score_nonzero(v), *d.score(v)])(DistributionMetrics2D(u, random_seed=s)) for s in range(8)], 0)
for key, x in zip(("mae", "rmse", "coverage", "mae_all", "rmse_all"), r):
    print(f"populations.{key} {x:.6g}")
here = os.path.dirname(os.path.abspath(__file__))
start = md.load(here + "/start.pdb")
for name in ("md", "model"):
    t = md.load(f"{here}/{name}.xtc", top=start.topology)
    q = get_fnc_from_samples_trajectory(t, start)
    print(f"populations.{name}.q {q.mean():.8g}\npopulations.{name}.dg {_compute_dG(q, 295.0, 0.5, 10.0):.8g}")
    same = [(r.resSeq, r.resSeq) for r in start.topology.residues]
    bone, spine = (x.atom_slice(x.topology.select("backbone")) for x in (start, t))
    near = {"": calc_metrics_global(bone, spine, same, [MetricType.RMSD])}
    for key, fit in (("fit.", [[1, 8]]), ("region.", None)):
        near[key] = calc_metrics_local(bone, spine, same, LocalResidInfo(fit, [[5, 9], [12, None]], 20), [MetricType.RMSD])
    for key, d in near.items():
        d = d[MetricType.RMSD]
        print(f"populations.{name}.{key}near {np.mean(d < 3):.8g}\npopulations.{name}.{key}nearest {d.min():.8g}")
    inside, rest = [[i for i, _ in same if (2 <= i <= 9) == c] for c in (True, False)]
    kept = fraction_native_contacts(start, t, same, list(combinations(inside, 2)) + list(product(inside, rest)), exclude_n_neighbours=3)
    print(f"populations.{name}.kept {kept.mean():.8g}\npopulations.{name}.whole {np.mean(kept > 0.7):.8g}")
    print(f"populations.{name}.gone {np.mean(kept < 0.3):.8g}")
