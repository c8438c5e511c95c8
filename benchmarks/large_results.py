"""Results in large numbers: the times of reading them and of writing pages, beside their targets.

``python -m benchmarks.large_results``; part of ``make targets``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from pathlib import Path

from msgspec.structs import replace

from benchmarks.shared import report_line

# The dashboard of 20 machines, 500 commits and 10,000 files of asv's.
MACHINES = 20
COMMITS = 500
OPENED = 5
# For each page that is opened, an element that is there when it can be read.
CONTENT = {
    "index": "footer",
    "crossover": "#view svg",
    "machines": "#tables tbody td",
    "raw": "#tables tbody td",
}

# A run of a million rows: ten sizes, on three backends, in 33,333 processes with 20 samples each.
RUN_SIZES, RUN_SAMPLES = 10, 20
ROWS = 1_000_000
# Many sizes: of each four processes, on two backends.
MANY_SIZES_ROWS = 100_000

# A fleet's results: 200 machines with 30 runs each, a million rows.
FLEET_MACHINES = 200
FLEET_RUNS = 30

LOAD = "import sys, perceptron; perceptron.load_results(sys.argv[1])"
PAGES = """
import sys
from pathlib import Path
from perceptron.questions.answering import collect
from perceptron.report.dashboard.write import write_site
write_site(Path(sys.argv[2]), collect(Path(sys.argv[1])))
"""
CROSSOVER = """
import sys
from perceptron.questions.crossover.from_files import read_files
read_files([sys.argv[1]], [], [])
"""


def lines() -> Iterator[str]:
    """Yield a line for each target."""
    for part in (dashboards, one_run, many_sizes, many_machines):
        with tempfile.TemporaryDirectory() as folder:
            yield from part(Path(folder))


def dashboards(folder: Path) -> Iterator[str]:
    """Build pages, and time each in a fresh window, from the request to its first content."""
    # asv imports every module here, without what only tests have.
    from tests.browser.conftest import ARGUMENTS, chromium
    from tests.plenty import plenty

    results, html = folder / "results", folder / "html"
    plenty(results / "asv", machines=MACHINES, commits=COMMITS)
    title = f"{MACHINES * COMMITS:,} results of {MACHINES} machines: pages"
    missing = str(results / "none")
    options = ["--results", str(results), "--html", str(html), "--config", missing]
    yield cost_line(title, ["-m", "perceptron", "dashboard", *options], 60.0)
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


def one_run(folder: Path) -> Iterator[str]:
    """Read and show a run of very many rows, and judge it as a file of results."""
    sizes = [2**k for k in range(2, 2 + RUN_SIZES)]
    results = _run(folder / "results", sizes, ("numpy", "torch-cpu", "torch-cuda"), ROWS)
    programs = {"load_results": LOAD, "pages": PAGES, "crossovers from it": CROSSOVER}
    yield from _costs(f"a run of {ROWS:,} rows", programs, results, folder)


def many_sizes(folder: Path) -> Iterator[str]:
    """Show a run over very many sizes."""
    sizes = list(range(2, 2 + MANY_SIZES_ROWS // 8))
    results = _run(folder / "results", sizes, ("numpy", "torch-cpu"), MANY_SIZES_ROWS)
    yield from _costs(f"a run over {len(sizes):,} sizes", {"pages": PAGES}, results, folder)


def many_machines(folder: Path) -> Iterator[str]:
    """Read and show a fleet's results."""
    # asv imports every module here, without what only tests have.
    from tests.made_fleet import made_fleet

    results = made_fleet(folder / "results", FLEET_MACHINES, processes=8, runs=FLEET_RUNS)
    title = f"{FLEET_MACHINES} machines, {FLEET_RUNS} runs each"
    yield from _costs(title, {"load_results": LOAD, "pages": PAGES}, results, folder)


def _costs(what: str, programs: Mapping[str, str], results: Path, folder: Path) -> Iterator[str]:
    for name, program in programs.items():
        arguments = ["-c", program, str(results), str(folder / name)]
        yield cost_line(f"{what}: {name}", arguments, 60.0, 1536.0)


def _run(results: Path, sizes: Sequence[int], backends: Sequence[str], rows: int) -> Path:
    """Write a run of `bench`; return the folder of results."""
    # asv imports every module here, without what only tests have.
    from tests.made import BENCH, keep, line

    processes = rows // (len(sizes) * len(backends))
    rows_made = line("mlp-width", backends, sizes=sizes, processes=processes)
    keep(
        results,
        BENCH | {"families": ["mlp-width"]},
        [replace(row, samples=_samples(row.seconds)) for row in rows_made],
    )
    return results


def _samples(seconds: float | None) -> list[float]:
    return [(seconds or 0.0) * (1 + number / 1000) for number in range(RUN_SAMPLES)]


def cost_line(
    what: str, arguments: Sequence[str], most_seconds: float, most_megabytes: float = inf
) -> str:
    """Run Python in a fresh process; return its CPU time and memory beside the targets."""
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        return f"{what}: exit {process.returncode}: MISSED"
    seconds, megabytes = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    reached = seconds <= most_seconds and megabytes <= most_megabytes
    memory_text = (
        "" if most_megabytes == inf else f", {megabytes:.0f} MB (at most {most_megabytes:g})"
    )
    return (
        f"{what}: {seconds:.3g} s of CPU (at most {most_seconds:g}){memory_text}: "
        f"{'reached' if reached else 'MISSED'}"
    )


if __name__ == "__main__":
    for line in lines():
        print(line, flush=True)
