"""Tables of 200 MB: what reading them takes, beside its targets.

``python -m benchmarks.large_tables``; part of ``make targets``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from itertools import count, islice
from pathlib import Path

import numpy as np

CSV_BYTES = 200_000_000
MOST_CSV_SECONDS = 60.0
MOST_CSV_MEGABYTES = 1024.0

HEADER = "case,size,backend,device,seconds\n"
CASES = ("matrix multiplication", "convolution", "attention", "layer normalisation", "sort")
BACKENDS = ("numpy,cpu", "torch,cpu", "torch,cuda", "jax,cpu", "jax,cuda", "cupy,cuda")
SIZES = [2**power for power in range(4, 16)]

# The peak that the system knows of this process alone: that of a child begins with its parent's.
LOAD = """
import sys, time, warnings
warnings.simplefilter("ignore")
from perceptron.records.readers.sources import load_measurements
rows = load_measurements(sys.argv[1])
status = open("/proc/self/status").read()
print(time.process_time(), int(status.partition("VmHWM:")[2].split()[0]) / 1024, len(rows))
"""


def lines() -> Iterator[str]:
    """Write each file, and load it in a fresh process."""
    yield csv_line("repeats of 360 cases", repeats())
    yield csv_line("no two rows alike", distinct())


def csv_line(what: str, rows: Iterator[str]) -> str:
    """Load a CSV file that begins with these rows; return its line."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "large.csv"
        in_file = write(file, rows)
        result = subprocess.run(
            [sys.executable, "-c", LOAD, str(file)], capture_output=True, text=True, check=False
        )
    name = f"a CSV of {CSV_BYTES / 1e6:.0f} MB, {in_file:,} rows, {what}"
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or [f"exit {result.returncode}"])[-1]
        return f"{name}: not read: {reason}: MISSED"
    seconds, megabytes, kept = result.stdout.split()
    return report_line(f"{name}, {int(kept):,} kept", float(seconds), float(megabytes))


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
    keys = [f"{case},{size},{backend}" for size in SIZES for case in CASES for backend in BACKENDS]
    return (
        f"{key},{seconds:.9f}\n"
        for seconds_of_pass in noise(len(keys))
        for key, seconds in zip(keys, seconds_of_pass, strict=True)
    )


def distinct() -> Iterator[str]:
    """Rows of ever larger sizes."""
    times: Iterable[float] = (seconds for block in noise(1000) for seconds in block)
    keys = (
        f"{case},{size},{backend}" for size in count(1) for case in CASES for backend in BACKENDS
    )
    return (f"{key},{seconds:.9f}\n" for key, seconds in zip(keys, times, strict=False))


def noise(number: int) -> Iterator[list[float]]:
    """So many times in seconds, again and again."""
    random = np.random.default_rng(1)
    while True:
        yield np.exp(0.1 * random.standard_normal(number) - 7).tolist()


def report_line(what: str, seconds: float, megabytes: float) -> str:
    """One line: what was reached, and the targets."""
    reached = seconds <= MOST_CSV_SECONDS and megabytes <= MOST_CSV_MEGABYTES
    return (
        f"{what}: {seconds:.3g} s of CPU (target {MOST_CSV_SECONDS:g}), {megabytes:.0f} MB "
        f"(target {MOST_CSV_MEGABYTES:g}): {'reached' if reached else 'MISSED'}"
    )


if __name__ == "__main__":
    for line in lines():
        print(line, flush=True)
