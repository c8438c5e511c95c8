"""A fleet's results, 200 machines with 5,000 rows each: what reading, pages and an export take.

``python -m benchmarks.many_machines``; part of ``make targets``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

MACHINES = 200
ROWS = 5_000
MOST_MEGABYTES = 4096.0

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
PARTS = (
    ("load_results", LOAD, 10.0, MOST_MEGABYTES),
    ("pages", PAGES, 60.0, MOST_MEGABYTES),
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
    """Make the results once, and do each in a fresh process."""
    # asv imports every module here, without what only tests have.
    from tests.many_machines import many_machines

    with tempfile.TemporaryDirectory() as folder:
        results = many_machines(Path(folder) / "results", MACHINES, ROWS)
        for number, (what, program, most_seconds, most_megabytes) in enumerate(PARTS):
            name = f"{MACHINES} machines, {MACHINES * ROWS:,} rows: {what}"
            target = Path(folder) / str(number)
            command = [sys.executable, "-c", AROUND.format(program=program)]
            done = subprocess.run(
                [*command, str(results), str(target)], capture_output=True, text=True, check=False
            )
            if done.returncode:
                reason = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
                yield f"{name}: {reason}: MISSED"
                continue
            seconds, megabytes, rows = done.stdout.split()
            assert int(rows) == MACHINES * ROWS, "every row is there"
            yield report_line(name, float(seconds), float(megabytes), most_seconds, most_megabytes)


def report_line(
    what: str, seconds: float, megabytes: float, most_seconds: float, most_megabytes: float
) -> str:
    """One line: what was reached, and the targets."""
    reached = seconds <= most_seconds and megabytes <= most_megabytes
    return (
        f"{what}: {seconds:.3g} s of CPU (target {most_seconds:g}), {megabytes:.0f} MB "
        f"(target {most_megabytes:g}): {'reached' if reached else 'MISSED'}"
    )


if __name__ == "__main__":
    for line in lines():
        print(line, flush=True)
