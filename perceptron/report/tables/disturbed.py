"""A column that says how far what a row shows was disturbed, where there is something to say."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

from perceptron.analysis.disturbance import Disturbance, disturbance
from perceptron.numbers import NONE, rough_percent
from perceptron.records.measurement import Measurement

HEADING = "disturbed"
Key = TypeVar("Key", bound=Hashable)


def with_disturbed(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    disturbances: Iterable[Disturbance],
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return a table with one more column if any of its rows was disturbed, else as it is.

    ``disturbances`` are of its rows, in their order.
    """
    table, disturbances = [tuple(row) for row in rows], list(disturbances)
    if not any(each.disturbed or each.waited for each in disturbances):
        return tuple(columns), table
    cells = zip(table, map(disturbed, disturbances), strict=True)
    return (*columns, HEADING), [(*row, cell) for row, cell in cells]


def disturbed(of: Disturbance) -> str:
    """Return ``12 % of samples, 3 of 8 times waited``, or a dash where nothing is known."""
    if not of.times:
        return NONE
    share = f"{rough_percent(of.share) if of.disturbed else '0 %'} of samples"
    return f"{share}, {of.waited} of {of.times} times waited" if of.waited else share


def by_key(
    rows: Iterable[Measurement], key: Callable[[Measurement], Key]
) -> dict[Key, Disturbance]:
    """Add up the disturbance of whole iterations by a key."""
    groups: dict[Key, list[Measurement]] = {}
    for row in rows:
        if row.phase is None:
            groups.setdefault(key(row), []).append(row)
    return {name: disturbance(members) for name, members in groups.items()}
