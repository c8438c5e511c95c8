"""What other projects measured, made up, in numbers that nobody could look at one by one.

``python -m tests.many FILE.csv`` writes one to look at.
"""

from __future__ import annotations

import json
import sys
from math import exp, log
from pathlib import Path
from typing import Any

import numpy as np

CASES = 686
SIZES = 6
BACKENDS = 4
# How many times as long a backend takes at the largest size as at the smallest.
_GROWTH = 200.0


def many(
    file: Path,
    cases: int = CASES,
    sizes: int = SIZES,
    backends: int = BACKENDS,
    crossing: float = 0.5,
    ratio: float = 4.0,
    seed: int = 1,
) -> Path:
    """Write a table of cases, of which the share ``crossing`` has backends that change places.

    In the others ``backend-0`` is the fastest at every size and each later one slower. Cases are
    called ``case-000`` and so on; those that cross come last. ``ratio`` is that of one size to the
    one before.
    """
    random = np.random.default_rng(seed)
    lines = ["case,size,backend,seconds"]
    largest = ratio ** (sizes - 1)
    for case in range(cases):
        crosses = case >= cases * (1 - crossing)
        apart = 1.2 + case / cases  # the later a case, the further its backends are apart
        for backend in range(backends):
            start = 1e-5 * apart**backend
            end = _GROWTH * (1e-5 * apart**-backend if crosses else start)
            for step in range(sizes):
                size = ratio**step
                seconds = start * exp(log(end / start) * log(size) / log(largest))
                noise = exp(0.005 * random.standard_normal())
                lines.append(f"case-{case:03d},{size:.12g},backend-{backend},{seconds * noise:.6g}")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def pytest_files(folder: Path, files: int) -> Path:
    """Write so many runs of pytest-benchmark's: two libraries at five sizes, one test."""
    random = np.random.default_rng(1)
    folder.mkdir()
    for number in range(files):
        benchmarks = [
            _pytest_benchmark(library, size, 1e-6 * size**power * exp(0.1 * random.normal()))
            for size in (10, 100, 1000, 10_000, 100_000)
            for library, power in (("numpy", 0.9), ("torch", 0.7))
        ]
        document = {
            "machine_info": {
                "node": "box",
                "python_version": "3.11.7",
                "cpu": {"flags": ["x"] * 99},
            },
            "commit_info": {"id": "0" * 40, "time": "2026-01-01T00:00:00+00:00", "dirty": False},
            "benchmarks": benchmarks,
            "datetime": "2026-01-01T00:00:00+00:00",
            "version": "5.1.0",
        }
        (folder / f"{number:05d}.json").write_text(json.dumps(document, indent=4))
    return folder


def _pytest_benchmark(library: str, size: int, seconds: float) -> dict[str, Any]:
    name = f"test_sum[{library}-{size}]"
    stats = {"min": 0.9, "max": 2.0, "mean": 1.1, "median": 1.0, "q1": 0.95, "q3": 1.05, "iqr": 0.1}
    return {
        "name": name,
        "fullname": f"bench.py::{name}",
        "params": {"backend": library, "size": size},
        "extra_info": {},
        "stats": {**{key: seconds * factor for key, factor in stats.items()}, "rounds": 100},
    }


if __name__ == "__main__":
    many(Path(sys.argv[1]))
