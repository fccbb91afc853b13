#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Second opinions: the metrics of km-eval as other programs compute them, on the dynamics beside this file.

    pip install numpy scipy scikit-learn mdtraj POT deeptime
    python3 make_second.py > second.txt && python3 make_states.py >> second.txt && python3 make_complex.py >> second.txt
    python3 make_structure.py >> second.txt

Every line is a key and a number. start.pdb, md.xtc and model.xtc are heavy atoms of two runs of the Trp-cage sequence NLYIQWLKDGGPSSGRPPPS
from a helix (amber14, OBC2, 310 K): 250 frames 2 ps apart, and 100 frames 5 ps apart of another start.
"""
import os, sys, warnings
import numpy as np, mdtraj as md, ot, deeptime, networkx, scipy.stats, scipy.optimize, scipy.spatial.distance
from sklearn.decomposition import PCA
from opinion import out

warnings.simplefilter("ignore")
here = os.path.dirname(os.path.abspath(__file__))
start = md.load(here + "/start.pdb")
ref, model = (md.load(f"{here}/{n}.xtc", top=start.topology) for n in ("md", "model"))

# -- stats and transport on made-up numbers: values with ties
i = np.arange(40)
a, b = np.round(np.sin(i * 1.7) * 4), np.round(np.cos(i * 0.9) * 3 + np.sin(i * 1.7) * 2)
out("stats.pearson", scipy.stats.pearsonr(a, b)[0])
out("stats.spearman", scipy.stats.spearmanr(a, b)[0])
out("stats.kendall", scipy.stats.kendalltau(a, b)[0])
x, y = np.sin(i * 1.3) * 2, np.cos(np.arange(25) * 0.7) * 3 + 1
out("transport.w1", scipy.stats.wasserstein_distance(x, y))
out("transport.w2", np.sqrt(ot.wasserstein_1d(x, y, p=2)))
p = np.stack([np.sin(i * 1.3), np.cos(i * 2.1) * 2], 1)
q = np.stack([np.cos(i * 0.6) + 0.5, np.sin(i * 1.9)], 1)
out("transport.plane", np.sqrt(ot.emd2([], [], ot.dist(p, q))))
A, B = (np.cov((np.outer(np.sin(i * s), [1, 2, -1]) + np.stack([np.cos(i * t) for t in (0.3, 1.1, 2.3)], 1)).T) for s in (0.7, 1.9))
out("transport.normal", ot.gaussian.bures_wasserstein_distance(np.zeros(3), np.zeros(3), A, B) ** 2)

# -- solvent-accessible surface, square nanometre: every atom of the start structure summed by residue
area = md.shrake_rupley(start, probe_radius=0.28)[0]
for r in start.topology.residues:
    out(f"sasa.{r.index}", sum(area[k.index] for k in r.atoms))
out("sasa.total14", md.shrake_rupley(start, probe_radius=0.14).sum())

# -- the ensemble panel
np.random.seed(137)
r1, r2, r1k = (np.random.randint(0, ref.n_frames, n) for n in (model.n_frames, model.n_frames, 1000))
ref.superpose(start), model.superpose(start)
ca = start.topology.select("name CA")
cas, car, cam = (t.atom_slice(ca) for t in (start, ref, model))
car.superpose(cas), cam.superpose(cas)
n = len(ca)
flat = lambda t: t.xyz.reshape(t.n_frames, -1).astype(float)
S, R, M = flat(cas), flat(car), flat(cam)


def pairwise(u, v):
    return scipy.spatial.distance.cdist(u, v) / np.sqrt(n) * 10


for key, d in (("md_pairwise_rmsd", pairwise(R[r1], R[r2])), ("pairwise_rmsd", pairwise(M, M)), ("md_self_rmsd", pairwise(R[r1], R[r1]))):
    out("ensemble." + key, d.mean())
    out("ensemble." + key[:-1], np.sqrt((d ** 2).mean()))
f_md, f_model = md.rmsf(ref, start) * 10, md.rmsf(model, start) * 10
out("ensemble.md_rmsf", np.median(f_md)), out("ensemble.rmsf", np.median(f_model))
out("ensemble.rmsf_r", scipy.stats.pearsonr(f_md, f_model)[0])
out("ensemble.rmsf_rho", scipy.stats.spearmanr(f_md, f_model)[0])
out("ensemble.rmsf_tau", scipy.stats.kendalltau(f_md, f_model)[0])
X, Y = ref.xyz[r1k].astype(float), model.xyz.astype(float)
trans = var = 0
for atom in range(ref.n_atoms):
    trans += ((X[:, atom].mean(0) - Y[:, atom].mean(0)) ** 2).sum()
    c1, c2 = (np.cov(Z[:, atom].T, bias=True) for Z in (X, Y))
    var += ot.gaussian.bures_wasserstein_distance(np.zeros(3), np.zeros(3), c1, c2) ** 2
out("ensemble.rmwd_trans", 10 * np.sqrt(trans / ref.n_atoms))
out("ensemble.rmwd_var", 10 * np.sqrt(var / ref.n_atoms))
out("ensemble.rmwd", 10 * np.sqrt((trans + var) / ref.n_atoms))


def w2(u, v):
    row, col = scipy.optimize.linear_sum_assignment((c := scipy.spatial.distance.cdist(u, v, "sqeuclidean") / n * 100))
    return np.sqrt(c[row, col].mean())


of_md, of_model, joint = PCA(2).fit(R), PCA(2).fit(M), PCA(2).fit(np.concatenate([R[r1], M]))
for key, basis in (("md_pca", of_md), ("joint_pca", joint), ("own_pca", of_model)):
    u, v, t = (basis.transform(z) for z in (R[r1], M, S))
    w, mean = w2(u, v), 10 * np.sqrt(((u.mean(0) - v.mean(0)) ** 2).sum() / n)
    out(f"ensemble.{key}_w2", w)
    if key == "own_pca":
        continue
    out(f"ensemble.{key}_w2_trans", mean), out(f"ensemble.{key}_w2_rest", np.sqrt(w * w - mean * mean))
    if key == "md_pca":
        out("ensemble.md_pca_w2_md", w2(u, basis.transform(R[r2])))
        out("ensemble.md_pca_start", 10 * np.sqrt(((u - t) ** 2).sum(1).mean() / n))
        out("ensemble.pca_start", 10 * np.sqrt(((v - t) ** 2).sum(1).mean() / n))
out("ensemble.pc_sim", abs((of_md.components_[0] * of_model.components_[0]).sum()))
for k in (0, 1):
    out(f"ensemble.md_variance{k + 1}", of_md.explained_variance_[k] * 100 / n)
    out(f"ensemble.variance{k + 1}", of_model.explained_variance_[k] * 100 / n)

near = lambda t: np.linalg.norm(t.xyz[:, None].astype(float) - t.xyz[:, :, None].astype(float), axis=-1) < 0.8
jaccard = lambda u, v: (u & v).sum() / (u | v).sum()
crystal, p_md, p_model = near(cas)[0], near(car[r1]).mean(0), near(cam).mean(0)
out("ensemble.weak_contacts", jaccard(crystal & (p_md < 0.9), crystal & (p_model < 0.9)))
out("ensemble.transient_contacts", jaccard(~crystal & (p_md > 0.1), ~crystal & (p_model > 0.1)))


def exposed(t):
    area, side = md.shrake_rupley(t, probe_radius=0.28), np.zeros((t.n_frames, t.n_residues))
    for atom in t.topology.atoms:
        if atom.name not in ("CA", "C", "N", "O", "OXT"):
            side[:, atom.residue.index] += area[:, atom.index]
    return side > 0.02


def information(e):
    joint, alone = np.empty((e.shape[1],) * 2 + (2, 2)), np.stack([1 - e.mean(0), e.mean(0)], -1)
    for u in (0, 1):
        for v in (0, 1):
            joint[:, :, u, v] = ((e == u)[:, :, None] & (e == v)[:, None, :]).mean(0)
    mi = np.nansum(joint * np.log(joint / (alone[None, :, None, :] * alone[:, None, :, None])), (-1, -2))
    np.fill_diagonal(mi, 0)
    return mi


e0, e_md, e_model = exposed(start)[0], exposed(ref[r1k]), exposed(model)
out("ensemble.exposed", jaccard(~e0 & (e_md.mean(0) > 0.1), ~e0 & (e_model.mean(0) > 0.1)))
out("ensemble.mi_rho", scipy.stats.spearmanr(information(e_md).ravel(), information(e_model).ravel())[0])

# -- the trajectory panel: made-up points on a map; CA of the model as they are; distances of CA of the dynamics, in two runs
i = np.arange(300)
u = np.stack([np.sin(i * 0.37) + 0.3 * np.sin(i * 2.1), np.cos(i * 0.53)], 1)
v = np.stack([1.2 * np.sin(i[:200] * 0.71) + 0.4, 0.9 * np.cos(i[:200] * 0.31) + 0.2 * np.sin(i[:200])], 1)
edges = [np.linspace(u[:, k].min(), u[:, k].max(), 11) for k in (0, 1)]
P, Q = (np.histogram2d(z[:, 0], z[:, 1], bins=edges)[0].ravel() for z in (u, v))
out("landscape.jsd", scipy.spatial.distance.jensenshannon(P + 1e-6, Q + 1e-6))
out("landscape.recall", ((P > 0) & (Q > 0)).sum() / (P > 0).sum())
out("landscape.precision", ((P > 0) & (Q > 0)).sum() / (Q > 0).sum())
out("landscape.f1", 2 * ((P > 0) & (Q > 0)).sum() / ((P > 0).sum() + (Q > 0).sum()))
out("landscape.hit", Q[P > 0].sum() / len(v))
out("landscape.recovery", P[Q > 0].sum() / len(u))
raw_ref, raw_model = (md.load(f"{here}/{n}.xtc", top=start.topology).atom_slice(ca) for n in ("md", "model"))
z = raw_model.xyz.astype(float) * 10
for lag in (1, 7):
    out(f"lags.rmsd{lag}", np.sqrt(((z[lag:] - z[:-lag]) ** 2).sum(2).mean(1)).mean())
    c = z - z.mean(0)
    out(f"lags.acf{lag}", (c[lag:] * c[:-lag]).sum((1, 2)).mean() / (c ** 2).sum((1, 2)).mean())
pairs = [(k, l) for k in range(n) for l in range(k + 1, n)]
d = 10 * md.compute_distances(raw_ref, pairs).astype(float)
pca = PCA().fit(d)
k = int(np.searchsorted(np.cumsum(pca.explained_variance_ratio_), 0.95) + 1)
out("reduce.components", k)
y = pca.transform(d)[:, :k]
runs = [y[:150], y[150:]]
for lag in (1, 10):
    tica = deeptime.decomposition.TICA(lagtime=lag, dim=2, scaling=None).fit(runs).fetch_model()
    out(f"tica.{lag}.first", tica.singular_values[0]), out(f"tica.{lag}.second", tica.singular_values[1])
    out(f"vamp2.{lag}", deeptime.decomposition.VAMP(lagtime=lag).fit(runs).fetch_model().score(2) - 1)

# -- soundness of the model's frames, as they are and with all lengths scaled
whole = md.load(f"{here}/model.xtc", top=start.topology)
graph = start.topology.to_bondgraph()
index = {atom: atom.index for atom in graph}
near = {(index[g], index[h]) for g, reach in networkx.all_pairs_shortest_path_length(graph, cutoff=3) for h in reach}
radius = np.array([{"C": 1.7, "N": 1.55, "O": 1.52}[x.element.symbol] for x in start.topology.atoms])
bound = radius[:, None] + radius[None] - 0.4
for pair in near:
    bound[pair] = 0
res = np.array([x.residue.index for x in start.topology.atoms])
far = abs(res[:, None] - res[None]) > 2
c, nn, ca_ = (start.topology.select("name " + k) for k in ("C", "N", "CA"))
omega = np.degrees(abs(md.compute_omega(whole)[1]))
proline = np.array([x.name == "PRO" for x in start.topology.residues][1:])
out("sound.twist_share", ((omega > 30) & (omega < 150)).mean()), out("sound.cis_share", (omega[:, ~proline] < 90).mean())
for scale in (1.0007, 0.75, 1.15, 0.2):  # distances off the file's grid, where 1.4 A is hit exactly
    xyz = whole.xyz.astype(float) * 10 * scale
    D = np.linalg.norm(xyz[:, ca_, None] - xyz[:, None, ca_], axis=-1)
    upper, along = D[:, *np.triu_indices(n, 1)], np.linalg.norm(xyz[:, ca_[1:]] - xyz[:, ca_[:-1]], axis=-1)
    cn = np.linalg.norm(xyz[:, nn[1:]] - xyz[:, c[:-1]], axis=-1)
    clash, brk = (upper < 3.0).any(1), (along > 4.2).any(1)
    whole_d = [scipy.spatial.distance.squareform(scipy.spatial.distance.pdist(f)) for f in xyz]
    met = np.array([(f[far] < 1.0).any() for f in whole_d])
    key = f"sound.{scale}."
    out(key + "clash_rate", (upper < 3.0).mean()), out(key + "val_clash", (~clash).mean())
    out(key + "frame_clash", (~(upper < 1.5).any(1)).mean())
    out(key + "break_rate", (along > 4.2).mean()), out(key + "val_break", (~brk).mean())
    out(key + "val_ca", (~clash & ~brk).mean()), out(key + "pep_break", (cn > 1.4).mean())
    out(key + "bioemu_ca", (along < 4.5).all(1).mean()), out(key + "bioemu_cn", (cn < 2.0).all(1).mean())
    out(key + "bioemu_clash", (~met).mean())
    out(key + "bioemu", ((along < 4.5).all(1) & (cn < 2.0).all(1) & ~met).mean())
    out(key + "clash_score", np.mean([np.triu(f < bound, 1).sum() for f in whole_d]) / len(res) * 1000)
