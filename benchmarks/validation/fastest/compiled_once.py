"""What a process compiles once, for all that it trains, is no part of one training.

Numba compiles its loop for the first training of a process, in seconds, and all later ones of the
kind find it there. Which training that was is a matter of the order in which a run took them. Like
an import, which a process has once too, it is left out; what is compiled for each training stays.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from statistics import median

from msgspec.structs import replace

from perceptron.records.measurement import Measurement

# The first preparing of a kind is that if it took so many times as long as any other one.
_MANY_TIMES = 10.0
_FEWEST_OTHERS = 2


def without_compiled_once(rows: Iterable[Measurement]) -> list[Measurement]:
    """Return the rows, those of first trainings with the preparing that later ones of a kind have.

    Rows are in the order in which they were measured, as a run keeps them.
    """
    rows = list(rows)
    kinds: dict[Hashable, list[int]] = {}
    for index, row in enumerate(rows):
        if row.prepare_seconds is not None:
            kind = (row.backend, row.process, row.dtype, row.threads, row.all_models > 1)
            kinds.setdefault(kind, []).append(index)
    for first, *others in kinds.values():
        later = [rows[index].prepare_seconds or 0.0 for index in others]
        if _was_compiled(rows[first].prepare_seconds or 0.0, later):
            rows[first] = replace(rows[first], prepare_seconds=median(later))
    return rows


def _was_compiled(first: float, later: Sequence[float]) -> bool:
    return len(later) >= _FEWEST_OTHERS and first > _MANY_TIMES * max(later)
