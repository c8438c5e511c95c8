"""Results in large numbers: what reading, judging, pages and an export take, beside their targets.

``python -m benchmarks.large_results``; part of ``make targets``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from itertools import count, islice
from pathlib import Path

import numpy as np

from benchmarks.target_lines import report_line

# The dashboard of 20 machines, 500 commits and 10,000 files of asv's.
MACHINES = 20
COMMITS = 500
MOST_PAGES_SECONDS = 60.0
MOST_OPENING_SECONDS = 1.0
OPENED = 5
# Of each page that is opened, what stands there when it can be read.
CONTENT = {
    "index": "footer",
    "sweeps": ".main-svg",
    "history": ".main-svg",
    "machines": "#tables tbody td",
    "raw": "#tables tbody td",
}

# What other tools measured; seconds are of CPU time, the start of the command included.
ASV_FILES, MOST_ASV_SECONDS = 270, 3.0
PYTEST_FILES, MOST_PYTEST_SECONDS = 10_000, 30.0
SIZES, MOST_SIZES_SECONDS = 40_000, 10.0
PAIRED, MOST_PAIRS_SECONDS = 40, 10.0
MOST_CASES_SECONDS = 10.0
CPU = " s of CPU"

# Tables of 200 MB.
CSV_BYTES = 200_000_000
MOST_CSV_SECONDS = 60.0
MOST_CSV_MEGABYTES = 1024.0

HEADER = "case,size,backend,device,seconds\n"
KINDS = ("matrix multiplication", "convolution", "attention", "layer normalisation", "sort")
LIBRARIES = ("numpy,cpu", "torch,cpu", "torch,cuda", "jax,cpu", "jax,cuda", "cupy,cuda")
TABLE_SIZES = [2**power for power in range(4, 16)]

LOAD_TABLE = """
import warnings
warnings.simplefilter("ignore")
from perceptron.records.readers.sources import load_measurements
rows = len(load_measurements(sys.argv[1]))
"""

# A fleet's results: 200 machines with 5,000 rows each.
FLEET_MACHINES = 200
FLEET_ROWS = 5_000
MOST_FLEET_MEGABYTES = 4096.0

LOAD = """
import perceptron
rows = len(perceptron.load_results(sys.argv[1]))
"""
PAGES = """
from pathlib import Path
from perceptron.studies.collected import collect
from perceptron.report.dashboard.write import write_site
collection = collect(Path(sys.argv[1]))
write_site(Path(sys.argv[2]), collection)
rows = len(collection.rows)
"""
EXPORT = """
from pathlib import Path
from perceptron.records.parquet import export
rows = export(Path(sys.argv[1]), Path(sys.argv[2])).rows
"""
# What is measured, the program, at most so many seconds of CPU, and so many megabytes.
FLEET_PARTS = (
    ("load_results", LOAD, 10.0, MOST_FLEET_MEGABYTES),
    ("pages", PAGES, 60.0, MOST_FLEET_MEGABYTES),
    ("export as Parquet, a part for each machine", EXPORT, 60.0, 1024.0),
)
# The peak that the system knows of this process alone: that of a child begins with its parent's.
AROUND = """
import sys, time
{program}
status = open("/proc/self/status").read()
print(time.process_time(), int(status.partition("VmHWM:")[2].split()[0]) / 1024, rows)
"""


def lines() -> Iterator[str]:
    """Yield a line for each target."""
    yield from dashboards()
    yield from foreign_results()
    yield from large_tables()
    yield from many_machines()


def dashboards() -> Iterator[str]:
    """Time building our pages, asv's own beside them, and opening ours."""
    # asv imports every module here, without what only tests have.
    from tests.plenty import plenty

    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        results, html = project / "results", project / "html"
        hashes = repository(project)
        plenty(results / "asv", machines=MACHINES, commits=COMMITS, hashes=hashes)
        what = f"{MACHINES * COMMITS:,} results of {MACHINES} machines"
        yield report_line(f"{what}: our pages", [built(results, html)], MOST_PAGES_SECONDS, " s")
        yield published(project, results, html)
        yield from opened(html)


def repository(project: Path) -> list[str]:
    """Make a checkout with so many empty commits, an hour apart; return their hashes."""
    commits = "".join(
        f"commit refs/heads/main\ncommitter maker <maker@example.org> {1_600_000_000 + 3600 * k} "
        f"+0000\ndata 2\n{k % 10}\n\n"
        for k in range(COMMITS)
    )
    git = ["git", "-C", str(project)]
    subprocess.run([*git, "init", "--quiet", "--initial-branch", "main"], check=True)
    subprocess.run([*git, "fast-import", "--quiet"], input=commits.encode(), check=True)
    log = subprocess.check_output([*git, "log", "--reverse", "--format=%H", "main"], text=True)
    return log.split()


def built(results: Path, html: Path) -> float:
    """Seconds of `perceptron dashboard` without asv's pages."""
    command = [sys.executable, "-m", "perceptron", "dashboard", "--json"]
    folders = ["--results", str(results), "--html", str(html), "--config", str(results / "none")]
    begin = time.monotonic()
    subprocess.run([*command, *folders], stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - begin


def published(project: Path, results: Path, html: Path) -> str:
    """How long asv takes for its own: known, and without a target of ours."""
    from perceptron.report.asv.pages import publish

    config = project / "asv.conf.json"
    config.write_text('{"version": 1, "project": "plenty", "repo": ".", "branches": ["main"]}')
    begin = time.monotonic()
    reason = publish(config, results, html)
    seconds = time.monotonic() - begin
    return f"asv's own pages of the same: {reason or f'{seconds:.0f} s (no target: asv publish)'}"


def opened(html: Path) -> Iterator[str]:
    """From asking for a page to its first content, in a fresh window each time."""
    from tests.browser.conftest import ARGUMENTS, chromium

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
            yield report_line(f"opening {name} in chromium", seconds, MOST_OPENING_SECONDS, " s")
        browser.close()


def foreign_results() -> Iterator[str]:
    """Judge made-up results of each kind, without and for hundreds of cases with pages."""
    # asv imports every module here, without what only tests have.
    from tests import many

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asv = many.asv_history(folder / "asv", ASV_FILES)
        yield seconds_line(f"{ASV_FILES} files of asv's, 60 benchmarks each", asv, MOST_ASV_SECONDS)
        saved = many.pytest_files(folder / "pytest", PYTEST_FILES)
        yield seconds_line(f"{PYTEST_FILES:,} of pytest-benchmark's", saved, MOST_PYTEST_SECONDS)
        line = many.many(folder / "line.csv", cases=1, sizes=SIZES, backends=2, ratio=1.0001)
        yield seconds_line(f"{SIZES:,} sizes in one sweep", line, MOST_SIZES_SECONDS)
        pairs = many.many(folder / "pairs.csv", cases=1, sizes=20, backends=PAIRED, ratio=2.0)
        number = PAIRED * (PAIRED - 1) // 2
        yield seconds_line(f"{number} pairs of {PAIRED} backends", pairs, MOST_PAIRS_SECONDS)
        yield from cases(folder)


def cases(folder: Path) -> Iterator[str]:
    """Judge a table of many cases with and without pages."""
    from tests import many

    table, html = many.many(folder / "cases.csv"), folder / "html"
    what = f"{many.CASES} cases"
    yield seconds_line(f"{what}: document", table, MOST_CASES_SECONDS)
    seconds = judged(table, "--html", str(html))
    yield report_line(f"{what}: page", [seconds], MOST_CASES_SECONDS, CPU)


def seconds_line(what: str, source: Path, most: float) -> str:
    """Judge a source without a page; return its line."""
    return report_line(what, [judged(source, "--json")], most, CPU)


def judged(source: Path, *options: str) -> float:
    """CPU seconds of `perceptron crossover --from`."""
    command = [sys.executable, "-m", "perceptron", "crossover", "--from", str(source), *options]
    folder = ["--results", str(source.parent / "none")]
    before = os.times()
    subprocess.run([*command, *folder], stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    return (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )


def large_tables() -> Iterator[str]:
    """Write tables of 200 MB, and load each in a fresh process."""
    yield csv_line("repeats of 360 cases", repeats())
    yield csv_line("no two rows alike", distinct())


def csv_line(what: str, rows: Iterator[str]) -> str:
    """Load a CSV file that begins with these rows; return its line."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "large.csv"
        in_file = write(file, rows)
        name = f"a CSV of {CSV_BYTES / 1e6:.0f} MB, {in_file:,} rows, {what}"
        return cost_line(name, LOAD_TABLE, (file,), MOST_CSV_SECONDS, MOST_CSV_MEGABYTES)


def write(file: Path, rows: Iterator[str]) -> int:
    """Write rows until the file has its size; return how many."""
    written = 0
    with file.open("w", encoding="utf-8") as stream:
        stream.write(HEADER)
        while stream.tell() < CSV_BYTES:
            block = list(islice(rows, 10_000))
            stream.writelines(block)
            written += len(block)
    return written


def repeats() -> Iterator[str]:
    """Rows of few cases, sizes and backends, each of which comes again and again."""
    keys = [
        f"{case},{size},{backend}"
        for size in TABLE_SIZES
        for case in KINDS
        for backend in LIBRARIES
    ]
    return (
        f"{key},{seconds:.9f}\n"
        for seconds_of_pass in noise(len(keys))
        for key, seconds in zip(keys, seconds_of_pass, strict=True)
    )


def distinct() -> Iterator[str]:
    """Rows of ever larger sizes."""
    times: Iterable[float] = (seconds for block in noise(1000) for seconds in block)
    keys = (
        f"{case},{size},{backend}" for size in count(1) for case in KINDS for backend in LIBRARIES
    )
    return (f"{key},{seconds:.9f}\n" for key, seconds in zip(keys, times, strict=False))


def noise(number: int) -> Iterator[list[float]]:
    """So many times in seconds, again and again."""
    random = np.random.default_rng(1)
    while True:
        yield np.exp(0.1 * random.standard_normal(number) - 7).tolist()


def many_machines() -> Iterator[str]:
    """Read, show and export a fleet's results, each in a fresh process."""
    # asv imports every module here, without what only tests have.
    from tests.many_machines import many_machines as fleet

    with tempfile.TemporaryDirectory() as folder:
        results = fleet(Path(folder) / "results", FLEET_MACHINES, FLEET_ROWS)
        for number, (what, program, most_seconds, most_megabytes) in enumerate(FLEET_PARTS):
            name = f"{FLEET_MACHINES} machines, {FLEET_MACHINES * FLEET_ROWS:,} rows: {what}"
            arguments = (results, Path(folder) / str(number))
            yield cost_line(name, program, arguments, most_seconds, most_megabytes)


def cost_line(
    what: str,
    program: str,
    arguments: tuple[Path, ...],
    most_seconds: float,
    most_megabytes: float,
) -> str:
    """Run a program in a fresh process; return what it cost, and the targets."""
    done = subprocess.run(
        [sys.executable, "-c", AROUND.format(program=program), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
        return f"{what}: {reason}: MISSED"
    seconds, megabytes = map(float, done.stdout.split()[:2])
    reached = seconds <= most_seconds and megabytes <= most_megabytes
    return (
        f"{what}, {int(done.stdout.split()[2]):,} read: {seconds:.3g} s of CPU "
        f"(target {most_seconds:g}), {megabytes:.0f} MB (target {most_megabytes:g}): "
        f"{'reached' if reached else 'MISSED'}"
    )


if __name__ == "__main__":
    for line in lines():
        print(line, flush=True)
