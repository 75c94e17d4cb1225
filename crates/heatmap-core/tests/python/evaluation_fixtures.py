"""Makes ../fixtures/evaluation.json: what scikit-learn says of scores and truths.

    pip install scikit-learn==1.9.1 && python evaluation_fixtures.py
"""

import json
import pathlib

import numpy as np
from sklearn import metrics

rng = np.random.default_rng(1)


def best(scores, broken, f):
    values = np.unique(scores)
    thresholds = (values[1:] + values[:-1]) / 2
    return max((f(scores > t) for t in thresholds), default=0.0)


def calibration_error(probabilities, broken, bins=10):
    """Guo et al. 2017, equation 3, bin by bin."""
    edges = np.linspace(0, 1, bins + 1)
    error = 0.0
    for low, high in zip(edges, edges[1:]):
        inside = (probabilities >= low) & (probabilities < high) | (high == 1) & (probabilities == 1)
        if inside.any():
            error += inside.mean() * abs(probabilities[inside].mean() - broken[inside].mean())
    return float(error)


def case(name, scores, broken, probabilities=False):
    scores, broken = np.asarray(scores, float), np.asarray(broken, bool)
    threshold = float(np.quantile(scores, 0.8))
    flagged = scores > threshold
    alarms, recalls, _ = metrics.roc_curve(broken, scores, drop_intermediate=False)
    precisions, at_recalls, _ = metrics.precision_recall_curve(broken, scores)
    score = lambda f, **more: float(f(broken, flagged, zero_division=0, **more))
    return {
        "name": name,
        "scores": scores.tolist(),
        "broken": broken.tolist(),
        "auroc": float(metrics.roc_auc_score(broken, scores)),
        "average_precision": float(metrics.average_precision_score(broken, scores)),
        "threshold": threshold,
        "precision": score(metrics.precision_score),
        "recall": score(metrics.recall_score),
        "false_alarm_rate": float(flagged[~broken].mean()),
        "f1": score(metrics.f1_score),
        "macro_f1": score(metrics.f1_score, average="macro"),
        "accuracy": float(metrics.accuracy_score(broken, flagged)),
        "best_macro_f1": float(best(scores, broken, lambda f: metrics.f1_score(broken, f, average="macro", zero_division=0))),
        "best_f1": float(best(scores, broken, lambda f: metrics.f1_score(broken, f, zero_division=0))),
        "brier": float(metrics.brier_score_loss(broken, scores)) if probabilities else None,
        "calibration_error": calibration_error(scores, broken) if probabilities else None,
        "false_alarm_rates": alarms.tolist(),
        "recalls": recalls.tolist(),
        # By rising recall.
        "precision_recall": np.stack([at_recalls, precisions], 1)[::-1].tolist(),
    }


def labels(count, share):
    broken = rng.random(count) < share
    broken[:2] = [True, False]
    return broken


usual = labels(120, 0.1)
tied = labels(100, 0.3)
rare = np.arange(150) == 77
even = labels(60, 0.5)
cases = [
    case("usual", np.round(rng.normal(size=120) + 2 * usual, 6), usual),
    case("tied", rng.integers(0, 5, 100) + tied, tied),
    case("all equal", np.ones(40), labels(40, 0.2)),
    case("one broken", np.round(rng.normal(size=150), 6), rare),
    case("probabilities", np.round(rng.random(60), 6), even, probabilities=True),
    case("upside down", -np.arange(30.0), np.arange(30) > 20),
    case("separable", np.arange(30.0), np.arange(30) > 20),
    case("one good", np.round(rng.normal(size=40), 1), np.arange(40) != 7),
    case("certain", [0.0, 0.0, 1.0, 1.0, 0.5, 0.25], [False, True, True, True, False, False], probabilities=True),
]
path = pathlib.Path(__file__).parent.parent / "fixtures" / "evaluation.json"
path.write_text(json.dumps(cases, separators=(",", ":")) + "\n")
