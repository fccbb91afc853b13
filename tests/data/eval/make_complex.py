#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Second opinions on ligands, ways out and plain numbers; see make_second.py. The last residue plays the ligand.

    python3 make_complex.py >> second.txt
"""
import os
import numpy as np, mdtraj as md, scipy.spatial.distance, spyrmsd.rmsd, spyrmsd.graph
from scipy.spatial.transform import Rotation
from opinion import out

here = os.path.dirname(os.path.abspath(__file__))
start = md.load(here + "/start.pdb")
ref, model = (md.load(f"{here}/{n}.xtc", top=start.topology) for n in ("md", "model"))
ligand = np.array([a.index for a in start.topology.atoms if a.residue.index == 19])
protein = np.array([a.index for a in start.topology.atoms if a.residue.index < 19])
fit = [a.index for a in start.topology.atoms if a.residue.index < 19 and a.name in ("N", "CA", "C", "O")]
S, R, M = (t.xyz.astype(float) * 10 for t in (start, ref, model))


def superpose(x, to, atoms):
    """In double: mdtraj's float32 rotation shows in the third decimal far from the atoms that are fitted."""
    done = []
    for f in x:
        a, b = f[atoms].mean(0), to[atoms].mean(0)
        done.append(Rotation.align_vectors(to[atoms] - b, f[atoms] - a)[0].apply(f - a) + b)
    return np.array(done)


R, M = (superpose(x, S[0], fit) for x in (R, M))

r = lambda a, b: np.corrcoef(a, b)[0, 1]
touch = [np.array([scipy.spatial.distance.cdist(f[protein], f[ligand]) < 4.5 for f in x]) for x in (R, M)]
p, q = (t.mean(0).ravel() for t in touch)
out("ligand.ims", r(p, q)), out("ligand.ims_touched", r(p[(p > 0) | (q > 0)], q[(p > 0) | (q > 0)]))
res = np.array([start.topology.atom(i).residue.index for i in protein])
by = [np.array([[f[res == k].any() for k in range(19)] for f in t]).mean(0) for t in touch]
out("ligand.ims_residue", r(*by))
rmsf = lambda x, a: np.sqrt(((x[:, a] - x[:, a].mean(0)) ** 2).sum(2).mean(0))
out("ligand.rmsf_r", r(rmsf(R, ligand), rmsf(M, ligand))), out("ligand.protein_rmsf_r", r(rmsf(R, protein), rmsf(M, protein)))
out("ligand.rmsf", rmsf(M, ligand).mean()), out("ligand.md_rmsf", rmsf(R, ligand).mean())
bonds = [(b[0].index, b[1].index) for b in start.topology.bonds if b[0].index in ligand and b[1].index in ligand]
d = lambda x: np.linalg.norm(x[:, [b[0] for b in bonds]] - x[:, [b[1] for b in bonds]], axis=-1)
symmetric = lambda x, y: spyrmsd.rmsd.symmrmsd(y, list(x), elements, elements, adjacent, adjacent)
elements = np.array([start.topology.atom(i).element.number for i in ligand])
adjacent = np.array([[int((i, j) in bonds or (j, i) in bonds) for j in ligand] for i in ligand])
out("ligand.rmsd", np.mean(symmetric(M[:, ligand], S[0, ligand])))
ways = [spyrmsd.rmsd.symmrmsd(S[0, ligand], list(x[:, ligand]), elements, elements, adjacent, adjacent, return_best_isomorphism=True)[1] for x in (R, M)]
best = [np.array([f[ligand][w[1]][np.argsort(w[0])] for f, w in zip(x, v)]) for x, v in zip((R, M), ways)]
out("ligand.rmsf_best_r", r(*(rmsf(x, slice(None)) for x in best)))
out("ligand.rmsf_best", rmsf(best[1], slice(None)).mean()), out("ligand.md_rmsf_best", rmsf(best[0], slice(None)).mean())
out("ligand.symmetries", len(spyrmsd.graph.match_graphs(*[spyrmsd.graph.graph_from_adjacency_matrix(adjacent, elements)] * 2)))
out("ligand.bonds", len(bonds)), out("ligand.bond_mae", abs(d(M) - d(S)).mean())
near = {i: [b for pair in bonds for b in pair if i in pair and b != i] for i in ligand}
angles = [(a, v, b) for v in ligand for a in near[v] for b in near[v] if a < b]
w = lambda t: md.compute_angles(t, angles).astype(float)
out("ligand.angle_mae", abs(w(model) - w(start)).mean())
away = np.linalg.norm(M[:, ligand].mean(1) - S[:, ligand].mean(1), axis=-1) > 15
far = np.array([scipy.spatial.distance.cdist(f[protein], f[ligand]).min() > 6 for f in M])
out("ligand.out", (away | far).mean())

L, G = R[::5, ligand], M[::5, ligand]
D = np.array([symmetric(G, x) for x in L]).T
out("unbinding.precision", (D.min(1) < 2).mean()), out("unbinding.recall", (D.min(0) < 2).mean())


def path(x):
    c = x.mean(1)
    s = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(c, axis=0), axis=1))])
    return np.stack([np.interp(np.linspace(0, s[-1], 50), s, c[:, k]) for k in range(3)], 1)


def frechet(p, q):
    d, reach = scipy.spatial.distance.cdist(p, q), np.zeros((len(p), len(q)))
    for i in range(len(p)):
        for j in range(len(q)):
            before = [reach[a, b] for a, b in ((i - 1, j), (i, j - 1), (i - 1, j - 1)) if a >= 0 and b >= 0]
            reach[i, j] = max(d[i, j], min(before, default=0))
    return reach[-1, -1]


P, Q = path(L), path(G)
out("unbinding.frechet", frechet(P, Q)), out("unbinding.path_rmsd", np.sqrt(((P - Q) ** 2).sum(1).mean()))

ca = start.topology.select("name CA")
R, M = (superpose(x, S[0], ca) for x in (R, M))
out("plain.ca_rmsf_r", r(np.sqrt(rmsf(R, ca) ** 2 + 1e-8), np.sqrt(rmsf(M, ca) ** 2 + 1e-8)))
flat = M.reshape(len(M), -1)
out("plain.pairwise", np.sqrt(scipy.spatial.distance.pdist(flat, "sqeuclidean") / M.shape[1] + 1e-8).mean())
quantiles = lambda x: np.quantile(np.concatenate([scipy.spatial.distance.pdist(f) for f in x]), np.linspace(0, 1, 10000))
out("plain.w2", np.sqrt(((quantiles(M) - quantiles(R)) ** 2).mean()))
phi, psi = (np.degrees(f(model)[1]) for f in (md.compute_phi, md.compute_psi))
phi, psi = phi[:, :-1], psi[:, 1:]
inside = lambda boxes: np.any([(phi >= a) & (phi <= b) & (psi >= c) & (psi <= d) for a, b, c, d in boxes], 0)
favoured = inside([(-100, -30, -70, -10), (-180, -60, 80, 180), (30, 100, 10, 70)])
allowed = inside([(-120, -10, -90, 10), (-180, -40, 60, 180), (10, 120, -10, 90), (-180, -40, -60, 60)])
out("plain.favoured", favoured.mean()), out("plain.allowed", (allowed & ~favoured).mean())
out("plain.outlier", (~allowed & ~favoured).mean())
both = [np.degrees(f(ref)[1]) for f in (md.compute_phi, md.compute_psi)]
hist = lambda a, b: np.histogram2d(a, b, bins=50, range=[[-180, 180]] * 2)[0].ravel()
out("plain.jsd", np.mean([scipy.spatial.distance.jensenshannon(hist(both[0][:, k], both[1][:, k + 1]), hist(phi[:, k], psi[:, k]))
                          for k in range(phi.shape[1])]))
