"""The families of a sweep, and the sizes of a quick one."""

from __future__ import annotations

from collections.abc import Iterable

from perceptron.backends import registry
from perceptron.backends.accelerators.protocol import accelerator_of
from perceptron.problems.cost import bytes_moved, operations
from perceptron.problems.families import FAMILIES, Family, Size
from perceptron.problems.problem import Problem

LINES = tuple(name for name, family in FAMILIES.items() if len(family.axes) == 1)
"""Families along one axis; the others are maps."""

# They ask how a feed or a width changes what `mlp-batch` answers, or about many models, and
# would take its time.
_WHEN_NAMED = ("mlp-batch-host", "mlp-width-adam", "many-or-gates", "many-mlps")

SWEEP = tuple(name for name in LINES if name not in _WHEN_NAMED)
"""Families that are measured unless others are named."""

QUICK_BYTES = 16 * 2**20
"""Largest problem of quick mode, by the memory traffic of one iteration in float32, where nothing
but a CPU trains: there what is larger wins or loses as that does."""

# Longest iteration of quick mode where a device trains as well, which wins at large sizes. That is
# on the CPU, which has to train them too; at ten iterations a process they take seconds in all.
_QUICK_SECONDS = 0.03
# What one server CPU gave NumPy at such sizes: 6 to 8 GB/s, or 55 to 75 Gop/s in products.
_BYTES_PER_SECOND, _OPERATIONS_PER_SECOND = 6e9, 5e10


def quick_sizes(family: Family, backends: Iterable[str]) -> tuple[Size, ...]:
    """Return the sizes of a family that are worth their time in a quick look at these backends."""
    with_device = any(map(_trains_on_a_device, backends))
    return tuple(size for size in family.sizes if _is_quick(family.problem(*size), with_device))


def _is_quick(problem: Problem, with_device: bool) -> bool:
    moved = bytes_moved(problem, "float32")
    if not with_device:
        return moved <= QUICK_BYTES
    seconds = max(moved / _BYTES_PER_SECOND, operations(problem) / _OPERATIONS_PER_SECOND)
    return seconds <= _QUICK_SECONDS


def _trains_on_a_device(name: str) -> bool:
    """Return whether a backend trains on a device that is here, or that the CPU stands in for."""
    accelerator = accelerator_of(registry.load(name))
    return accelerator is not None and registry.reason_unavailable(name) is None
