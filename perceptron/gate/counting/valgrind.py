"""valgrind: its path, whether it can count, and how a program is started under it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from perceptron.errors import UserError
from perceptron.gate.sampling.processes import Instrument
from perceptron.machine import THREAD_VARIABLES
from perceptron.records.block import Side
from perceptron.records.comparison import Counting
from perceptron.records.warning import MeasurementWarning

# The first version that reads debug information of current compilers (DWARF 5), with which Pythons
# are built.
_OLDEST = (3, 18)
_SECONDS_TO_ANSWER = 20.0
_MACHINES = ("x86_64", "AMD64", "aarch64", "arm64")
# Threads that spin while they wait execute instructions according to their waiting time.
_ONE_THREAD = (*THREAD_VARIABLES, "NUMBA_NUM_THREADS")
# The limits of Python's own pools of small objects depend on chance, and cost a loop up to 24%
# more. malloc finds freed memory as fast anywhere, if it may keep all of it.
_MEMORY = {
    "PYTHONMALLOC": "malloc",
    "GLIBC_TUNABLES": "glibc.malloc.tcache_count=65535",
}
# It may name kernels that valgrind does not know and that would end the process.
_UNWANTED = ("OPENBLAS_CORETYPE",)
_COUNTS = "counts"
# Pages as heap: otherwise valgrind replaces malloc, whose instructions are then not counted.
_COUNTING = (
    "--tool=massif",
    "--time-unit=i",
    "--pages-as-heap=yes",
    "--depth=1",
    "--massif-out-file=/dev/null",
)
_PROFILING = ("--tool=callgrind", "--instr-atstart=no", "--dump-line=no")
# Longest predicted count of a benchmark, so that others are counted too.
_LONGEST_SECONDS = 30.0


@dataclass(frozen=True)
class Valgrind:
    """A valgrind that can count."""

    path: str
    version: str
    """As valgrind reports it: ``valgrind-3.24.0``."""

    def instrument(
        self, side: Side, folder: Path, padding: int = 0, kind: str = "count"
    ) -> Instrument:
        """Return the instrument of a program that counts, or profiles into ``folder``.

        It runs on one core, so that libraries use one thread. ``padding`` small objects are made
        before all others, to change the memory layout.
        """
        dumps = str(folder / _COUNTS)
        profiling = (*_PROFILING, f"--callgrind-out-file={dumps.replace('%', '%%')}.%p")
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        return Instrument(
            kind,
            (self.path, "--quiet", "--vgdb=no", *(_COUNTING if kind == "count" else profiling)),
            {**dict.fromkeys(_ONE_THREAD, "1"), **_MEMORY},
            {
                "dumps": dumps,
                "core": cores[(side == "head") % len(cores)] if cores else None,
                "padding": padding,
                "longest_seconds": _LONGEST_SECONDS,
            },
            _UNWANTED,
        )


def find(wanted: Counting) -> tuple[Valgrind | None, list[MeasurementWarning]]:
    """Return valgrind, if counting is wanted and valgrind can count, and warnings.

    Raises `UserError` if it cannot and ``wanted`` is ``always``.
    """
    if wanted == "never":
        return None, []
    try:
        return look_for_valgrind(), []
    except UserError as error:
        if wanted == "always":
            raise
        return None, [
            MeasurementWarning(
                code="not counted",
                message=f"instructions are not counted: {error}",
                advice="the clock alone judges; --count never does not say so",
            )
        ]


def look_for_valgrind() -> Valgrind:
    """Return the valgrind of this machine; raises `UserError` if it cannot count."""
    if platform.machine() not in _MACHINES or platform.system() != "Linux":
        raise UserError(
            f"--count: counting works on Linux on x86-64 and arm64, not on {platform.system()} "
            f"on {platform.machine()}"
        )
    path = shutil.which("valgrind")
    if path is None:
        raise UserError(
            "--count: valgrind is not installed: apt install valgrind, or its package elsewhere"
        )
    try:
        answer = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=_SECONDS_TO_ANSWER
        )
    except (OSError, subprocess.TimeoutExpired):
        raise UserError(f"--count: {path} cannot be started: install valgrind again") from None
    version = answer.stdout.strip()
    numbers = re.fullmatch(r"valgrind-(\d+)\.(\d+)\S*", version)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        raise UserError(
            f"--count: {path} says {version[:60]!r}: install valgrind {oldest} or later"
        )
    return Valgrind(path, version)
