"""Shared by the scripts here: measuring in fresh processes, busy processes, lines for targets."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from perceptron.measure.job import Extra, Outcome, Time
from perceptron.measure.launch import run_job
from perceptron.problems.problem import DType
from perceptron.records.measurement import ExtraName

ROOT = Path(__file__).parents[1]
# They make OpenBLAS use another processor's kernels; one without the other gives a mixture.
STEERING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
# An undecided answer is a result too.
INCONCLUSIVE = 3
# A busy process looks for its parent now and then, and ends with it.
_SPIN = """
import os, sys
while os.getppid() == int(sys.argv[1]):
    for _ in range(1_000_000):
        pass
"""


def unsteer() -> None:
    """Remove variables that steer OpenBLAS from the environment; print which were set."""
    for name in STEERING:
        if os.environ.pop(name, None) is not None:
            print(f"{name} was set: not for what is measured", file=sys.stderr)


def measured(
    name: str, problem: str, dtype: DType, threads: int = 1, extra: ExtraName | None = None
) -> Outcome:
    """Return the outcome of a job in a fresh process; exit with an error if it fails."""
    about: dict[str, Any] = {
        "problem": problem,
        "backend": name,
        "dtype": dtype,
        "threads": threads,
        "samples": 5,
        "minimum_seconds": 0.02,
    }
    job = Time(**about) if extra is None else Extra(**about, extra=extra)
    outcome = run_job(job)
    if outcome.status != "ok":
        raise SystemExit(f"error: {name} on {problem}: {outcome.reason}")
    return outcome


@contextmanager
def busy_neighbour(number: int) -> Iterator[None]:
    """Run ``number`` spinning processes during the block, each keeping a core busy."""
    command = [sys.executable, "-c", _SPIN, str(os.getpid())]
    processes = [subprocess.Popen(command) for _ in range(number)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def report_line(what: str, values: Sequence[float], most: float, unit: str = "") -> str:
    """Return a line with the median, the range if there are several values, and the target."""
    median = statistics.median(values)
    verdict = "reached" if median <= most else "MISSED"
    spread = f" [{min(values):.3g}, {max(values):.3g}]" if len(values) > 1 else ""
    return f"{what}: {median:.3g}{spread}{unit} (at most {most:g}): {verdict}"
