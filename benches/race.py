"""Races our side against PyTorch on the same machine, in turn: ours, theirs, ours, theirs.

    cargo build --release -p heatmap-benches --bin race
    python -m venv /tmp/originals && /tmp/originals/bin/pip install -r crates/heatmap-models/tests/python/requirements.txt
    /tmp/originals/bin/python benches/race.py target/release/race

PyTorch runs eager, NCHW and channels_last; the better of the two counts. Each turn is a process of its own with two steps to
warm up; its figure is the median of its rounds. Printed are the medians over the turns and the ratio ours : theirs of
each pair of turns, median and spread. `--turns N`, `--rounds N`, `--work NAME` (repeatable).
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time

WORKS = {  # name: (network, batch, size, trains)
    "resnet50-train-64": ("resnet50", 32, 64, True),
    "resnet50-train-224": ("resnet50", 8, 224, True),
    "resnet50-infer-224": ("resnet50", 8, 224, False),
    "vit-infer-224": ("vit", 8, 224, False),
    "vit-train-224": ("vit", 8, 224, True),
    "nt-xent": (None, 2048, None, True),
}


def peer(work: str, layout: str, rounds: int) -> None:
    """PyTorch's turn: prints one JSON line a round."""
    import resource

    import torch

    name, batch, size, trains = WORKS[work]
    torch.manual_seed(1)
    if name is None:
        first, second = torch.randn(batch, 128, requires_grad=True), torch.randn(batch, 128)

        def step():
            z = torch.nn.functional.normalize(torch.cat([first, second]), dim=1)
            similarity = z @ z.T / 0.5
            similarity.fill_diagonal_(-torch.inf)
            target = torch.arange(2 * batch).roll(batch)
            torch.nn.functional.cross_entropy(similarity, target).backward()

        images = 2 * batch
    else:
        import timm
        import torchvision

        network = torchvision.models.resnet50() if name == "resnet50" else timm.create_model("vit_base_patch16_224")
        x, y, images = torch.randn(batch, 3, size, size), torch.arange(batch), batch
        if layout == "channels_last":
            network, x = network.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
        if trains:
            optimizer = torch.optim.Adam(network.parameters(), 1e-3)

            def step():
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(network(x), y).backward()
                optimizer.step()
        else:
            network.eval()

            @torch.no_grad()
            def step():
                network(x)

    step()
    step()
    for _ in range(rounds):
        start = time.perf_counter()
        step()
        speed = images / (time.perf_counter() - start)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"work": work, "images_per_second": speed, "peak_memory_mib": peak}), flush=True)


def turn(command: list) -> tuple:
    lines = [json.loads(line) for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()]
    return statistics.median(line["images_per_second"] for line in lines), lines[-1]["peak_memory_mib"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--work", action="append", choices=WORKS)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        return peer(arguments.work[0], arguments.peer, arguments.rounds)

    import torch

    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.processor())
    print(f"{model}, {os.cpu_count()} threads, PyTorch {torch.__version__}, {time.strftime('%Y-%m-%d')}")
    print(f"{'work':<20}{'ours':>8}{'PyTorch':>9}{'ratio':>7}  {'spread':<13}{'MiB ours':>9}{'PyTorch':>9}")
    for work in arguments.work or WORKS:
        layouts = ["channels_last", "nchw"] if work.startswith("resnet50") else ["nchw"]
        ours, theirs, ratios = [], [], []
        for _ in range(arguments.turns):
            mine = turn([arguments.program, "--only-ours", "--work", work, "--rounds", str(arguments.rounds), "--json"])
            peers = [turn([sys.executable, __file__, "-", "--work", work, "--peer", layout, "--rounds", str(arguments.rounds)])
                     for layout in layouts]
            best = max(peers)
            ours.append(mine)
            theirs.append(best)
            ratios.append(mine[0] / best[0])
        median = statistics.median
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(f"{work:<20}{median(x[0] for x in ours):>8.1f}{median(x[0] for x in theirs):>9.1f}{median(ratios):>7.2f}  {spread:<13}"
              f"{max(x[1] for x in ours):>9.0f}{max(x[1] for x in theirs):>9.0f}", flush=True)


if __name__ == "__main__":
    main()
