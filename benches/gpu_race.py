"""Races our side on a GPU against PyTorch on the same GPU, within eight minutes.

    cargo build --release --workspace --features wgpu --bins
    python benches/gpu_race.py --program wgpu=target/release/race

Each `--program NAME=PATH` is a build of our side, with the cargo feature that it has in its name: one with another
feature comes from another target folder. PyTorch takes part where it is installed and finds CUDA, in TF32 and in bf16
(autocast), channels last.

A side is a process that trains on the same random images: steps to warm up, in which Burn tries its kernels, then timed
ones, at most `--rounds` or `--seconds` of them. Our sides begin with the same parameters, so that their losses must
agree, but for rounding: a kernel that computes something else shows there. The first row of our side on the CPU
(`--program cpu=target/release/race`) says what they should be. Launches are the kernels that a step starts. Memory is
that of the whole GPU, as `nvidia-smi` tells it, beyond what was used before.

`--tiny` runs all of it on sizes that a software driver can do; its speeds mean nothing.
"""

import argparse
import importlib.util
import shutil
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True

import race as lockstep
import race_table as table
from race import PEERS, ROOT, Side, Trouble
from race_peers import ALL_WORKS

# Batches that fill a large GPU, and the batch of the simclr example, which does not.
WORKS = {
    "resnet50-train-64": 256,
    "resnet50-train-224": 64,
    "vit-train-224": 64,
    "simclr-train-64-resnet18": 16,
}
TINY = {"simclr-train-64-resnet18": 4}
WARM_UP_S = 60
LIMIT_S = 480


def memory_mib() -> float | None:
    """What is used of the GPU's memory."""
    if not shutil.which("nvidia-smi"):
        return None
    command = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    told = subprocess.run(command, capture_output=True, text=True).stdout.split()
    return float(told[0]) if told and told[0].isdigit() else None


def sides(arguments: argparse.Namespace, work: str, batch: int):
    """(name, command) of each side of a work."""
    for name, path in arguments.program:
        device = "cpu" if name == "cpu" else "wgpu"
        ours = [path, "--serve", "--work", work, "--batch", batch, "--device", device]
        yield name, ours
        for precision in arguments.precision if device != "cpu" else []:
            yield f"{name} {precision}", [*ours, "--precision", precision]
    if arguments.cuda:
        layout = ALL_WORKS[work].layouts[-1]
        pytorch = [sys.executable, PEERS, "pytorch", "--work", work, "--batch", batch, "--layout", layout]
        yield "PyTorch TF32", [*pytorch, "--device", "cuda", "--tf32"]
        yield "PyTorch bf16", [*pytorch, "--device", "cuda", "--tf32", "--bf16"]


def race(name: str, command: list, arguments: argparse.Namespace, batch: int, end: float) -> list:
    """The cells of a row: images a second, memory, launches, the first losses and the last."""
    before = memory_mib()
    lockstep.ANSWER_LIMIT_S = max(1.0, end - time.monotonic())
    side = Side(name, command)
    try:
        ready = side.read()
        losses, began = ready["warm_up"], time.monotonic()
        while len(losses) < arguments.warm_up and time.monotonic() < min(began + WARM_UP_S, end):
            losses.append(side.ask("round")["result"])
        seconds, began = [], time.monotonic()
        while len(seconds) < arguments.rounds and time.monotonic() < min(began + arguments.seconds, end):
            answer = side.ask("round")
            seconds.append(answer["seconds"])
            losses.append(answer["result"])
        after = memory_mib()
    finally:
        side.stop()
    told = [f"{loss:.4f}" for loss in [*losses[:2], *losses[-1:]]]
    memory = "-" if before is None or after is None else f"{after - before:.0f}"
    speed = f"{batch / statistics.median(seconds):.1f}" if seconds else "out of time"
    return [speed, memory, str(ready.get("launches") or "-"), " ".join(told)]


def program(text: str) -> tuple:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise argparse.ArgumentTypeError(f"`{text}` is not NAME=PATH")
    return name, path


def has_cuda() -> bool:
    if importlib.util.find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


def main() -> None:
    parser = argparse.ArgumentParser(description="Race our side on a GPU against PyTorch.")
    parser.add_argument(
        "--program", action="append", type=program, required=True, metavar="NAME=PATH",
        help="a build of our side, repeatable: wgpu=target/release/race; cpu=PATH runs on the CPU",
    )  # fmt: skip
    names = ", ".join(WORKS)
    parser.add_argument("--work", action="append", choices=WORKS, metavar="NAME", help=f"repeatable: {names}")
    parser.add_argument(
        "--precision", action="append", choices=["f16", "bf16"], default=[],
        help="of activations, beside f32; repeatable",
    )  # fmt: skip
    parser.add_argument("--warm-up", type=int, default=10, metavar="N", help="steps before those that are timed [10]")
    parser.add_argument("--rounds", type=int, default=30, metavar="N", help="timed steps at most [30]")
    parser.add_argument("--seconds", type=float, default=15, metavar="S", help="of timed steps at most [15]")
    parser.add_argument("--tiny", action="store_true", help="sizes for a software driver")
    arguments = parser.parse_args()
    if arguments.tiny:
        arguments.warm_up, arguments.rounds = 1, 2
    arguments.cuda = has_cuda()
    if not arguments.cuda:
        print("PyTorch is left out: it is not installed, or finds no CUDA", file=sys.stderr)
    works = TINY if arguments.tiny else WORKS
    about = table.surroundings(ROOT)
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items() if version)
    print(f"{about['processor']}, {versions}, {about['date']}\n")
    print("| work, batch | side | images/s | GPU memory, MiB | launches | loss: first, second, last |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    end = time.monotonic() + LIMIT_S
    for work in arguments.work or works:
        batch = works.get(work, WORKS[work])
        for name, command in sides(arguments, work, batch):
            try:
                cells = race(name, command, arguments, batch, end)
            except Trouble as trouble:
                # Another side may still have something to say.
                print(trouble, file=sys.stderr)
                cells = ["failed", "-", "-", "-"]
            print("| " + " | ".join([f"{work}, {batch}", name, *cells]) + " |", flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("gpu_race.py: interrupted; the rows above are complete")
