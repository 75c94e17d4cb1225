"""Races our maximum variance unfolding against CVXPY with SCS, and times what SCS cannot do.

    python -m venv /tmp/mvu && /tmp/mvu/bin/pip install numpy cvxpy scs
    /tmp/mvu/bin/python benches/mvu_race.py

It builds our side (`--program` takes one that is built). With 200 points, `cloud` has 30 dimensions, `clusters` are
four with 8 dimensions each, both in 64 dimensions with noise, and `roll` is a swiss roll. Both sides keep the distances to five nearest
neighbours; the edges are found twice, here and in our program, and must be as many. Printed are the objectives, their
relative difference, the violations, and the seconds of both with their ratio. SCS runs with `--eps` (its default is 1e-4)
and at most `--iterations` iterations; where it stops before it has converged, which it does on the roll, its violation
says so, and its objective means little. Each side has one turn and all threads it takes; what CVXPY needs to compile the
problem counts for SCS, since nobody can do without, but is printed apart.

Then ours alone: 1,700 points of a roll and of clusters, and a roll of 1,000 with and without `--flatten`.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy

ROOT = pathlib.Path(__file__).resolve().parent.parent
NEIGHBORS = 5


def roll(points: int) -> numpy.ndarray:
    random = numpy.random.default_rng(0)
    angle = 1.5 * numpy.pi * (1 + 2 * random.random(points))
    return numpy.stack([angle * numpy.cos(angle), 21 * random.random(points), angle * numpy.sin(angle)], axis=1)


def clusters(points: int, count: int = 4, dimensions: int = 8) -> numpy.ndarray:
    """Normal clusters of so many dimensions, in 64 dimensions with noise."""
    random = numpy.random.default_rng(0)
    basis, centres = random.normal(size=(dimensions, 64)), 3 * random.normal(size=(count, dimensions))
    inner = centres[numpy.arange(points) % count] + random.normal(size=(points, dimensions))
    return inner @ basis + 0.5 * random.normal(size=(points, 64))


def cloud(points: int) -> numpy.ndarray:
    return clusters(points, 1, 30)


def graph(data: numpy.ndarray) -> list[tuple[int, int, float]]:
    """Pairs of which one is among the nearest neighbours of the other, and the shortest pairs between parts."""
    distances = numpy.sqrt(((data[:, None] - data[None]) ** 2).sum(-1))
    pairs = {(min(i, j), max(i, j)) for i, row in enumerate(distances) for j in numpy.argsort(row)[1 : NEIGHBORS + 1]}
    while True:
        part = parts(len(data), pairs)
        if part.max() == 0:
            return [(int(i), int(j), float(distances[i, j])) for i, j in sorted(pairs)]
        apart = numpy.where(part[:, None] != part[None], distances, numpy.inf)
        i, j = numpy.unravel_index(numpy.argmin(apart), apart.shape)
        pairs.add((min(i, j), max(i, j)))


def parts(points: int, pairs: set) -> numpy.ndarray:
    """The number of its connected part for each point."""
    neighbours = [[] for _ in range(points)]
    for i, j in pairs:
        neighbours[i].append(j)
        neighbours[j].append(i)
    part = numpy.full(points, -1)
    for start in range(points):
        if part[start] < 0:
            number, open_points = part.max() + 1, [start]
            while open_points:
                point = open_points.pop()
                if part[point] < 0:
                    part[point] = number
                    open_points += neighbours[point]
    return part


def ours(program: str, data: numpy.ndarray, *options: str) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "points.f64"
        data.astype("<f8").tofile(path)
        command = [program, str(path), "--columns", str(data.shape[1]), "--neighbors", str(NEIGHBORS), *options]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def scs(data: numpy.ndarray, pairs: list[tuple[int, int, float]], eps: float, iterations: int) -> dict:
    import cvxpy

    start = time.perf_counter()
    points = len(data)
    i, j, length = (numpy.array(column) for column in zip(*pairs))
    # In units of the edges, which SCS likes better than any other.
    unit = length.mean()
    gram = cvxpy.Variable((points, points), PSD=True)
    flat, diagonal = cvxpy.vec(gram, order="F"), cvxpy.diag(gram)
    keep = diagonal[i] + diagonal[j] - 2 * flat[i + points * j] == (length / unit) ** 2
    problem = cvxpy.Problem(cvxpy.Maximize(cvxpy.trace(gram)), [cvxpy.sum(gram) == 0, keep])
    problem.solve(solver=cvxpy.SCS, eps=eps, max_iters=iterations)
    seconds = time.perf_counter() - start
    if gram.value is None:
        return {"status": problem.status, "seconds": seconds}
    values, vectors = numpy.linalg.eigh(gram.value)
    # A Gram matrix has no negative eigenvalues.
    at = vectors * numpy.sqrt(numpy.maximum(values, 0))
    off = numpy.linalg.norm(at[i] - at[j], axis=1) / length * unit - 1
    return {
        "status": problem.status,
        "seconds": seconds,
        "solver_seconds": problem.solver_stats.solve_time,
        "iterations": problem.solver_stats.num_iters,
        "objective": problem.value * unit**2,
        "largest": float(abs(off).max()),
        "rms": float(numpy.sqrt((off**2).mean())),
    }


def race(name: str, data: numpy.ndarray, program: str, eps: float, iterations: int) -> dict:
    pairs = graph(data)
    mine = ours(program, data)
    report = mine["report"]
    if report["edges"] != len(pairs):
        sys.exit(f"{name}: {report['edges']} edges in our graph, {len(pairs)} here")
    print(
        f"{name}: {len(data)} points, {len(pairs)} edges\n"
        f"  ours  {mine['seconds']:8.3f} s  objective {report['objective']:.6g}, bound {report['dual_bound']:.6g}, "
        f"violation {report['largest_relative_violation']:.1e} (rms {report['rms_relative_violation']:.1e})",
        flush=True,
    )
    theirs = scs(data, pairs, eps, iterations)
    if "objective" not in theirs:
        print(f"  SCS   {theirs['seconds']:8.3f} s  {theirs['status']}", flush=True)
    else:
        difference = report["objective"] / theirs["objective"] - 1
        print(
            f"  SCS   {theirs['seconds']:8.3f} s  objective {theirs['objective']:.6g}, "
            f"violation {theirs['largest']:.1e} (rms {theirs['rms']:.1e}), {theirs['status']} after "
            f"{theirs['iterations']} iterations, {theirs['solver_seconds']:.3f} s of them in the solver\n"
            f"  relative difference {difference:+.2e}, SCS takes {theirs['seconds'] / mine['seconds']:.0f} times as long",
            flush=True,
        )
    return {"name": name, "ours": mine, "scs": theirs}


def alone(name: str, data: numpy.ndarray, program: str, *options: str) -> dict:
    mine = ours(program, data, *options)
    report = mine["report"]
    print(
        f"{name}: {len(data)} points, {mine['seconds']:.2f} s, gap {report['relative_gap']:.2%}, "
        f"violation {report['largest_relative_violation']:.2%} (rms {report['rms_relative_violation']:.3%}), "
        f"in the embedding {report['embedding_largest_relative_error']:.1%} "
        f"(rms {report['embedding_rms_relative_error']:.2%}), rank {report['rank']}",
        flush=True,
    )
    return {"name": name, "ours": mine}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", help="our side, built; otherwise cargo builds it")
    parser.add_argument("--eps", type=float, default=1e-4, help="precision of SCS [default: %(default)s]")
    parser.add_argument("--iterations", type=int, default=20_000, help="of SCS at most [default: %(default)s]")
    parser.add_argument("--points", type=int, default=200, help="in the race [default: %(default)s]")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="keep every figure")
    arguments = parser.parse_args()
    program = arguments.program
    if program is None:
        subprocess.run(["cargo", "build", "--release", "--bin", "mvu"], cwd=ROOT, check=True)
        program = str(ROOT / "target" / "release" / "mvu")
    results = [
        race(name, make(arguments.points), program, arguments.eps, arguments.iterations)
        for name, make in [("cloud", cloud), ("clusters", clusters), ("roll", roll)]
    ]
    results += [
        alone("roll", roll(1000), program),
        alone("roll, flattened", roll(1000), program, "--flatten"),
        alone("roll", roll(1700), program),
        alone("clusters", clusters(1700), program),
        alone("cloud", cloud(1700), program),
    ]
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
