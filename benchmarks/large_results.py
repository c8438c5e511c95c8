"""Results in large numbers: what reading, judging, pages and an export take, beside their targets.

``python -m benchmarks.large_results``; part of ``make targets``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import count, cycle, product
from math import inf
from pathlib import Path

import numpy as np

from benchmarks.shared import report_line

# The dashboard of 20 machines, 500 commits and 10,000 files of asv's.
MACHINES = 20
COMMITS = 500
OPENED = 5
# Of each page that is opened, what stands there when it can be read.
CONTENT = {
    "index": "footer",
    "sweeps": ".main-svg",
    "history": ".main-svg",
    "machines": "#tables tbody td",
    "raw": "#tables tbody td",
}

# What other tools measured.
ASV_FILES = 270
PYTEST_FILES = 10_000
SIZES = 40_000
PAIRED = 40

CSV_BYTES = 35_000_000
KINDS = ("matrix multiplication", "convolution", "attention", "layer normalisation", "sort")
LIBRARIES = ("numpy,cpu", "torch,cpu", "torch,cuda", "jax,cpu", "jax,cuda", "cupy,cuda")
TABLE_SIZES = [2**power for power in range(4, 16)]

# A fleet's results: 200 machines with 30 runs each, a million rows.
FLEET_MACHINES = 200
FLEET_RUNS = 30

LOAD_TABLE = """
import sys, warnings
warnings.simplefilter("ignore")
from perceptron.records.readers.sources import load_measurements
load_measurements(sys.argv[1])
"""
LOAD = "import sys, perceptron; perceptron.load_results(sys.argv[1])"
PAGES = """
import sys
from pathlib import Path
from perceptron.studies.answering import collect
from perceptron.report.dashboard.write import write_site
write_site(Path(sys.argv[2]), collect(Path(sys.argv[1])))
"""
EXPORT = """
import sys
from pathlib import Path
from perceptron.records.parquet import export
export(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def lines() -> Iterator[str]:
    """Yield a line for each target."""
    for part in (dashboards, foreign_results, large_tables, many_machines):
        with tempfile.TemporaryDirectory() as folder:
            yield from part(Path(folder))


def dashboards(folder: Path) -> Iterator[str]:
    """Build pages, and open each in a fresh window, from asking for it to its first content."""
    # asv imports every module here, without what only tests have.
    from tests.browser.conftest import ARGUMENTS, chromium
    from tests.plenty import plenty

    results, html = folder / "results", folder / "html"
    plenty(results / "asv", machines=MACHINES, commits=COMMITS)
    what = f"{MACHINES * COMMITS:,} results of {MACHINES} machines: pages"
    yield command_line(what, ["dashboard", "--html", str(html)], results, 60.0)
    if chromium() is None:
        yield "opening pages: not measured: no chromium"
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        for name, content in CONTENT.items():
            seconds = []
            for _ in range(OPENED):
                page = browser.new_context().new_page()
                page.goto((html / f"{name}.html").as_uri(), wait_until="commit")
                page.locator(content).first.wait_for()
                seconds.append(float(page.evaluate("performance.now() / 1000")))
                page.context.close()
            yield report_line(f"opening {name} in chromium", seconds, 1.0, " s")
        browser.close()


def foreign_results(folder: Path) -> Iterator[str]:
    """Judge made-up results of each kind, and hundreds of cases with a page too."""
    # asv imports every module here, without what only tests have.
    from tests import many
    from tests.plenty import plenty

    asv = plenty(folder / "asv", machines=1, commits=ASV_FILES).folder
    saved = many.pytest_files(folder / "pytest", PYTEST_FILES)
    line = many.many(folder / "line.csv", cases=1, sizes=SIZES, backends=2, ratio=1.0001)
    pairs = many.many(folder / "pairs.csv", cases=1, sizes=20, backends=PAIRED, ratio=2.0)
    cases = many.many(folder / "cases.csv")
    number = PAIRED * (PAIRED - 1) // 2
    page = ("--html", str(folder / "html"))
    for what, source, most, options in (
        (f"{ASV_FILES} files of asv's", asv, 3.0, ("--json",)),
        (f"{PYTEST_FILES:,} of pytest-benchmark's", saved, 30.0, ("--json",)),
        (f"{SIZES:,} sizes in one sweep", line, 10.0, ("--json",)),
        (f"{number} pairs of {PAIRED} backends", pairs, 10.0, ("--json",)),
        (f"{many.CASES} cases: document", cases, 10.0, ("--json",)),
        (f"{many.CASES} cases: page", cases, 10.0, page),
    ):
        words = ["crossover", "--from", str(source), *options]
        yield command_line(what, words, folder / "none", most)


def large_tables(folder: Path) -> Iterator[str]:
    """Load tables of a million rows: repeats of few cases, or all unlike each other."""
    repeats = cycle(product(TABLE_SIZES, KINDS, LIBRARIES))
    distinct = ((size, *case) for size in count(1) for case in product(KINDS, LIBRARIES))
    for what, keys in (("repeats of 360 cases", repeats), ("no two rows alike", distinct)):
        file = folder / "large.csv"
        rows = write(file, keys)
        name = f"a CSV of {CSV_BYTES / 1e6:.0f} MB, {rows:,} rows, {what}"
        yield cost_line(name, ["-c", LOAD_TABLE, str(file)], 60.0, 1024.0)


def write(file: Path, keys: Iterable[tuple[int, str, str]]) -> int:
    """Write rows until the file has its size; return how many."""
    seconds = np.exp(0.1 * np.random.default_rng(1).standard_normal(997) - 7).tolist()
    with file.open("w", encoding="utf-8") as stream:
        left = CSV_BYTES - stream.write("case,size,backend,device,seconds\n")
        for number, ((size, case, backend), taken) in enumerate(
            zip(keys, cycle(seconds), strict=False)
        ):
            if left <= 0:
                return number
            left -= stream.write(f"{case},{size},{backend},{taken:.9f}\n")
    raise AssertionError("keys have no end")


def many_machines(folder: Path) -> Iterator[str]:
    """Read, show and export a fleet's results."""
    # asv imports every module here, without what only tests have.
    from tests.made_fleet import made_fleet

    results = made_fleet(folder / "results", FLEET_MACHINES, processes=8, runs=FLEET_RUNS)
    for what, program, seconds, megabytes in (
        ("load_results", LOAD, 10.0, 4096.0),
        ("pages", PAGES, 60.0, 4096.0),
        ("export as Parquet", EXPORT, 60.0, 1024.0),
    ):
        name = f"{FLEET_MACHINES} machines, {FLEET_RUNS} runs each: {what}"
        yield cost_line(name, ["-c", program, str(results), str(folder / what)], seconds, megabytes)


def command_line(what: str, words: Sequence[str], results: Path, most: float) -> str:
    """Type a command of ours; return its line."""
    places = ["--results", str(results), "--config", str(results / "none")]
    command = ["-m", "perceptron", *words, *(places if words[0] == "dashboard" else places[:2])]
    return cost_line(what, command, most)


def cost_line(
    what: str, arguments: Sequence[str], most_seconds: float, most_megabytes: float = inf
) -> str:
    """Run Python in a fresh process; return what it cost beside the targets, its start included."""
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        return f"{what}: exit {process.returncode}: MISSED"
    seconds, megabytes = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    reached = seconds <= most_seconds and megabytes <= most_megabytes
    held = "" if most_megabytes == inf else f", {megabytes:.0f} MB (at most {most_megabytes:g})"
    return (
        f"{what}: {seconds:.3g} s of CPU (at most {most_seconds:g}){held}: "
        f"{'reached' if reached else 'MISSED'}"
    )


if __name__ == "__main__":
    for line in lines():
        print(line, flush=True)
