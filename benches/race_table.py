"""The table of the race: what it says above, a row for each work, and the same as JSON.

The figures of a work are a list of pairs, and a pair is `{side: [figures, ...]}`, with `seconds`, `peak_memory_mib` and
`peak_gflops`, the processor's just before, in the figures; of the settings of a side, the fastest counts in each pair.
"""

import importlib.metadata
import json
import os
import pathlib
import platform
import statistics
import subprocess
import time

# Whom we race, and the heading of the ratio ours : theirs.
PEERS = {
    "eager": "PyTorch eager",
    "kept": "the same, large buffers kept",
    "compiled": "torch.compile",
    "bf16": "PyTorch in bf16",
    "onnxruntime": "ONNX Runtime",
    "gemm": "gemm crate",
}
# Our sides: in f32, and in bf16, which races PyTorch in bf16 alone.
OURS = ("ours", "ours bf16")
BF16 = ("ours bf16", "bf16")
DEFAULT_PEERS = ("eager", "compiled", "onnxruntime", "gemm")
PACKAGES = {"PyTorch": "torch", "torchvision": "torchvision", "timm": "timm", "ONNX Runtime": "onnxruntime"}
NAME_WIDTH, WIDTH = 26, 22


def best(settings: list) -> dict:
    return min(settings, key=lambda figures: figures["seconds"])


def spread(values: list) -> dict:
    """The median and the quartiles."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return {"median": middle, "quartiles": [low, high]}


def summary(work, pairs: list) -> dict:
    """For each side its speed, memory and share of the peak, and the ratio ours : theirs in the same pair."""
    summed = {}
    for side in pairs[0]:
        chosen = [best(sides[side]) for sides in pairs]
        memory = [figures["peak_memory_mib"] for figures in chosen if figures["peak_memory_mib"] is not None]
        summed[side] = {
            "seconds": statistics.median(figures["seconds"] for figures in chosen),
            "peak_memory_mib": max(memory, default=None),
        }
        if work.kind == "product":
            summed[side]["gflops"] = work.gflop / summed[side]["seconds"]
        else:
            summed[side]["images_per_second"] = work.images_of_round / summed[side]["seconds"]
        if work.gflop and all(figures["peak_gflops"] for figures in chosen):
            shares = [work.gflop / figures["seconds"] / figures["peak_gflops"] for figures in chosen]
            summed[side]["share_of_peak"] = spread(shares)
        if side not in OURS:
            against = OURS[1] if side == "bf16" else OURS[0]
            ours = [best(sides[against])["seconds"] for sides in pairs]
            ratios = [theirs["seconds"] / our for our, theirs in zip(ours, chosen)]
            summed[side]["ratio"] = spread(ratios)
    return summed


def cells(summed: dict, peers: list) -> list:
    """What stands behind the name of a work; a dash for a side that took no part."""

    def spread_of(found: dict | None) -> str:
        if found is None:
            return "-"
        return "{:.2f} ({:.2f}-{:.2f})".format(found["median"], *found["quartiles"])

    def memory(side: str) -> str:
        value = summed.get(side, {}).get("peak_memory_mib")
        return "-" if value is None else f"{value:.0f}"

    def speed_and_share(side: str) -> list:
        found = summed.get(side, {})
        speed = found.get("images_per_second", found.get("gflops"))
        told = "-" if speed is None else f"{speed:,.0f}" if speed >= 1_000 else f"{speed:.1f}"
        return [told, spread_of(found.get("share_of_peak"))]

    ratios = [spread_of(summed.get(peer, {}).get("ratio")) for peer in peers]
    bf16 = speed_and_share("ours bf16") if "bf16" in peers else []
    return [*speed_and_share("ours"), *bf16, *ratios, f"{memory('ours')} : {memory('eager')}"]


def headings(peers: list) -> list:
    bf16 = ["ours in bf16", "share of its peak"] if "bf16" in peers else []
    return ["work", "ours", "share of peak", *bf16, *(f": {PEERS[peer]}" for peer in peers), "MiB : eager's"]


def print_row(row: list, peers: list, markdown: bool) -> None:
    if markdown:
        print("| " + " | ".join(row) + " |", flush=True)
    else:
        print(f"{row[0]:<{NAME_WIDTH}}" + "".join(f"{cell:>{WIDTH}}" for cell in row[1:]), flush=True)


def print_head(about: dict, peers: list, markdown: bool) -> None:
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items() if version)
    adam = ", PyTorch's Adam fused" if about["fused_adam"] else ""
    print(f"{about['processor']}, {about['threads']} threads, {versions}, {about['date']};")
    print(f"images a second (nt-xent: rows; products: GFLOP/s), {about['pairs']} pairs of rounds{adam}.\n")
    print_row(headings(peers), peers, markdown)
    if markdown:
        print_row(["---"] * len(headings(peers)), peers, markdown)


def surroundings(root: pathlib.Path) -> dict:
    """What the figures depend on beside the programs: the machine, the versions, the day."""
    return {"processor": processor(), "versions": versions(root), "date": time.strftime("%Y-%m-%d")}


def processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            told = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in info)}
        return f"{told['model name']} (family {told['cpu family']}, model {told['model']})"
    except (OSError, KeyError):
        return platform.processor() or platform.machine()


def versions(root: pathlib.Path) -> dict:
    """Versions by name; None for what is not installed."""
    found = {"Rust": None}
    try:
        said = subprocess.run(["rustc", "--version"], cwd=root, capture_output=True, text=True).stdout.split()
        found["Rust"] = said[1] if len(said) > 1 else None
    except OSError:
        pass
    for name, package in PACKAGES.items():
        try:
            found[name] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def write_json(path: str, about: dict, works: list) -> None:
    """Writes everything; the file is complete at any moment, for it is written again behind every work."""
    unfinished = f"{path}.unfinished"
    with open(unfinished, "w", encoding="utf-8") as file:
        json.dump({**about, "works": works}, file, indent=1)
        file.write("\n")
    os.replace(unfinished, path)
