"""Proves that `detect` finds the same in a log and in what the statements of the guide leave of it.

    python -m venv /tmp/sql && /tmp/sql/bin/pip install duckdb sqlglot pyspark  # pyspark needs a Java runtime
    /tmp/sql/bin/python crates/heatmap-cli/tests/python/sql_check.py target/release/examples/detect

The statements are those of docs/guide/find-broken-banners.md: the plain one and DuckDB's run in DuckDB, Spark's in
Spark, and BigQuery's, which runs nowhere else, in DuckDB after sqlglot has read it as BigQuery's dialect. The log is
that of `detect --demo`, with clicks on the edges of bins and banners, beside banners, with decimals and without a
count added to it.
"""
import csv
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import duckdb
import sqlglot

root = pathlib.Path(__file__).resolve().parents[4]
guide = (root / "docs/guide/find-broken-banners.md").read_text()
section = re.search(r"## Logs larger than a machine(.*?)\n## ", guide + "\n## ", re.S).group(1)
plain, into_file, spark, bigquery = re.findall(r"```sql\n(.*?)```", section, re.S)
program = pathlib.Path(sys.argv[1]).resolve()


def raw_log(folder):
    """Writes the log, and returns its path."""
    subprocess.run([program, "--quiet", "--demo", "--out", folder / "demo"], check=True)
    lines = [(folder / "demo-demo/clicks.csv").read_text()]
    draw = random.Random(28)
    for _ in range(20_000):
        width, height = draw.choice([(300, 250), (728, 90), (123, 457)])
        x = draw.choice([0, width, width + 1, -1, draw.randrange(width), draw.random() * width, 5 * draw.randrange(20)])
        y = draw.choice([0, height, height + 1, draw.randrange(height), draw.random() * height])
        banner = f"edge{draw.randrange(40)}.example,grid-{draw.randrange(3)}"
        lines.append(f"{banner},{x},{y},{height},{width},{draw.randrange(4)}\n")
    (folder / "raw.csv").write_text("".join(lines))
    return folder / "raw.csv"


def scores(clicks, out):
    subprocess.run([program, "--quiet", "--clicks", clicks, "--out", out], check=True)
    return list(csv.reader((out / "scores.csv").open()))


def in_duckdb(folder, raw):
    # DuckDB guesses types from the first rows, and would round the decimals of later ones.
    types = "{'click_x': 'DOUBLE', 'click_y': 'DOUBLE'}"
    duckdb.execute(f"CREATE TABLE clicks_log AS SELECT * FROM read_csv('{raw}', types = {types})")
    duckdb.execute(f"COPY ({plain}) TO '{folder / 'plain.csv'}' (HEADER)")
    yield f"DuckDB {duckdb.__version__}", folder / "plain.csv"
    os.mkdir(folder / "log")
    duckdb.execute(f"COPY clicks_log TO '{folder / 'log/a.parquet'}'")
    statement = into_file.replace("log/*.parquet", f"{folder}/log/*.parquet")
    duckdb.execute(statement.replace("clicks.csv.gz", f"{folder}/file.csv.gz"))
    yield "DuckDB, Parquet to gzip", folder / "file.csv.gz"
    select = bigquery[bigquery.index("SELECT"):].replace("dataset.clicks_log", "clicks_log")
    select = sqlglot.transpile(select, read="bigquery", write="duckdb")[0]
    duckdb.execute(f"COPY ({select}) TO '{folder / 'bigquery.csv'}' (HEADER)")
    yield f"BigQuery's, by sqlglot {sqlglot.__version__}", folder / "bigquery.csv"


def in_spark(folder, raw):
    from pyspark.sql import SparkSession

    session = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    names = "domain STRING, grid_id STRING, click_x DOUBLE, click_y DOUBLE, display_height INT, display_width INT, clicks INT"
    session.read.csv(str(raw), header=True, schema=names).createOrReplaceTempView("clicks_log")
    session.sql(spark.replace("'clicks-binned'", f"'{folder / 'clicks-binned'}'").rstrip().rstrip(";"))
    yield f"Spark {session.version}", folder / "clicks-binned"
    session.stop()


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    raw = raw_log(folder)
    expected = scores(raw, folder / "raw")
    for at, (engine, grouped) in enumerate([*in_duckdb(folder, raw), *in_spark(folder, raw)]):
        found = scores(grouped, folder / f"out{at}")
        if found != expected:
            differ = next(((x, y) for x, y in zip(expected, found) if x != y), "in their number")
            sys.exit(f"{engine}: scores differ: {differ}")
        print(f"{engine}: the same {len(expected) - 1} banners, scores, flags and reasons")
