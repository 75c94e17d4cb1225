"""Makes ../fixtures/dirichlet_multinomial.json: log-likelihoods of counts by scipy.

    pip install numpy==2.4.6 scipy==1.17.1 && python dirichlet_multinomial_fixtures.py
"""

import json
import pathlib

import numpy as np
from scipy.stats import dirichlet_multinomial

rng = np.random.default_rng(4)
shares = np.round(rng.dirichlet(np.full(12, 0.7)) * 1_000) + 1
shares = shares / shares.sum()
cases = []
for concentration in [0.5, 20.0, 3_000.0]:
    for clicks in [0, 1, 7, 400, 100_000]:
        counts = rng.multinomial(clicks, rng.dirichlet(concentration * shares))
        logpmf = dirichlet_multinomial.logpmf(counts, concentration * shares, clicks)
        cases.append({"concentration": concentration, "counts": counts.tolist(), "logpmf": float(logpmf)})
path = pathlib.Path(__file__).parent.parent / "fixtures" / "dirichlet_multinomial.json"
path.write_text(json.dumps({"shares": shares.tolist(), "cases": cases}, separators=(",", ":")) + "\n")
