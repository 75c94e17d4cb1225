"""Races our side against PyTorch and ONNX Runtime on the same machine, in turn: ours, theirs, ours, theirs.

    python -m venv /tmp/peers && /tmp/peers/bin/pip install -r benches/requirements.txt
    /tmp/peers/bin/python benches/race.py

It builds our side (`--program` takes one that is built) and prints a table, a row as soon as it is raced; `--markdown`
prints it for the README, `--json FILE` keeps every figure, `--work NAME` (repeatable) races some of the works.

Each turn is a process of its own with two rounds to warm up; its figure is the median of its rounds, and its memory the
most that the process has had, libraries included. PyTorch runs eager, a ResNet with NCHW and channels_last, of which
the better counts in each turn; in inference, batch normalisation is folded. It runs with the C library's default memory
settings, and again with settings that keep large buffers; ours has the defaults in both. ONNX Runtime has its default
optimisations. A ratio is ours : theirs of the same turn: the median, and in brackets the smallest and the largest.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import platform
import signal
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # a race leaves nothing beside its sources

import race_table as table
from race_peers import WORKS, Work, threads_to_use

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = pathlib.Path(__file__).resolve().with_name("race_peers.py")
PEER_NAMES = {"pytorch": "PyTorch", "onnxruntime": "ONNX Runtime"}
TURN_LIMIT_S = 3_600

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


def call(who: str, command: list, environment: dict) -> str:
    """What a process prints; raises how it ended, when that was not well."""
    # Settings of the person's shell would make the defaults something else.
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_TUNABLES"))}
    command = [str(part) for part in command]
    try:
        ended = subprocess.run(
            command, env={**ours, **environment}, capture_output=True, text=True, timeout=TURN_LIMIT_S
        )
    except OSError as error:
        raise Trouble(f"{who}: cannot be started: {error}") from error
    except subprocess.TimeoutExpired as error:
        raise Trouble(f"{who}: has not ended within {TURN_LIMIT_S} s") from error
    if ended.returncode == 0:
        return ended.stdout
    last_words = "".join(f"\n    {line}" for line in ended.stderr.strip().splitlines()[-5:])
    if ended.returncode < 0:
        name = signal.Signals(-ended.returncode).name
        memory = ", perhaps for want of memory" if name == "SIGKILL" else ""
        raise Trouble(f"{who}: killed by {name}{memory}{last_words}")
    raise Trouble(f"{who}: ended with exit code {ended.returncode}{last_words}")


def take_turn(who: str, command: list, rounds: int, environment: dict) -> dict:
    """The median speed of a process's rounds, its peak memory, and the speed of every round."""
    printed = call(who, [*command, "--rounds", rounds], environment)
    try:
        lines = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
        speeds = [float(line["images_per_second"]) for line in lines]
        peaks = [line["peak_memory_mib"] for line in lines]
    except (ValueError, KeyError, TypeError) as error:
        raise Trouble(f"{who}: has printed what is no round: {error!r}") from error
    if len(speeds) != rounds:
        raise Trouble(f"{who}: has finished {len(speeds)} of {rounds} rounds")
    return {"images_per_second": statistics.median(speeds), "peak_memory_mib": peaks[-1], "rounds": speeds}


class Race:
    """Who runs what, and how."""

    def __init__(self, arguments: argparse.Namespace, program: str, folder: str):
        self.program, self.folder = pathlib.Path(program).resolve(), pathlib.Path(folder)
        self.turns, self.rounds = arguments.turns, arguments.rounds
        self.threads = arguments.threads or threads_to_use()
        # Our side has its defaults, unless a number is asked for.
        self.our_environment = {"RAYON_NUM_THREADS": str(arguments.threads)} if arguments.threads else {}
        self.adam = ["--fused-adam"] if arguments.fused_adam else []
        self.pytorch_environments = {"pytorch": {}}
        if platform.libc_ver()[0] == "glibc":
            self.pytorch_environments["pytorch, buffers kept"] = KEEP_BUFFERS

    def run(self, name: str) -> list:
        """All turns of a work, each {side: {setting: figures}}."""
        model = None
        if takes_part("onnxruntime", WORKS[name]) and not missing("onnxruntime", WORKS[name]):
            model = self.folder / f"{name}.onnx"
            call(f"{name}, export for ONNX Runtime", [*peer("export", name), "--model", model], {})
        turns = []
        for at in range(1, self.turns + 1):
            turns.append(self.turn(name, model))
            speeds = [f"{side} {table.best(of)['images_per_second']:.1f}" for side, of in turns[-1].items()]
            print(f"{name}, turn {at} of {self.turns}: {'; '.join(speeds)}", file=sys.stderr)
        return turns

    def turn(self, name: str, model: pathlib.Path | None) -> dict:
        """A turn of every side: {side: {setting: figures}}."""
        command = [self.program, "--only-ours", "--work", name, "--json"]
        sides = {"ours": {"default": take_turn(f"{name}, ours", command, self.rounds, self.our_environment)}}
        if not missing("pytorch", WORKS[name]):
            for side, environment in self.pytorch_environments.items():
                sides[side] = {}
                for layout in WORKS[name].layouts:
                    command = [*peer("pytorch", name), "--layout", layout, "--threads", self.threads, *self.adam]
                    sides[side][layout] = take_turn(f"{name}, {side}, {layout}", command, self.rounds, environment)
        if model:
            command = [*peer("onnxruntime", name), "--model", model, "--threads", self.threads]
            sides["onnxruntime"] = {"default": take_turn(f"{name}, onnxruntime", command, self.rounds, {})}
        return sides


def peer(what: str, name: str) -> list:
    return [sys.executable, PEERS, what, "--work", name]


def takes_part(who: str, work: Work) -> bool:
    return who == "pytorch" or work.kind == "infer"


def missing(who: str, work: Work) -> list:
    return [package for package in work.packages(who) if importlib.util.find_spec(package) is None]


def say_who_is_left_out(names: list) -> None:
    for who, called in PEER_NAMES.items():
        works = [name for name in names if takes_part(who, WORKS[name]) and missing(who, WORKS[name])]
        packages = sorted({package for name in works for package in missing(who, WORKS[name])})
        if works:
            print(f"{called} is left out of {', '.join(works)}: not installed: {', '.join(packages)}", file=sys.stderr)


def positive(text: str) -> int:
    if int(text) < 1:
        raise ValueError(text)
    return int(text)


def main() -> None:
    parser = argparse.ArgumentParser(description="Race our side against PyTorch and ONNX Runtime.")
    count = {"type": positive, "metavar": "N"}
    parser.add_argument("--program", metavar="PATH", help="our side, built already: target/release/race")
    parser.add_argument("--work", action="append", choices=WORKS, help="repeatable [default: all]")
    parser.add_argument("--turns", default=3, **count, help="turns of each side [default: 3]")
    parser.add_argument("--rounds", default=5, **count, help="rounds in a turn, behind the warm-up [default: 5]")
    parser.add_argument("--threads", **count, help="threads of every side [default: all processors]")
    parser.add_argument("--fused-adam", action="store_true", help="PyTorch's Adam as one kernel; not its default")
    parser.add_argument("--markdown", action="store_true", help="print the table for the README")
    parser.add_argument("--json", metavar="FILE", help="write all figures")
    arguments = parser.parse_args()
    names = list(dict.fromkeys(arguments.work or WORKS))
    say_who_is_left_out(names)
    program = arguments.program or build()
    with tempfile.TemporaryDirectory() as folder:
        race = Race(arguments, program, folder)
        settings = {"turns": race.turns, "rounds": race.rounds, "fused_adam": arguments.fused_adam}
        kept = race.pytorch_environments.get("pytorch, buffers kept")
        about = {**table.surroundings(ROOT), "threads": race.threads, **settings, "keep_buffers": kept}
        works = []
        # Before the first turn too: a file that cannot be written is better known now than after an hour.
        keep(arguments.json, about, works)
        table.print_head(about, arguments.markdown)
        for name in names:
            turns = race.run(name)
            works.append({"work": name, "summary": table.summary(turns), "turns": turns})
            called = WORKS[name].title if arguments.markdown else name
            table.print_row([called, *table.cells(works[-1]["summary"])], arguments.markdown)
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
