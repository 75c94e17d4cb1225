"""Makes ../fixtures/earth_mover.json: distances between maps on 10 x 12 cells by POT, exact and debiased entropic.

    pip install numpy==2.4.6 POT==0.9.7.post1 && python earth_mover_fixtures.py
"""

import json
import pathlib

import numpy as np
import ot

EPSILON = 0.005
ROWS, COLUMNS = 10, 12
rng = np.random.default_rng(3)
diagonal = np.hypot(ROWS, COLUMNS)
y, x = np.meshgrid((np.arange(ROWS) + 0.5) / diagonal, (np.arange(COLUMNS) + 0.5) / diagonal, indexing="ij")
places = np.stack([y.ravel(), x.ravel()], axis=1)
cost = ot.dist(places, places, metric="sqeuclidean")


def blobs(number, sigma):
    centres = rng.uniform([0, 0], [y.max(), x.max()], size=(number, 2))
    distance = ((places[:, None] - centres) ** 2).sum(axis=2)
    return (rng.uniform(0.2, 1, size=number) * np.exp(-distance / 2 / sigma**2)).sum(axis=1)


def rounded(weights):
    """Whole numbers, so that the file stays small; the sum is about 10,000."""
    return np.round(weights / weights.sum() * 10_000)


def entropic(a, b):
    """What the best plan pays: its cost, and epsilon times its divergence from the product of a and b."""
    plan, log = ot.bregman.sinkhorn_log(a, b, cost, EPSILON, numItermax=200_000, stopThr=1e-13, log=True)
    support = plan > 0
    product = np.outer(a, b)
    return (plan * cost).sum() + EPSILON * (plan[support] * np.log(plan[support] / product[support])).sum()


def one_hot(cell):
    return 10_000.0 * (np.arange(ROWS * COLUMNS) == cell)


good = rounded(blobs(5, 0.06) + 0.02)
pairs = {
    "a sample of the map": (good, rng.multinomial(300, good / good.sum()).astype(float)),
    "another layout": (good, rounded(blobs(5, 0.06) + 0.02)),
    "half on one spot": (good, rounded(good + 10_000 * (np.arange(120) == 119))),
    "uniform": (good, np.ones(120)),
    "single cells": (one_hot(0), one_hot(101)),
    "random": tuple(rounded(rng.dirichlet(np.full(120, 0.2))) for _ in range(2)),
}
result = []
for name, (a, b) in pairs.items():
    p, q = a / a.sum(), b / b.sum()
    # POT takes logarithms of the weights, and leaves cells without any out of the plan.
    with np.errstate(divide="ignore"):
        divergence = entropic(p, q) - (entropic(p, p) + entropic(q, q)) / 2
    result.append(
        {
            "name": name,
            "a": [int(v) for v in a],
            "b": [int(v) for v in b],
            "exact": float(np.sqrt(ot.emd2(p, q, cost, numItermax=1_000_000))),
            "sinkhorn": float(np.sqrt(divergence)),
        }
    )
path = pathlib.Path(__file__).parent.parent / "fixtures" / "earth_mover.json"
path.write_text(json.dumps(result, separators=(",", ":")) + "\n")
