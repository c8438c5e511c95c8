"""What others measured, in large numbers: how long judging it and writing its pages take.

``python -m benchmarks.foreign_results``; part of ``make targets``. Seconds are of CPU time, the
start of the command included: those of one quiet core.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ASV_FILES, MOST_ASV_SECONDS = 270, 3.0
PYTEST_FILES, MOST_PYTEST_SECONDS = 10_000, 30.0
SIZES, MOST_SIZES_SECONDS = 40_000, 10.0
BACKENDS, MOST_PAIRS_SECONDS = 40, 10.0
MOST_CASES_SECONDS = 10.0


def lines() -> Iterator[str]:
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
        pairs = many.many(folder / "pairs.csv", cases=1, sizes=20, backends=BACKENDS, ratio=2.0)
        number = BACKENDS * (BACKENDS - 1) // 2
        yield seconds_line(f"{number} pairs of {BACKENDS} backends", pairs, MOST_PAIRS_SECONDS)
        yield from pages(folder)


def pages(folder: Path) -> Iterator[str]:
    """Judge a table of many cases with and without pages."""
    from tests import many

    table, html = many.many(folder / "cases.csv"), folder / "html"
    what = f"{many.CASES} cases"
    yield seconds_line(f"{what}: document", table, MOST_CASES_SECONDS)
    seconds = judged(table, "--html", str(html))
    yield report_line(f"{what}: page", seconds, MOST_CASES_SECONDS)


def seconds_line(what: str, source: Path, most: float) -> str:
    """Judge a source without a page; return its line."""
    return report_line(what, judged(source, "--json"), most)


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


def report_line(what: str, value: float, most: float) -> str:
    """One line: what was reached, and the target."""
    verdict = "reached" if value <= most else "MISSED"
    return f"{what}: {value:.3g} s of CPU (at most {most:g}): {verdict}"


if __name__ == "__main__":
    for line in lines():
        print(line, flush=True)
