"""What others measured, in hundreds of cases: how long its pages take, and how large they are.

``python -m benchmarks.pages_of_many_cases``; part of ``make targets``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

SECONDS = "s of CPU"
MOST_SECONDS = 10.0
MOST_MEGABYTES = 5.0


def lines() -> Iterator[str]:
    """Judge a table of many cases with and without pages, and weigh what was written."""
    # asv imports every module here, without what only tests have.
    from tests.many import CASES, many

    with tempfile.TemporaryDirectory() as folder:
        table = many(Path(folder) / "times.csv")
        html = Path(folder) / "html"
        what = f"{CASES} cases"
        yield report_line(f"{what}: document", judged(table, "--json"), MOST_SECONDS, SECONDS)
        yield report_line(
            f"{what}: page", judged(table, "--html", str(html)), MOST_SECONDS, SECONDS
        )
        yield report_line(f"{what}: page", megabytes(html), MOST_MEGABYTES, "MB")


def judged(table: Path, *options: str) -> float:
    """CPU seconds of `perceptron crossover --from`, its start included: those of one quiet core."""
    command = [sys.executable, "-m", "perceptron", "crossover", "--from", str(table), *options]
    folder = ["--results", str(table.parent / "none")]
    before = os.times()
    subprocess.run([*command, *folder], stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    return (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )


def megabytes(html: Path) -> float:
    """Size of a dashboard but for plotly's script, which every dashboard has."""
    files = (file for file in html.rglob("*") if file.is_file() and file.name != "plotly.min.js")
    return sum(file.stat().st_size for file in files) / 1e6


def report_line(what: str, value: float, most: float, unit: str) -> str:
    """One line: what was reached, and the target."""
    verdict = "reached" if value <= most else "MISSED"
    return f"{what}: {value:.3g} {unit} (at most {most:g}): {verdict}"


if __name__ == "__main__":
    for line in lines():
        print(line)
