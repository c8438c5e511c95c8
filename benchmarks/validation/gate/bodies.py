"""What the proof's suite measures: copied into a repository of its own, and changed there.

Each body does `UNITS` equal units of work, so a head that does 101 instead of 100 is 1 % slower by
count, not by calibration; what a call costs beside its units is all that is missing. Each varies in
its own way: NumPy calls, bytecode, memory and exponentials, BLAS on all its threads, hashing,
inputs that are drawn anew by every process, imports, allocation.

Two more bodies change in what no count sees: `gather` in its order in memory, `waiting` in how long
it waits.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import random
import sys
import threading
import time
from collections.abc import Sequence
from operator import attrgetter
from types import ModuleType, SimpleNamespace

import numpy as np

UNITS = 100

ROWS, FEATURES = 128, 32
_random = np.random.default_rng(1)
INPUTS = _random.random((ROWS, FEATURES), dtype=np.float32)
TARGETS = _random.random((ROWS, 1), dtype=np.float32)
EXPONENTS = _random.random(2**15, dtype=np.float32)
OUT = np.empty_like(EXPONENTS)
SQUARE = _random.random((80, 80), dtype=np.float32)
NAMES = [f"name-{number}" for number in range(200)]
# Of each process, unless who runs it seeds what it draws from.
FLOATS = [random.random() for _ in range(200)]
POINTS = [SimpleNamespace(x=random.random()) for _ in range(60)]
SOURCE = "import sys\n\nLIMIT = 3\n\n\ndef double(x):\n    return min(2 * x, LIMIT)\n"

# Of a table of 64 MiB, how many values are gathered, from how many, how far apart, and how often
# they are multiplied.
TABLE, GATHERED = 2**24, 2**19
SPAN, STRIDE, PASSES = 2**20, 16_411, 1
NAP = 0.0005
HELD = 0.0005


def training() -> None:
    """Train one sigmoid unit under the squared error."""
    weights = np.zeros((FEATURES, 1), dtype=np.float32)
    for _ in range(UNITS):
        outputs = 1 / (1 + np.exp(-(INPUTS @ weights)))
        error = outputs - TARGETS
        delta = error * outputs * (1 - outputs)
        weights -= 0.01 * (INPUTS.T @ delta)


def python() -> None:
    """Add in a loop."""
    for _ in range(UNITS):
        total = 0.0
        for number in range(500):
            total += 0.5 * number


def exponential() -> None:
    """Exponentiate 128 KiB."""
    for _ in range(UNITS):
        np.exp(EXPONENTS, out=OUT)


def product() -> None:
    """Multiply small matrices."""
    for _ in range(UNITS):
        SQUARE @ SQUARE


def dictionary() -> None:
    """Build a dictionary of strings and look them up."""
    for _ in range(UNITS):
        lengths = {name: len(name) for name in NAMES}
        sum(lengths[name] for name in NAMES)


def sorting() -> None:
    """Sort floats, and objects by a key."""
    for _ in range(UNITS):
        sorted(FLOATS)
        sorted(POINTS, key=attrgetter("x"))


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds one module, whose source is in memory."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        is_ours = fullname == "proof_imported"
        return importlib.util.spec_from_loader(fullname, self) if is_ours else None

    def get_source(self, fullname: str) -> str:
        return SOURCE


def importing() -> None:
    """Import a small module, compiled from its source each time."""
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    for _ in range(UNITS):
        sys.modules.pop("proof_imported", None)
        importlib.import_module("proof_imported")
    sys.meta_path.remove(finder)


def allocation() -> None:
    """Allocate many small things and one large one."""
    for _ in range(UNITS):
        small: list[object] = [bytes(16 * size) for size in range(40)]
        small += [[None] * size for size in range(40)]
        small += [np.empty(size) for size in range(10)]
        np.empty(2**16)


class _Table:
    """What `gather` reads, made by its setup: no other benchmark pays for it."""

    values = np.empty(0, dtype=np.float32)
    order = np.empty(0, dtype=np.int64)

    @classmethod
    def fill(cls) -> None:
        if not len(cls.values):
            cls.values = np.ones(TABLE, dtype=np.float32)
            cls.order = np.arange(GATHERED) * STRIDE % SPAN


def prepare_gather() -> None:
    """Fill the table, once in a process."""
    _Table.fill()


def gather() -> None:
    """Add up values from all over a table."""
    values = _Table.values.take(_Table.order)
    for _ in range(PASSES):
        values *= 0.5
    values.sum()


class _Holder:
    """A thread that takes a lock whenever it is asked to."""

    lock = threading.Lock()
    asked = threading.Semaphore(0)
    taken = threading.Semaphore(0)
    thread: threading.Thread | None = None

    @classmethod
    def start(cls) -> None:
        if cls.thread is None:
            cls.thread = threading.Thread(target=cls._hold, daemon=True)
            cls.thread.start()

    @classmethod
    def _hold(cls) -> None:
        while True:
            cls.asked.acquire()
            with cls.lock:
                cls.taken.release()
            time.sleep(HELD)


def prepare_waiting() -> None:
    """Start the other thread, once in a process."""
    _Holder.start()


def waiting() -> None:
    """Wait for a lock, nap, and add a little."""
    _Holder.asked.release()
    _Holder.taken.acquire()
    with _Holder.lock:
        time.sleep(NAP)
    for _ in range(UNITS):
        sum(range(2000))
