"""Naming foreign rows once all are there: by what tells them apart, and by nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from perceptron.records.readers.foreign import ForeignRow

Runs = Sequence[Sequence[ForeignRow]]


def named(runs: Runs) -> list[list[ForeignRow]]:
    """The same rows with families and backends as the suite names them; its own are as they were.

    A family is the benchmark's name, in full where one run has two of that name, and in brackets
    those other parameters that tell rows of equal size and backend apart. A backend of a table
    that states several devices for it is ``backend:device``.
    """
    return _by_device(_by_parameters(_in_full(runs)))


def _in_full(runs: Runs) -> list[list[ForeignRow]]:
    """Two files of tests may each have a ``test_add``; one test in two runs has one name."""
    full: dict[str, set[str]] = defaultdict(set)
    for run in runs:
        here: dict[str, set[str]] = defaultdict(set)
        for seen in run:
            if seen.name:
                here[seen.row.family].add(seen.name)
        for family, names in here.items():
            if len(names) > 1:
                full[family] |= names
    return [
        [_renamed(seen, seen.name) if seen.name in full[seen.row.family] else seen for seen in run]
        for run in runs
    ]


def _by_parameters(runs: Runs) -> list[list[ForeignRow]]:
    families: dict[str, list[ForeignRow]] = defaultdict(list)
    for run in runs:
        for seen in run:
            if seen.others:
                families[seen.row.family].append(seen)
    telling = {family: _telling(members) for family, members in families.items()}
    return [[_in_brackets(seen, telling.get(seen.row.family, [])) for seen in run] for run in runs]


def _telling(members: list[ForeignRow]) -> list[str]:
    """The parameters, in order, each of which tells apart what those before it do not."""
    keys: list[tuple[object, ...]] = [(seen.row.size, seen.row.backend) for seen in members]
    chosen = []
    for name in dict.fromkeys(name for seen in members for name in seen.others):
        finer = [(*key, seen.others.get(name)) for key, seen in zip(keys, members, strict=True)]
        if len(set(finer)) > len(set(keys)):
            chosen.append(name)
            keys = finer
    return chosen


def _in_brackets(seen: ForeignRow, telling: Iterable[str]) -> ForeignRow:
    told = [f"{name}={seen.others[name]}" for name in telling if name in seen.others]
    return _renamed(seen, f"{seen.row.family}[{', '.join(told)}]") if told else seen


def _renamed(seen: ForeignRow, family: str) -> ForeignRow:
    # It is no longer a family that can be measured again by its name.
    return replace(seen, row=replace(seen.row, family=family, problem=None))


def _by_device(runs: Runs) -> list[list[ForeignRow]]:
    devices: dict[str, set[str]] = defaultdict(set)
    for run in runs:
        for seen in run:
            if seen.row.source == "csv" and seen.row.device is not None:
                devices[seen.row.backend].add(seen.row.device)
    several = {backend for backend, found in devices.items() if len(found) > 1}
    return [[_on_device(seen, several) for seen in run] for run in runs]


def _on_device(seen: ForeignRow, several: set[str]) -> ForeignRow:
    row = seen.row
    if row.source != "csv" or row.device is None or row.backend not in several:
        return seen
    return replace(seen, row=replace(row, backend=f"{row.backend}:{row.device}"))
