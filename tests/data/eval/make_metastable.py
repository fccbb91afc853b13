#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Second opinions on metastable states and transition paths, by scipy, deeptime and MDGen's own functions on made-up walks over 40 places in ten
wells; see make_second.py. Where MDGen draws paths, 200,000 are drawn.

    git clone https://github.com/bjing2016/mdgen && PYTHONPATH=mdgen python3 make_metastable.py >> second.txt
"""
import sys, types, warnings
import numpy as np
from scipy.optimize import fmin, rosen
from scipy.spatial.distance import jensenshannon
from deeptime.decomposition import TICA
from deeptime.markov import TransitionCountEstimator, pcca
from deeptime.markov.msm import MaximumLikelihoodMSM
import opinion
from opinion import Numbers

sys.modules.setdefault("pyemma", types.ModuleType("pyemma"))  # the functions used here do without
from mdgen.analysis import get_state_probs, get_tp_likelihood, sample_tp

warnings.simplefilter("ignore")
PLACES, SETS, LAG = 40, 10, 5


def out(key, value):
    opinion.out("metastable." + key, value)


def walk(seed, n, leave):
    """Wells in a line, 0 to 3 in the first and so on: to a neighbouring well now and then, else anywhere within."""
    u, at, states = Numbers(seed), 0, []
    for _ in range(n):
        r, well = u(), at // 4
        if r < leave[well] and well < 9:
            at = 4 * (well + 1) + at % 4
        elif leave[well] <= r < 2 * leave[well] and well > 0:
            at = 4 * (well - 1) + at % 4
        else:
            at = 4 * well + int(u() * 4)
        states.append(at)
    return np.array(states)


def features(states):
    a, b = 0.6 * (states // 4) + 0.05 * (states % 4), 0.9 * (states // 4) * (states // 4) + 0.11 * (states % 4)
    return np.stack([np.cos(a), np.sin(a), np.cos(b), np.sin(b)], 1)


def chain(counts):
    return MaximumLikelihoodMSM(reversible=True, maxerr=1e-14, maxiter=10 ** 6).fit_fetch(counts)


for i, v in enumerate(fmin(rosen, [-1.2, 1.0, 0.0], disp=False)):
    out(f"rosen{i}", v)
md = walk(1, 30000, [0.02 + 0.004 * w for w in range(10)])
model = walk(2, 8000, [0.05 - 0.003 * w for w in range(10)])

tica = TICA(lagtime=LAG, scaling="kinetic_map", var_cutoff=0.95).fit_fetch(features(md).astype(float))
out("dims", tica.output_dimension)
p, q = (tica.transform(features(s)) for s in (md, model))
ends = [(min(p[:, k].min(), q[:, k].min()), max(p[:, k].max(), q[:, k].max())) for k in (0, 1)]
out("jsd_slow", jensenshannon(*(np.histogram(v[:, 0], range=ends[0], bins=100)[0] for v in (p, q))))
out("jsd_slow2", jensenshannon(*(np.histogram2d(*v[:, :2].T, range=ends, bins=50)[0].ravel() for v in (p, q))))

micro = chain(TransitionCountEstimator(LAG, "sliding").fit_fetch(md))
sets = pcca(micro.transition_matrix, SETS, micro.stationary_distribution)
for i in (0, 7, 21, 39):
    out(f"most{i}", sets.memberships[i].max())
out("trace", (sets.memberships.T @ np.diag(micro.stationary_distribution) @ sets.memberships).trace())
four = pcca(micro.transition_matrix, 4, micro.stationary_distribution).memberships
for i in (0, 13, 22, 39):
    out(f"four{i}", four[i].max())
# sets by the first place in them, so that their order does not matter
order = np.argsort([np.nonzero(sets.assignments == c)[0][0] for c in range(SETS)])
assignments = np.argsort(order)[sets.assignments]
for i in range(PLACES):
    out(f"set{i}", assignments[i])
a, b = assignments[md], assignments[model]
coarse, other = (chain(TransitionCountEstimator(LAG, "sliding").fit_fetch(s)) for s in (a, b))
shares = [np.bincount(s, minlength=SETS) / len(s) for s in (a, b)]
out("jsd_states", jensenshannon(*shares)), out("states_r", np.corrcoef(*shares)[0, 1])
T, M, pi = coarse.transition_matrix, other.transition_matrix, coarse.stationary_distribution
off = ~np.eye(SETS, dtype=bool)
out("pi_r", np.corrcoef(pi, other.stationary_distribution)[0, 1]), out("transitions_r", np.corrcoef(T[off], M[off])[0, 1])
flux = T * pi[None, :]
flux[flux < 0.0000001] = np.inf
start, end = np.unravel_index(np.argmin(flux), flux.shape)
out("start", start), out("end", end), out("flux", flux.min())
np.random.seed(137)
choice = np.random.choice
np.random.choice = lambda a, size, p: choice(a, p=p)  # numpy 2.4 sets no element to an array of one, as sample_tp does


def draw(trans, ends, n=200000):
    at, drawn = np.full(n, ends[0]), [np.full(n, ends[0])]
    for t in range(1, 10):  # as sample_tp does, which would take an hour
        probs = np.linalg.matrix_power(trans, 10 - t)[:, ends[1]] * trans[at]
        at = (probs.cumsum(1) > np.random.rand(n, 1) * probs.sum(1, keepdims=True)).argmax(1)
        drawn.append(at)
    drawn = np.stack(drawn + [np.full(n, ends[1])], 1)
    assert abs(get_state_probs(sample_tp(trans, ends[0], ends[1], 11, 1000)) - get_state_probs(drawn)).max() < 0.02
    return drawn


def paths(key, trans, ends):
    own, drawn = draw(T, ends), draw(trans, ends)
    each = get_tp_likelihood(drawn, T).prod(-1)
    out(key + "jsd", jensenshannon(get_state_probs(own), get_state_probs(drawn))), out(key + "valid", (each > 0).mean())
    out(key + "probability", each.mean()), out(key + "log", np.log(each[each > 0]).mean())


paths("paths.", M, (start, end))
paths("near.", M, (2, 5))
given = np.array([[2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5], [2, 3, 3, 4, 4, 5, 5, 5, 5, 5, 5], [2, 2, 2, 9, 3, 4, 4, 4, 5, 5, 5]])
each = get_tp_likelihood(given, T).prod(-1)
out("given.valid", (each > 0).mean()), out("given.probability", each.mean()), out("given.log", np.log(each[each > 0]).mean())
out("given.jsd", jensenshannon(get_state_probs(draw(T, (2, 5))), get_state_probs(given)))
