"""Races our side against PyTorch, ONNX Runtime and the gemm crate on the same machine, round by round.

    python -m venv /tmp/peers && /tmp/peers/bin/pip install -r benches/requirements.txt
    /tmp/peers/bin/python benches/race.py
    /tmp/peers/bin/python benches/race.py --work products

It builds our side (`--program` takes one that is built) and prints a table, a row as soon as it is raced; `--markdown`
prints it for docs/results, `--json FILE` keeps every figure, `--work NAME` (repeatable) races some of the works, and
`--work products` plain products of matrices, every shape of the two networks.

A machine that others use too changes its speed from one second to the next. So all sides of a work are processes that
stay: each does a round when it is told to, one after another, in an order that changes; before each round the peak of
the processor is measured, multiply-adds in registers on as many threads. A ratio is ours : theirs within the same pair
of rounds; the table has its median and, in brackets, its quartiles. The share of the peak is that of our rounds, of the
peak just before; Winograd's convolution, which saves multiplications, can bring it above 1. Memory is the most that a
process has had, libraries included.

PyTorch runs eager (a ResNet with NCHW and channels_last, of which the better counts in each pair), with batch
normalisation folded in inference, and compiled by `torch.compile`, which needs a C++ compiler. ONNX Runtime has its
default optimisations. `--side kept` is PyTorch with an allocator that is told to keep large buffers, `--side bf16`
PyTorch's autocast against ours in bf16, on a processor that multiplies in it; its share of the peak is that of a loop of
`vdpbf16ps` in registers, or of `tdpbf16ps` on a matrix unit (AMX).
"""

import argparse
import importlib.util
import json
import os
import pathlib
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # a race leaves nothing beside its sources

import race_table as table
from race_peers import ALL_WORKS, PRODUCT_WORKS, WORKS, Work, threads_to_use

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = pathlib.Path(__file__).resolve().with_name("race_peers.py")
# Compiling a network takes minutes.
ANSWER_LIMIT_S = 1_800
PAUSE_S = 0.03

# By default glibc takes every large buffer from the system, which clears it page by page, and gives it back when it is
# freed. With these it keeps them.
KEEP_BUFFERS = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 32),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
    "MALLOC_TOP_PAD_": str(1 << 28),
}


class Trouble(Exception):
    """What ends the race, in words for the person who started it."""


def build() -> str:
    """Builds our side and gives the path of the program."""
    # Without -p: for a part of the workspace cargo chooses other features and compiles Burn again.
    command = ["cargo", "build", "--release", "--bin", "race"]
    try:
        messages = ["--message-format", "json-render-diagnostics"]
        built = subprocess.run(command + messages, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    except OSError as error:
        raise Trouble(f"cannot start cargo: {error}") from error
    if built.returncode:
        raise Trouble(f"`{' '.join(command)}` has failed; its messages are above")
    for message in map(json.loads, built.stdout.splitlines()):
        if message.get("executable") and message["target"]["name"] == "race":
            return message["executable"]
    raise Trouble(f"`{' '.join(command)}` has built no program")


class Side:
    """A process that answers each line with a line of JSON."""

    def __init__(self, name: str, command: list, environment: dict | None = None):
        self.name = name
        # Settings of the person's shell would make the defaults something else.
        inherited = {
            key: value for key, value in os.environ.items() if not key.startswith(("MALLOC_", "GLIBC_TUNABLES"))
        }
        self.words = tempfile.TemporaryFile("w+")
        try:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                env={**inherited, **(environment or {})},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.words,
                text=True,
            )
        except OSError as error:
            raise Trouble(f"{name}: cannot be started: {error}") from error

    def read(self) -> dict:
        """The next line of JSON; other lines are skipped."""
        while True:
            if not select.select([self.process.stdout], [], [], ANSWER_LIMIT_S)[0]:
                raise Trouble(f"{self.name}: has not answered within {ANSWER_LIMIT_S} s")
            line = self.process.stdout.readline()
            if not line:
                raise Trouble(self.end())
            if line.startswith("{"):
                return json.loads(line)

    def ask(self, what: str) -> dict:
        try:
            self.process.stdin.write(f"{what}\n")
            self.process.stdin.flush()
        except OSError:
            raise Trouble(self.end()) from None
        return self.read()

    def end(self) -> str:
        """How a process ended that should not have."""
        code = self.process.wait()
        self.words.seek(0)
        last_words = "".join(f"\n    {line}" for line in self.words.read().strip().splitlines()[-5:])
        if code >= 0:
            return f"{self.name}: ended with exit code {code}{last_words}"
        name = signal.Signals(-code).name
        memory = ", perhaps for want of memory" if name == "SIGKILL" else ""
        return f"{self.name}: killed by {name}{memory}{last_words}"

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.words.close()


class Race:
    """Who runs what, and how."""

    def __init__(self, arguments: argparse.Namespace, program: str, folder: str):
        self.program, self.folder = pathlib.Path(program).resolve(), pathlib.Path(folder)
        self.pairs, self.sides = arguments.pairs, arguments.side or list(table.DEFAULT_PEERS)
        self.threads = arguments.threads or threads_to_use()
        # Our side has its defaults, unless a number is asked for.
        self.our_environment = {"RAYON_NUM_THREADS": str(arguments.threads)} if arguments.threads else {}
        self.adam = ["--fused-adam"] if arguments.fused_adam else []

    def run(self, name: str) -> list:
        """All pairs of a work, each {side: [figures of each of its settings]}."""
        sides: list[tuple[str, Side]] = []
        try:
            for group, command, environment in self.commands(name):
                sides.append((group, Side(f"{name}, {group}", command, environment)))
                # One after another: a side that warms up beside another could compile for its cache sizes.
                sides[-1][1].read()
            return [self.pair(name, sides, at) for at in range(self.pairs)]
        finally:
            for _, side in sides:
                side.stop()

    def pair(self, name: str, sides: list, at: int) -> dict:
        figures: dict[str, list] = {}
        # Another side begins each time, so that none always runs behind the same other.
        for group, side in sides[at % len(sides) :] + sides[: at % len(sides)]:
            time.sleep(PAUSE_S)
            measures = "ours bf16" if group in table.BF16 else "ours"
            peak = next(side for group, side in sides if group == measures).ask("peak")["gflops"]
            figures.setdefault(group, []).append({**side.ask("round"), "peak_gflops": peak})
        told = "; ".join(f"{group} {table.best(figures[group])['seconds']:.3f} s" for group, _ in sides)
        print(f"{name}, {at + 1} of {self.pairs}: {told}", file=sys.stderr)
        return figures

    def commands(self, name: str):
        """The sides of a work: (group, command, environment)."""
        work = ALL_WORKS[name]
        ours = [self.program, "--serve", "--work", name]
        yield "ours", ours, self.our_environment
        if "bf16" in self.sides and work.kind != "loss":
            yield "ours bf16", [*ours, "--precision", "bf16"], self.our_environment
        if "gemm" in self.sides and work.kind == "product":
            yield "gemm", [*ours, "--engine", "gemm"], self.our_environment
        pytorch = [*peer("pytorch", name), "--threads", self.threads, *self.adam]
        best_layout = ["--layout", work.layouts[-1]]
        if not missing("pytorch", work):
            for layout in work.layouts:
                if "eager" in self.sides:
                    yield "eager", [*pytorch, "--layout", layout], {}
                if "kept" in self.sides and work.kind != "product":
                    yield "kept", [*pytorch, "--layout", layout], KEEP_BUFFERS
                if "bf16" in self.sides and work.kind != "loss":
                    yield "bf16", [*pytorch, "--layout", layout, "--bf16"], {}
            if "compiled" in self.sides and work.network:
                yield "compiled", [*pytorch, *best_layout, "--compile"], {}
        if "onnxruntime" in self.sides and work.kind == "infer" and not missing("onnxruntime", work):
            model = self.folder / f"{name}.onnx"
            exported = subprocess.run(
                [str(part) for part in [*peer("export", name), "--model", model]], capture_output=True, text=True
            )
            if exported.returncode:
                raise Trouble(f"{name}, export for ONNX Runtime: {exported.stderr.strip().splitlines()[-1:]}")
            yield "onnxruntime", [*peer("onnxruntime", name), "--model", model, "--threads", self.threads], {}


def peer(what: str, name: str) -> list:
    return [sys.executable, PEERS, what, "--work", name]


def missing(who: str, work: Work) -> list:
    return [package for package in work.packages(who) if importlib.util.find_spec(package) is None]


def say_who_is_left_out(names: list) -> None:
    for who, called in {"pytorch": "PyTorch", "onnxruntime": "ONNX Runtime"}.items():
        takes_part = [name for name in names if who == "pytorch" or ALL_WORKS[name].kind == "infer"]
        works = [name for name in takes_part if missing(who, ALL_WORKS[name])]
        packages = sorted({package for name in works for package in missing(who, ALL_WORKS[name])})
        if works:
            print(f"{called} is left out of {', '.join(works)}: not installed: {', '.join(packages)}", file=sys.stderr)


def positive(text: str) -> int:
    if int(text) < 1:
        raise ValueError(text)
    return int(text)


def main() -> None:
    parser = argparse.ArgumentParser(description="Race our side against others, round by round.")
    count = {"type": positive, "metavar": "N"}
    parser.add_argument("--program", metavar="PATH", help="our side, built already: target/release/race")
    parser.add_argument(
        "--work",
        action="append",
        choices=[*ALL_WORKS, "products"],
        metavar="NAME",
        help=f"repeatable: {', '.join(WORKS)}, products or one of them, product-1576x768x2304 [default: all networks]",
    )
    parser.add_argument(
        "--side",
        action="append",
        choices=table.PEERS,
        help=f"whom to race, repeatable [default: {', '.join(table.DEFAULT_PEERS)}]",
    )
    parser.add_argument("--pairs", default=11, **count, help="rounds of each side [default: 11]")
    parser.add_argument("--threads", **count, help="threads of every side [default: all processors]")
    parser.add_argument("--fused-adam", action="store_true", help="PyTorch's Adam as one kernel; not its default")
    parser.add_argument("--markdown", action="store_true", help="print the table for docs/results")
    parser.add_argument("--json", metavar="FILE", help="write all figures")
    arguments = parser.parse_args()
    asked = arguments.work or list(WORKS)
    names = [name for work in asked for name in (PRODUCT_WORKS if work == "products" else [work])]
    names = list(dict.fromkeys(names))
    say_who_is_left_out(names)
    program = arguments.program or build()
    with tempfile.TemporaryDirectory() as folder:
        race = Race(arguments, program, folder)
        about = {
            **table.surroundings(ROOT),
            "threads": race.threads,
            "pairs": race.pairs,
            "fused_adam": arguments.fused_adam,
            "keep_buffers": KEEP_BUFFERS,
        }
        works = []
        # Before the first round too: a file that cannot be written is better known now than after an hour.
        keep(arguments.json, about, works)
        peers = [peer for peer in table.PEERS if peer in race.sides]
        table.print_head(about, peers, arguments.markdown)
        for name in names:
            pairs = race.run(name)
            summary = table.summary(ALL_WORKS[name], pairs)
            works.append({"work": name, "summary": summary, "pairs": pairs})
            called = ALL_WORKS[name].title if arguments.markdown else name
            table.print_row([called, *table.cells(summary, peers)], peers, arguments.markdown)
            keep(arguments.json, about, works)


def keep(path: str | None, about: dict, works: list) -> None:
    try:
        if path:
            table.write_json(path, about, works)
    except OSError as error:
        raise Trouble(f"cannot write {path}: {error.strerror}") from error


if __name__ == "__main__":
    try:
        main()
    except Trouble as trouble:
        sys.exit(f"race.py: {trouble}")
    except KeyboardInterrupt:
        sys.exit("race.py: interrupted; the rows above are complete")
