"""Makes ../fixtures/scores.json: what scikit-learn says of strange feature vectors.

    pip install scikit-learn==1.9.1 && python score_fixtures.py
"""

import json
import pathlib

import numpy as np
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import NearestNeighbors

rng = np.random.default_rng(2)
mixing = rng.normal(size=(6, 6))
fitted = np.round(rng.normal(size=(300, 6)) @ mixing + 3, 4)
strange = np.arange(120) % 6 == 0
scored = np.round(rng.normal(size=(120, 6)) @ mixing + 3 + strange[:, None] * rng.normal(size=(120, 6)) * 6, 4)
wide = np.round(rng.normal(size=(12, 20)) + rng.normal(size=20) * 2, 4)


def rounded(rows):
    return [[round(float(v), 4) for v in row] for row in rows]


covariance, narrow = LedoitWolf().fit(fitted), LedoitWolf().fit(wide)
pca = PCA(2).fit(fitted)
forest = IsolationForest(n_estimators=300, max_samples=256, random_state=0).fit(fitted)
result = {
    "fitted": rounded(fitted),
    "scored": rounded(scored),
    "strange": strange.tolist(),
    "shrinkage": float(covariance.shrinkage_),
    "mahalanobis": np.sqrt(covariance.mahalanobis(scored)).tolist(),
    "knn": NearestNeighbors(n_neighbors=5).fit(fitted).kneighbors(scored)[0].mean(axis=1).tolist(),
    "pca_reconstruction": np.linalg.norm(scored - pca.inverse_transform(pca.transform(scored)), axis=1).tolist(),
    "isolation_forest": (-forest.score_samples(scored)).tolist(),
    "wide": rounded(wide),
    "wide_shrinkage": float(narrow.shrinkage_),
    "wide_mahalanobis": np.sqrt(narrow.mahalanobis(wide)).tolist(),
}
path = pathlib.Path(__file__).parent.parent / "fixtures" / "scores.json"
path.write_text(json.dumps(result, separators=(",", ":")) + "\n")
