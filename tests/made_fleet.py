"""A fleet, made up: machines that differ in speed, threads and where another backend wins.

``python -m tests.made_fleet FOLDER [MACHINES]`` writes a results folder to look at.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from msgspec.structs import replace

from perceptron.records.measurement import Measurement
from tests.made import BENCH, FACTS, SIZES, finding_rows, keep, line

NAMES = (
    "epyc-64",
    "epyc-128",
    "xeon-2core",
    "laptop",
    "graviton-16",
    "h100-a",
    "h100-b",
    "build-server-in-the-cellar",
)
FAMILIES = ("mlp-width", "perceptron-rows")


def machine_rows(
    index: int,
    families: Sequence[str] = FAMILIES,
    sizes: Sequence[float] = (*SIZES, 1024),
    processes: int = 4,
) -> list[Measurement]:
    """What the machine of this number measured: the first is the fastest.

    A machine with ``h100`` in its name has torch-cuda, and those with an even number two threads,
    the others one.
    """
    cuda = "h100" in name_of(index)
    backends = ("numpy", "torch-cpu", *(("torch-cuda",) if cuda else ()))
    rows = [
        row for name in families for row in line(name, backends, sizes=sizes, processes=processes)
    ]
    names = ("numpy-published", "numpy", "torch-cpu")
    times = zip(names, (8e-6, 7e-6, 65e-6), strict=True)
    rows += finding_rows(*times)
    slower = 1.0 + 0.35 * index
    threads = 1 + (index + 1) % 2
    return [
        replace(
            row,
            seconds=None if row.seconds is None else row.seconds * slower,
            threads=threads,
            processes=1,
            axes=("width",) if row.family == "mlp-width" else ("rows",),
        )
        for row in rows
    ]


def name_of(index: int) -> str:
    return NAMES[index] if index < len(NAMES) else f"node-{index:03d}"


def made_fleet(
    results: Path, machines: int = len(NAMES), processes: int = 4, runs: int = 1
) -> Path:
    """Write runs of the main job on each machine, of a commit and a month each."""
    for index, number in product(range(machines), range(runs)):
        name = name_of(index)
        keep(
            results,
            BENCH | {"families": list(FAMILIES)},
            machine_rows(index, processes=processes),
            machine=name,
            folder=name,
            started=f"{2026 + number // 12}-{1 + number % 12:02d}-{1 + index % 28:02d}T00:00:00Z",
            commit=f"abc{number or ''}",
            facts=replace(FACTS, cpu=f"Abacus {3000 + index}"),
        )
    return results


if __name__ == "__main__":
    made_fleet(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else len(NAMES))
