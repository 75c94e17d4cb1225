"""Races our PCA against scikit-learn's on the same raw file, in turn: ours, theirs, ours, theirs.

    python -m venv /tmp/peers && /tmp/peers/bin/pip install numpy scikit-learn
    /tmp/peers/bin/python benches/pca_race.py

The data are made once, 1,700 x 151,296 in f32 (1 GB): as many banners as a grid of the report has, and the tokens of a
ViT-B/16 of each. They are of rank 400 with singular values that fall like j^-0.75, noise, and a mean per feature.
`--data FILE` keeps them for the next time, `--samples` and `--features` make them smaller.

Each turn is a process of its own, which reads the file and then times one fit. scikit-learn fits with
`svd_solver="randomized"` and its defaults. `--exact` fits our exact solver too, against which it tells how far the
variances of both are off. Both sides use all processors that they may unless `--threads` is given.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
THREADS = ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", help="our side, built; by default cargo builds it")
    parser.add_argument("--data", type=pathlib.Path, help="where the features are, or are to be kept")
    parser.add_argument("--samples", type=int, default=1_700)
    parser.add_argument("--features", type=int, default=151_296)
    parser.add_argument("--components", type=int, default=50)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--threads", type=int, help="threads of both sides")
    parser.add_argument("--exact", action="store_true", help="tell how exact both are, by our exact solver")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="keep every figure")
    parser.add_argument("--peer", metavar="SOLVER", help=argparse.SUPPRESS)
    return parser.parse_args()


def build():
    """Builds our side and gives the path of the program."""
    # Without -p: for a part of the workspace cargo chooses other features and compiles Burn again.
    command = ["cargo", "build", "--release", "--bin", "pca", "--message-format", "json-render-diagnostics"]
    built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if built.returncode:
        sys.exit("cargo has failed; its messages are above")
    for message in map(json.loads, built.stdout.splitlines()):
        if message.get("executable") and message["target"]["name"] == "pca":
            return message["executable"]
    sys.exit("cargo has built no program")


def make(path, samples, features):
    """Writes features like tokens: low rank, falling singular values, noise, means of which a few are large."""
    import numpy as np

    rng = np.random.default_rng(20240)
    rank, width = min(400, samples), 768
    left = rng.standard_normal((samples, rank), dtype=np.float32) * np.arange(1, rank + 1, dtype=np.float32) ** -0.75
    mean = rng.standard_normal(width).astype(np.float32)
    mean[rng.integers(0, width, 4)] = [12, -9, 20, 8]
    unfinished = path.with_name(path.name + ".part")
    data = np.memmap(unfinished, np.float32, "w+", shape=(samples, features))
    for first in range(0, features, 8 * width):
        count = min(8 * width, features - first)
        right = rng.standard_normal((rank, count), dtype=np.float32)
        noise = rng.standard_normal((samples, count), dtype=np.float32)
        data[:, first : first + count] = left @ right + 0.5 * noise + np.resize(mean, count)
    data.flush()
    del data
    unfinished.rename(path)


def peer(arguments):
    """The other side: one fit of scikit-learn, one JSON line."""
    import resource

    import numpy as np
    from sklearn.decomposition import PCA

    data = np.fromfile(arguments.data, np.float32).reshape(arguments.samples, arguments.features)
    solver = arguments.peer
    model = PCA(arguments.components, svd_solver=solver, random_state=0)
    start = time.perf_counter()
    model.fit(data)
    print(json.dumps({
        "seconds": time.perf_counter() - start,
        "explained_variance": model.explained_variance_.astype(float).tolist(),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }))


def turn(command, threads):
    environment = {name: value for name, value in os.environ.items() if name not in THREADS}
    if threads:
        environment |= dict.fromkeys(THREADS, str(threads))
    ended = subprocess.run([str(part) for part in command], env=environment, stdout=subprocess.PIPE, text=True)
    if ended.returncode:
        sys.exit(f"{command[0]} has ended with exit code {ended.returncode}; its messages are above")
    return json.loads(ended.stdout)


def race(arguments, program):
    shape = ["--data", arguments.data, "--samples", arguments.samples, "--features", arguments.features]
    shape += ["--components", arguments.components]

    def ours(solver):
        return turn([program, *shape, "--solver", solver], arguments.threads)

    def theirs(solver):
        return turn([sys.executable, __file__, *shape, "--peer", solver], arguments.threads)

    turns = {"ours": [], "scikit-learn": []}
    for at in range(1, arguments.turns + 1):
        turns["ours"].append(ours("randomized"))
        turns["scikit-learn"].append(theirs("randomized"))
        seconds = "; ".join(f"{side} {of[-1]['seconds']:.2f} s" for side, of in turns.items())
        print(f"turn {at} of {arguments.turns}: {seconds}", file=sys.stderr)
    threads = arguments.threads or len(os.sched_getaffinity(0))
    print(f"PCA of {arguments.samples} x {arguments.features} f32 to {arguments.components}, {threads} threads")
    for side, of in turns.items():
        seconds = [one["seconds"] for one in of]
        peak = max(one["peak_memory_mib"] for one in of)
        print(f"{side}: {statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f}), {peak:.0f} MiB")
    ratios = [b["seconds"] / a["seconds"] for a, b in zip(turns["ours"], turns["scikit-learn"])]
    print(f"ours is {statistics.median(ratios):.2f} times as fast ({min(ratios):.2f} to {max(ratios):.2f})")
    if arguments.exact:
        exact = {"ours, exact": ours("exact")}
        truth = exact["ours, exact"]["explained_variance"]
        for side, one in {**{side: of[-1] for side, of in turns.items()}, **exact}.items():
            off = max(abs(a / b - 1) for a, b in zip(one["explained_variance"], truth))
            print(f"{side}: {one['seconds']:.2f} s, variances off by at most {off:.1e} of themselves")
        turns |= {side: [one] for side, one in exact.items()}
    if arguments.json:
        arguments.json.write_text(json.dumps({"threads": threads, "turns": turns}, indent=1) + "\n")


def main():
    arguments = parse()
    if arguments.peer:
        return peer(arguments)
    program = arguments.program or build()
    with tempfile.TemporaryDirectory() as folder:
        arguments.data = arguments.data or pathlib.Path(folder) / "features.f32"
        if not arguments.data.exists():
            make(arguments.data, arguments.samples, arguments.features)
        race(arguments, program)


if __name__ == "__main__":
    main()
