"""Makes tests/fixtures/field/: tables like the field, and what scikit-learn says of them.

    python field_fixture.py FOLDER ...

Each FOLDER has clicks.csv and truth.csv, as a generator of such tables that is not part of this project
leaves them: rows of clicks on 300 x 250 px, and of every banner whether it is broken and how. The clicks are
counted in bins of 5 px. Of the first grid of each table is written, for each banner, its grid, what is wrong with it (-1 for nothing) and
its bins with clicks; and for each grid the mean distance of every banner to its ten nearest others, in the
space of roots of smoothed shares, by NearestNeighbors, with the area under the ROC curve by roc_auc_score.

Needs numpy and scikit-learn. The fixture was made with numpy 2.4.6 and scikit-learn 1.9.1 from two folders of
150 banners a grid, 12 % of them broken.
"""

import csv
import json
import pathlib
import sys

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

ROWS, COLUMNS, BIN, SIGMA = 50, 60, 5, 2.3
OUT = pathlib.Path(__file__).parent.parent / "fixtures" / "field"


def kernel(bins):
    """Averages around every second bin by a Gaussian cut off at three standard deviations."""
    stride = int(SIGMA)
    points = np.arange((stride - 1) // 2, bins, stride)
    off = np.abs(points[:, None] - np.arange(bins)[None])
    weights = np.where(off <= np.ceil(3 * SIGMA), np.exp(-0.5 * (off / SIGMA) ** 2), 0)
    return weights / weights.sum(1, keepdims=True)


def main():
    OUT.mkdir(exist_ok=True)
    for at, folder in enumerate(map(pathlib.Path, sys.argv[1:])):
        truth = list(csv.DictReader(open(folder / "truth.csv")))
        truth = [row for row in truth if row["grid_id"] == truth[0]["grid_id"]]
        place = {(row["domain"], row["grid_id"]): i for i, row in enumerate(truth)}
        counts = np.zeros((len(truth), ROWS, COLUMNS), int)
        for row in csv.DictReader(open(folder / "clicks.csv")):
            if (row["domain"], row["grid_id"]) not in place:
                continue
            y, x = int(row["click_y"]) // BIN, int(row["click_x"]) // BIN
            counts[place[row["domain"], row["grid_id"]], y, x] += int(row["clicks"])
        lines = []
        for row, heatmap in zip(truth, counts):
            flat = heatmap.ravel()
            bins = " ".join(f"{b}:{flat[b]}" for b in np.flatnonzero(flat))
            lines.append(f"{row['grid_id']},{row['kind']},{bins}\n")
        (OUT / f"banners_{at}.csv").write_text("grid_id,kind,bins\n" + "".join(lines))
        smoothed = np.einsum("pr,nrc,qc->npq", kernel(ROWS), counts, kernel(COLUMNS)).reshape(len(truth), -1)
        roots = np.sqrt(smoothed / smoothed.sum(1, keepdims=True))
        grids = {}
        for grid in sorted({row["grid_id"] for row in truth}):
            own = [i for i, row in enumerate(truth) if row["grid_id"] == grid]
            distances, _ = NearestNeighbors(n_neighbors=11).fit(roots[own]).kneighbors(roots[own])
            mean = distances[:, 1:].mean(1)
            broken = [int(truth[i]["broken"]) for i in own]
            grids[grid] = {"neighbor_distance": [round(float(d), 7) for d in mean], "auroc": roc_auc_score(broken, mean)}
        (OUT / f"expected_{at}.json").write_text(json.dumps({"sigma_bins": SIGMA, "grids": grids}) + "\n")


main()
