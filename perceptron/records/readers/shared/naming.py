"""Name foreign rows once all of them are read: by what tells them apart and nothing else."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import count

from msgspec.structs import replace

from perceptron.records.readers.shared.foreign_rows import ForeignRow

Runs = Sequence[Sequence[ForeignRow]]


def name_rows(runs: Runs) -> list[list[ForeignRow]]:
    """Return the rows with families and backends as the suite names them; its own are unchanged.

    A family is the benchmark's name, in full where one run has two of that name, and in brackets
    those other parameters that tell rows of equal size and backend apart. A backend of a table
    that states several devices for it, or one for some of its rows, is ``backend:device`` where it
    is stated.
    """
    return _by_device(_by_parameters(_in_full(runs)))


def _in_full(runs: Runs) -> list[list[ForeignRow]]:
    """Use full names where two files of tests each have a ``test_add`` in one run."""
    full: dict[str, set[str]] = defaultdict(set)
    for run in runs:
        names_here: dict[str, set[str]] = defaultdict(set)
        for foreign in run:
            if foreign.name:
                names_here[foreign.row.family].add(foreign.name)
        for family, names in names_here.items():
            if len(names) > 1:
                full[family] |= names
    if not full:  # as of our own rows, of which there may be a million
        return [list(run) for run in runs]
    return [
        [
            _renamed(foreign, foreign.name) if foreign.name in full[foreign.row.family] else foreign
            for foreign in run
        ]
        for run in runs
    ]


def _by_parameters(runs: Runs) -> list[list[ForeignRow]]:
    families: dict[str, list[ForeignRow]] = defaultdict(list)
    for run in runs:
        for foreign in run:
            if foreign.others:
                families[foreign.row.family].append(foreign)
    if not families:
        return [list(run) for run in runs]
    telling = {
        family: {name: rank for rank, name in enumerate(_telling(members))}
        for family, members in families.items()
    }
    return [
        [_in_brackets(foreign, telling.get(foreign.row.family, {})) for foreign in run]
        for run in runs
    ]


def _telling(members: list[ForeignRow]) -> list[str]:
    """Return the parameters, in order, that each tell apart what those before them do not."""
    holders: dict[str, list[int]] = defaultdict(list)
    for index, foreign in enumerate(members):
        for name in foreign.others:
            holders[name].append(index)
    # Rows that nothing chosen so far tells apart are a group. Only rows that have a parameter are
    # looked at; those without it stay together.
    numbers: dict[tuple[float, str], int] = {}
    groups = [
        numbers.setdefault((foreign.row.size, foreign.row.backend), len(numbers))
        for foreign in members
    ]
    lengths = Counter(groups)
    unused = count(len(numbers))
    chosen = []
    for name, indices in holders.items():
        parts: dict[tuple[int, str], list[int]] = defaultdict(list)
        for index in indices:
            parts[groups[index], members[index].others[name]].append(index)
        apart = [(group, part) for (group, _), part in parts.items() if len(part) < lengths[group]]
        for (group, part), number in zip(apart, unused, strict=False):
            for index in part:
                groups[index] = number
            lengths[group] -= len(part)
            lengths[number] = len(part)
        if apart:
            chosen.append(name)
    return chosen


def _in_brackets(foreign: ForeignRow, telling: Mapping[str, int]) -> ForeignRow:
    names = sorted(foreign.others.keys() & telling.keys(), key=telling.__getitem__)
    shown = [f"{name}={foreign.others[name]}" for name in names]
    return _renamed(foreign, f"{foreign.row.family}[{', '.join(shown)}]") if shown else foreign


def _renamed(foreign: ForeignRow, family: str) -> ForeignRow:
    # It is no longer a family that can be measured again by its name.
    return replace(foreign, row=replace(foreign.row, family=family, problem=None))


def _by_device(runs: Runs) -> list[list[ForeignRow]]:
    # Rows that state no device may be of any: they must not be taken for those that do.
    devices: dict[str, set[str | None]] = defaultdict(set)
    for run in runs:
        for foreign in run:
            if foreign.row.source == "csv":
                devices[foreign.row.backend].add(foreign.row.device)
    several = {backend for backend, devices_of in devices.items() if len(devices_of) > 1}
    if not several:
        return [list(run) for run in runs]
    return [[_on_device(foreign, several) for foreign in run] for run in runs]


def _on_device(foreign: ForeignRow, several: set[str]) -> ForeignRow:
    row = foreign.row
    if row.source != "csv" or row.device is None or row.backend not in several:
        return foreign
    return replace(foreign, row=replace(row, backend=f"{row.backend}:{row.device}"))
