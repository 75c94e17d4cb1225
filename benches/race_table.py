"""The table of the race: what it says above, a row for each work, and the same as JSON.

The figures of a work are a list of turns, and a turn is `{side: {setting: figures}}`, with `images_per_second` and
`peak_memory_mib` in the figures; of the settings of a side, the fastest counts in each turn. The sides are `ours`,
`pytorch`, `pytorch, buffers kept` and `onnxruntime`, those of them that took part.
"""

import importlib.metadata
import json
import os
import pathlib
import platform
import statistics
import subprocess
import time

COLUMNS = [  # heading in a terminal, width there, heading in Markdown
    ("work", 22, "work"),
    ("ours", 8, "ours"),
    ("PyTorch", 9, "PyTorch"),
    ("ratio", 18, "ratio"),
    ("buffers kept", 18, "ratio, large buffers kept"),
    ("ONNX Runtime", 14, "ONNX Runtime"),
    ("ratio", 18, "ratio"),
    ("peak MiB", 13, "peak memory of ours : PyTorch, MiB"),
]
PACKAGES = {"PyTorch": "torch", "torchvision": "torchvision", "timm": "timm", "ONNX Runtime": "onnxruntime"}


def best(settings: dict) -> dict:
    return max(settings.values(), key=lambda figures: figures["images_per_second"])


def summary(turns: list) -> dict:
    """For each side: median speed and largest peak over its turns, and the ratio ours : theirs of the same turn."""
    summed = {}
    for side in turns[0]:
        chosen = [best(sides[side]) for sides in turns]
        speeds = [figures["images_per_second"] for figures in chosen]
        peaks = [figures["peak_memory_mib"] for figures in chosen if figures["peak_memory_mib"] is not None]
        summed[side] = {"images_per_second": statistics.median(speeds), "peak_memory_mib": max(peaks, default=None)}
        if side != "ours":
            ratios = [best(sides["ours"])["images_per_second"] / speed for sides, speed in zip(turns, speeds)]
            summed[side]["ratio"] = {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)}
    return summed


def cells(summed: dict) -> list:
    """What stands behind the name of a work; a dash for a side that took no part."""

    def speed(side: str) -> str:
        value = summed.get(side, {}).get("images_per_second")
        return "-" if value is None else f"{value:,.0f}" if value >= 1_000 else f"{value:.1f}"

    def ratio(side: str) -> str:
        value = summed.get(side, {}).get("ratio")
        return "-" if value is None else "{median:.2f} ({min:.2f}-{max:.2f})".format(**value)

    def peak(side: str) -> str:
        value = summed.get(side, {}).get("peak_memory_mib")
        return "-" if value is None else f"{value:.0f}"

    torch = [speed("pytorch"), ratio("pytorch"), ratio("pytorch, buffers kept")]
    onnxruntime = [speed("onnxruntime"), ratio("onnxruntime")]
    return [speed("ours"), *torch, *onnxruntime, f"{peak('ours')} : {peak('pytorch')}"]


def print_row(row: list, markdown: bool) -> None:
    if markdown:
        print("| " + " | ".join(row) + " |", flush=True)
    else:
        name, *others = [width for _, width, _ in COLUMNS]
        print(f"{row[0]:<{name}}" + "".join(f"{cell:>{width}}" for cell, width in zip(row[1:], others)), flush=True)


def print_head(about: dict, markdown: bool) -> None:
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items() if version)
    adam = ", PyTorch's Adam fused" if about["fused_adam"] else ""
    print(f"{about['processor']}, {about['threads']} threads, {versions}, {about['date']};")
    print(f"images (nt-xent: rows) per second, {about['turns']} turns of {about['rounds']} rounds{adam}.\n")
    print_row([heading[2 if markdown else 0] for heading in COLUMNS], markdown)
    if markdown:
        print_row(["---"] * len(COLUMNS), markdown)


def surroundings(root: pathlib.Path) -> dict:
    """What the figures depend on beside the programs: the machine, the versions, the day."""
    return {"processor": processor(), "versions": versions(root), "date": time.strftime("%Y-%m-%d")}


def processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            return next(line.split(":", 1)[1].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
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
