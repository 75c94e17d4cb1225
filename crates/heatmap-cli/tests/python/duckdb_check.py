"""Proves that `detect` finds the same in a log and in what DuckDB's grouping leaves of it.

    python -m venv /tmp/duck && /tmp/duck/bin/pip install duckdb
    /tmp/duck/bin/python crates/heatmap-cli/tests/python/duckdb_check.py target/release/examples/detect

The statement is the one of docs/guide/find-broken-banners.md. The log is that of `detect --demo`, with clicks on the
edges of bins and banners, beside banners, with decimals and without a count added to it.
"""
import csv
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import duckdb

root = pathlib.Path(__file__).resolve().parents[4]
guide = (root / "docs/guide/find-broken-banners.md").read_text()
statement = re.search(r"## Logs larger than a machine.*?```sql\n(.*?)```", guide, re.S).group(1)
program = pathlib.Path(sys.argv[1]).resolve()

with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    detect = lambda *words: subprocess.run([program, "--quiet", *map(str, words)], check=True)
    detect("--demo", "--out", folder / "demo")
    raw = folder / "raw.csv"
    lines = [(folder / "demo-demo/clicks.csv").read_text()]
    draw = random.Random(28)
    for _ in range(20_000):
        width, height = draw.choice([(300, 250), (728, 90), (123, 457)])
        x = draw.choice([0, width, width + 1, -1, draw.randrange(width), draw.random() * width, 5 * draw.randrange(20)])
        y = draw.choice([0, height, height + 1, draw.randrange(height), draw.random() * height])
        banner = f"edge{draw.randrange(40)}.example,grid-{draw.randrange(3)}"
        lines.append(f"{banner},{x},{y},{height},{width},{draw.randrange(4)}\n")
    raw.write_text("".join(lines))
    # DuckDB guesses types from the first rows, and would round the decimals of later ones.
    types = "{'click_x': 'DOUBLE', 'click_y': 'DOUBLE'}"
    duckdb.execute(f"CREATE TABLE clicks_log AS SELECT * FROM read_csv('{raw}', types = {types})")
    duckdb.execute(f"COPY ({statement}) TO '{folder / 'grouped.csv'}' (HEADER)")
    rows = lambda path: list(csv.reader(path.open()))
    detect("--clicks", raw, "--out", folder / "a")
    detect("--clicks", folder / "grouped.csv", "--out", folder / "b")
    a, b = (rows(folder / name / "scores.csv") for name in "ab")
    before, after = len(rows(raw)), len(rows(folder / "grouped.csv"))
    if a != b:
        sys.exit(f"scores differ: {next((x, y) for x, y in zip(a, b) if x != y)}")
    print(f"{before} rows, {after} after grouping: the same {len(a) - 1} banners, scores, flags and reasons")
