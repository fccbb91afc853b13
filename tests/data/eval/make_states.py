#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Second opinions on Markov chains and k-means, on made-up walks between four wells; see make_second.py.

    python3 make_states.py >> second.txt
"""
import warnings
import numpy as np, scipy.linalg, scipy.stats
from sklearn.cluster import KMeans
from deeptime.markov import TransitionCountEstimator
from deeptime.markov.msm import MaximumLikelihoodMSM
from opinion import Numbers, out

warnings.simplefilter("ignore")
WELLS = np.array([[0, 0], [3, 1], [6, -1], [9, 2.0]])


def walk(seed, n, up, down):
    u, at, x, states = Numbers(seed), 0, [], []
    for _ in range(n):
        r = u()
        at = (at + 1) % 4 if r < up[at] else (at + 3) % 4 if r < up[at] + down[at] else at
        x.append(WELLS[at] + 1.2 * (np.array([u(), u()]) - 0.5)), states.append(at)
    return np.array(x), np.array(states)


md = [walk(s, 1500, (0.02, 0.01, 0.03, 0.02), (0.01, 0.03, 0.02, 0.01)) for s in (1, 2)]
model = [walk(s, 200, (0.03, 0.02, 0.05, 0.02), (0.01, 0.04, 0.03, 0.02)) for s in (3, 4, 5)]
X, Y = (np.concatenate([w[0] for w in side]) for side in (md, model))
for k in (4, 7):
    out(f"kmeans.{k}", KMeans(k, n_init=200, random_state=0, tol=0).fit(X).inertia_)

states = [w[1] for w in md]
for lag in (1, 10):
    counts = TransitionCountEstimator(lag, "sliding").fit_fetch([w[1] for w in md])
    chain = MaximumLikelihoodMSM(reversible=True, maxerr=1e-14, maxiter=10 ** 6).fit_fetch(counts)
    for i in range(4):
        out(f"msm.{lag}.pi{i}", chain.stationary_distribution[i])
    for i, j in ((0, 1), (1, 0), (3, 1)):
        out(f"msm.{lag}.t{i}{j}", chain.transition_matrix[i, j]), out(f"msm.{lag}.mfpt{i}{j}", chain.mfpt(i, j))
    for i in range(3):
        out(f"msm.{lag}.scale{i}", chain.timescales()[i])

# -- the comparison published with BioKinema, as it is described there
K = 4
whole = TransitionCountEstimator(10, "sliding").fit_fetch([w[1] for w in md]).count_matrix
whole = np.asarray(whole.todense() if hasattr(whole, "todense") else whole)
S = (whole + whole.T) / 2
pi_md = S.sum(1) / S.sum()
T_md = scipy.linalg.fractional_matrix_power(S / S.sum(1, keepdims=True), 0.1).real
C = np.zeros((K, K))
for w in model:
    np.add.at(C, (w[1][:-1], w[1][1:]), 1)
T = C / C.sum(1, keepdims=True)
pi = MaximumLikelihoodMSM(reversible=True, maxerr=1e-14, maxiter=10 ** 6).fit_fetch(C).stationary_distribution


def mfpt(t):
    m = np.full((K, K), np.nan)
    for j in range(K):
        keep = [i for i in range(K) if i != j]
        m[keep, j] = np.linalg.solve(np.eye(K - 1) - t[np.ix_(keep, keep)], np.ones(K - 1))
    return m[~np.eye(K, dtype=bool)]


a, b = mfpt(T_md), mfpt(T)
out("kinetics.rho_p", scipy.stats.pearsonr(np.log10(a), np.log10(b))[0])
out("kinetics.rho_s", scipy.stats.pearsonr(a.argsort().argsort(), b.argsort().argsort())[0])
out("kinetics.mfpt_error", abs(np.log10(a) - np.log10(b)).mean())
p, q = ((v + 1e-3) / (v.sum() + K * 1e-3) for v in (pi_md, pi))
out("kinetics.kl", (p * np.log(p / q)).sum()), out("kinetics.pi_mae", abs(pi_md - pi).mean())
out("kinetics.w2_rms", np.sqrt(np.mean([scipy.stats.wasserstein_distance(X[:, d], Y[:, d]) ** 2 for d in (0, 1)])))
off = ~np.eye(K, dtype=bool) & (T_md > 0)
out("kinetics.edge_error", abs(T_md - T)[off].mean())
for key, side in (("md_", md), ("", model)):
    z = [w[0][:, 0] - np.concatenate([w[0][:, 0] for w in side]).mean() for w in side]
    acf = np.mean([[(v[lag:] * v[:len(v) - lag]).sum() / len(v) for lag in range(101)] for v in z], 0)
    acf /= acf[0]
    below = np.nonzero(acf < np.exp(-1))[0]
    k = below[0] if len(below) else 100
    out(f"kinetics.{key}tau", k - 1 + (acf[k - 1] - np.exp(-1)) / (acf[k - 1] - acf[k]) if len(below) else 100)
