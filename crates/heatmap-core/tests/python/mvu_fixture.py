"""Maximum variance unfolding as the semidefinite programme that it is, solved by CVXPY with SCS and with Clarabel.

    python -m venv /tmp/mvu && /tmp/mvu/bin/pip install numpy cvxpy scs clarabel
    /tmp/mvu/bin/python crates/heatmap-core/tests/python/mvu_fixture.py

Writes crates/heatmap-core/tests/fixtures/mvu.json: 40 points, the edges between nearest neighbours, and what both
solvers say. The points lie on a bent strip in six dimensions with noise, so that the programme has inner points and both
solvers converge. Made with numpy 2, cvxpy 1.7 or newer; another version changes the last digits only.
"""

import json
import pathlib

import cvxpy
import numpy

POINTS, NEIGHBORS, SEED = 40, 4, 7


def points() -> numpy.ndarray:
    """[40, 6], rounded so that the file says exactly what was solved."""
    random = numpy.random.default_rng(SEED)
    angle = 4.0 * random.random(POINTS)
    strip = numpy.stack([3 * numpy.cos(angle), 3 * numpy.sin(angle), 2 * random.random(POINTS)], axis=1)
    noise = 0.3 * random.standard_normal((POINTS, 6))
    noise[:, :3] += strip
    return numpy.round(noise, 6)


def edges(data: numpy.ndarray) -> list[tuple[int, int, float]]:
    """Pairs of which one is among the nearest neighbours of the other."""
    distances = numpy.sqrt(((data[:, None] - data[None]) ** 2).sum(-1))
    pairs = set()
    for i, row in enumerate(distances):
        nearest = sorted((distance, j) for j, distance in enumerate(row) if j != i)[:NEIGHBORS]
        pairs |= {(min(i, j), max(i, j)) for _, j in nearest}
    return [(i, j, float(distances[i, j])) for i, j in sorted(pairs)]


def solve(pairs: list[tuple[int, int, float]], **options) -> dict:
    gram = cvxpy.Variable((POINTS, POINTS), PSD=True)
    keep = [gram[i, i] + gram[j, j] - 2 * gram[i, j] == length**2 for i, j, length in pairs]
    problem = cvxpy.Problem(cvxpy.Maximize(cvxpy.trace(gram)), [cvxpy.sum(gram) == 0, *keep])
    problem.solve(**options)
    assert problem.status == "optimal", problem.status
    values = numpy.linalg.eigvalsh(gram.value)[::-1]
    return {"objective": float(problem.value), "eigenvalues": [float(v) for v in values[:6]]}


def main() -> None:
    data = points()
    pairs = edges(data)
    scs = solve(pairs, solver=cvxpy.SCS, eps=1e-8, max_iters=1_000_000)
    clarabel = solve(pairs, solver=cvxpy.CLARABEL)
    assert abs(scs["objective"] / clarabel["objective"] - 1) < 1e-4, (scs, clarabel)
    fixture = {
        "neighbors": NEIGHBORS,
        "points": data.tolist(),
        "edges": [[i, j, length] for i, j, length in pairs],
        "scs": scs,
        "clarabel": clarabel,
    }
    path = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "mvu.json"
    path.write_text(json.dumps(fixture) + "\n")
    print(path, scs, clarabel)


if __name__ == "__main__":
    main()
