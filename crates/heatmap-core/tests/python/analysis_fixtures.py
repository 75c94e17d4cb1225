"""Writes tests/fixtures/analysis.json: small tables, and what scikit-learn makes of them.

    python -m venv /tmp/fixtures && /tmp/fixtures/bin/pip install scikit-learn==1.9.1 hdbscan==0.8.44
    /tmp/fixtures/bin/python crates/heatmap-core/tests/python/analysis_fixtures.py

Only the outlier scores come from the package hdbscan; scikit-learn has none.
"""

import json
import pathlib

import hdbscan
import numpy as np
from sklearn.cluster import DBSCAN, HDBSCAN, KMeans
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import cosine_similarity

OUT = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "analysis.json"


def rounded(table):
    """Few digits keep the file small; everything is computed from the rounded table."""
    return np.round(table, 3)


def pca(rng, samples, features, components):
    mixing = rng.standard_normal((min(samples, features), features)) * 0.7 ** np.arange(min(samples, features))[:, None]
    data = rounded(3 + rng.standard_normal((samples, len(mixing))) @ mixing)
    model = PCA(components, svd_solver="full").fit(data)
    rest = data - model.inverse_transform(model.transform(data))
    return {
        "data": data.tolist(),
        "explained_variance": model.explained_variance_.tolist(),
        "explained_variance_ratio": model.explained_variance_ratio_.tolist(),
        "components": model.components_.tolist(),
        "reconstruction_error": np.linalg.norm(rest, axis=1).tolist(),
    }


def kmeans(data, clusters):
    model = KMeans(clusters, n_init=10, random_state=0, tol=1e-4).fit(data)
    return {"data": data.tolist(), "clusters": clusters, "inertia": model.inertia_, "labels": model.labels_.tolist()}


def dbscan(data, radius, min_samples):
    model = DBSCAN(eps=radius, min_samples=min_samples).fit(data)
    return {
        "data": data.tolist(),
        "radius": radius,
        "min_samples": min_samples,
        "labels": model.labels_.tolist(),
        "cores": model.core_sample_indices_.tolist(),
    }


def hdbscan_of(data, min_cluster_size, min_samples):
    model = HDBSCAN(min_cluster_size=min_cluster_size, min_samples=min_samples, copy=True).fit(data)
    # Its min_samples does not count the row itself.
    scores = hdbscan.HDBSCAN(min_cluster_size=min_cluster_size, min_samples=min_samples - 1).fit(data).outlier_scores_
    return {
        "data": data.tolist(),
        "min_cluster_size": min_cluster_size,
        "min_samples": min_samples,
        "labels": model.labels_.tolist(),
        "outlier_scores": scores.tolist(),
    }


def blobs(rng, centres, spreads, counts):
    parts = [c + s * rng.standard_normal((n, len(c))) for c, s, n in zip(np.asarray(centres), spreads, counts)]
    return rounded(np.concatenate(parts)[rng.permutation(sum(counts))])


def main():
    rng = np.random.default_rng(7)
    angle = rng.uniform(0, np.pi, 80)
    moons = np.concatenate([
        np.stack([np.cos(angle[:40]), np.sin(angle[:40])], 1),
        np.stack([1 - np.cos(angle[40:]), 0.5 - np.sin(angle[40:])], 1),
    ])
    moons = np.concatenate([moons + 0.05 * rng.standard_normal(moons.shape), rng.uniform(-2, 3, (40, 2))])
    # The border row at 1.1 goes to the core at 0.2; the core at 2.05 keeps fewer rows than min_samples.
    shared_border = np.array([-0.7, -0.4, -0.1, 0.2, 1.1, 2.05, 2.9, 3.0])[:, None]
    uneven = blobs(rng, [[0, 0], [6, 0], [3, 7]], [0.3, 0.8, 1.5], [40, 40, 50])
    uneven = np.concatenate([uneven, rounded(rng.uniform(-4, 12, (20, 2)))])
    many = blobs(rng, rng.uniform(-4, 4, (5, 4)), [0.5, 0.5, 0.8, 0.8, 0.3], [20, 25, 30, 15, 20])
    many = np.concatenate([many, rounded(rng.uniform(-5, 5, (12, 4)))])
    sides = rounded(rng.standard_normal((6, 5)))
    sides[2] = 0
    fixtures = {
        "pca": [pca(rng, 14, 30, 4), pca(rng, 50, 7, 3)],
        "kmeans": [
            kmeans(blobs(rng, [[0, 0, 0], [9, 0, 1], [0, 8, 5], [7, 7, -6]], [1, 0.5, 1.2, 0.8], [20, 30, 25, 15]), 4),
            kmeans(blobs(rng, [[0, 0], [2, 1], [1, 3]], [1.0, 1.2, 0.9], [60, 50, 50]), 6),
        ],
        "dbscan": [
            dbscan(rounded(moons), 0.25, 5),
            dbscan(rounded(moons), 0.45, 3),
            dbscan(shared_border, 1.0, 4),
            dbscan(many, 1.2, 4),
        ],
        "hdbscan": [hdbscan_of(uneven, 8, 8), hdbscan_of(uneven, 5, 3), hdbscan_of(many, 6, 4)],
        "cosine": {
            "a": sides.tolist(),
            "b": sides[::-2].tolist(),
            "similarity": cosine_similarity(sides, sides[::-2]).tolist(),
        },
    }
    OUT.write_text(json.dumps(fixtures, separators=(",", ":")) + "\n")
    print(f"{OUT}: {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
