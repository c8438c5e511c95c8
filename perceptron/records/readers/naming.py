"""Name families and backends, and number processes, over the rows of several files together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import chain
from operator import attrgetter

from msgspec.structs import replace

from perceptron.records.comparison_key import comparison_key
from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.records.readers.reading import ForeignRow

Runs = Sequence[Sequence[ForeignRow]]
Rename = Callable[[ForeignRow], ForeignRow]
# Fields that identify what a row measures: those of its comparison key, and its case.
_fields_of = attrgetter(
    *("machine", "dtype", "threads", "processes", "optimizer", "feed", "outputs", "batch"),
    *("models", "axes", "family", "problem", "size", "backend"),
)


def name_rows(runs: Runs) -> Runs:
    """Return the rows with families and backends named as the suite does; its own are unchanged.

    A family is the benchmark's name (the full name if one run has two of that name), with the
    parameters in brackets that distinguish rows of equal size and backend. A backend of a table
    becomes ``backend:device`` if its rows differ in their device or only some state one.
    """
    for naming in (_in_full, _by_parameters, _by_device):
        if rename := naming(runs):  # none of our own rows, of which there may be a million
            runs = [list(map(rename, run)) for run in runs]
    return runs


def _in_full(runs: Runs) -> Rename | None:
    """Use full names where two benchmarks of one run have the same short name."""
    full: dict[str, set[str]] = defaultdict(set)
    for run in runs:
        names_here: dict[str, set[str]] = defaultdict(set)
        for foreign in run:
            if foreign.name:
                names_here[foreign.row.family].add(foreign.name)
        for family, names in names_here.items():
            if len(names) > 1:
                full[family] |= names

    def rename(foreign: ForeignRow) -> ForeignRow:
        is_full = foreign.name in full.get(foreign.row.family, ())
        return _renamed(foreign, foreign.name) if is_full else foreign

    return rename if full else None


def _by_parameters(runs: Runs) -> Rename | None:
    with_others = (foreign for foreign in chain.from_iterable(runs) if foreign.others)
    families = grouped(with_others, lambda foreign: foreign.row.family)
    telling = {family: _telling(members) for family, members in families.items()}

    def rename(foreign: ForeignRow) -> ForeignRow:
        names = telling.get(foreign.row.family, ())
        shown = [f"{name}={foreign.others[name]}" for name in names if name in foreign.others]
        return _renamed(foreign, f"{foreign.row.family}[{', '.join(shown)}]") if shown else foreign

    return rename if families else None


def _telling(members: list[ForeignRow]) -> list[str]:
    """Return the names of the parameters, in order, that each distinguish further rows."""

    def different(names: list[str]) -> int:
        return len(
            {
                (foreign.row.size, foreign.row.backend, *map(foreign.others.get, names))
                for foreign in members
            }
        )

    chosen: list[str] = []
    apart = different(chosen)
    for name in dict.fromkeys(name for foreign in members for name in foreign.others):
        if (more := different([*chosen, name])) > apart:
            chosen.append(name)
            apart = more
    return chosen


def _renamed(foreign: ForeignRow, family: str) -> ForeignRow:
    # The new name is no family that can be measured again.
    return replace(foreign, row=replace(foreign.row, family=family, problem=None))


def _by_device(runs: Runs) -> Rename | None:
    # Rows that state no device may be of any device: do not mix them with those that do.
    devices: dict[str, set[str | None]] = defaultdict(set)
    for foreign in chain.from_iterable(runs):
        if foreign.row.source == "csv":
            devices[foreign.row.backend].add(foreign.row.device)
    several = {backend for backend, devices_of in devices.items() if len(devices_of) > 1}

    def rename(foreign: ForeignRow) -> ForeignRow:
        row = foreign.row
        if row.source != "csv" or row.device is None or row.backend not in several:
            return foreign
        return replace(foreign, row=replace(row, backend=f"{row.backend}:{row.device}"))

    return rename if several else None


class ProcessNumbers:
    """Number the processes of one run after another, so that numbers are unique across runs.

    No two rows with the same problem, backend and comparison key share a number; rows of a family
    that shared one within a run still do. A run keeps its numbers unless an earlier run used them:
    files of two backends pair, and a second run of the same backends comes after the first.
    """

    def __init__(self) -> None:
        self._next: Counter[int] = Counter()
        """The next free number of each subject."""
        self._indices_of: dict[Hashable, tuple[int, int]] = {}
        self._indices: dict[Hashable, int] = {}
        """The index of each family and subject."""

    def number(self, run: Sequence[Measurement]) -> list[Measurement]:
        """Return the rows of the next run with their numbers."""
        # The k-th row of a subject with the same number belongs to the k-th pass over its family.
        times: dict[tuple[int, int], int] = {}
        passes: dict[tuple[int, int], dict[int, list[int]]] = {}
        for index, (row, fields) in enumerate(zip(run, map(_fields_of, run), strict=True)):
            family, subject = self._indices_of.get(fields) or self._family_and_subject(row, fields)
            numbered_subject = subject, row.repeat
            earlier = times.get(numbered_subject, 0)
            times[numbered_subject] = earlier + 1
            passes.setdefault((family, earlier), {}).setdefault(subject, []).append(index)
        numbered = list(run)
        for subjects in passes.values():
            self._number_pass(run, subjects, numbered)
        return numbered

    def _number_pass(
        self,
        run: Sequence[Measurement],
        subjects: Mapping[int, list[int]],
        numbered: list[Measurement],
    ) -> None:
        """Shift all numbers of a pass by one offset where any of them is taken."""
        repeats = {
            subject: [run[index].repeat for index in indices]
            for subject, indices in subjects.items()
        }
        shifts = (self._next[subject] - min(numbers) for subject, numbers in repeats.items())
        offset = max(0, *shifts)
        for subject, numbers in repeats.items():
            self._next[subject] = max(self._next[subject], max(numbers) + offset + 1)
            for index in subjects[subject] if offset else ():
                numbered[index] = replace(run[index], repeat=run[index].repeat + offset)

    def _family_and_subject(self, row: Measurement, key: Hashable) -> tuple[int, int]:
        """Return the indices of a row's family (with its comparison key) and of its subject."""
        family = comparison_key(row), row.family
        subject = (*family, row.problem, row.size, row.backend)
        index = self._indices.setdefault
        family_index = index(family, len(self._indices))
        self._indices_of[key] = family_index, index(subject, len(self._indices))
        return self._indices_of[key]
