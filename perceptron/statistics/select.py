"""Select rows that may be compared: those that share their `records.comparison_key` and `State`.

They also share the definition of their problem. One name can have several, as in a fleet of which
one machine has an older checkout, or with files of one name and different contents: the times are
of different trainings, and no answer mixes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from math import inf
from operator import attrgetter
from pathlib import Path
from statistics import median
from typing import NamedTuple

from perceptron.errors import UserError
from perceptron.records.comparison_key import COMPARISON_FIELDS, ComparisonKey, comparison_key
from perceptron.records.grouping import Key, grouped, grouped_by
from perceptron.records.measurement import Measurement
from perceptron.records.warning import MeasurementWarning

NOT_REACHED = "the run ended before its turn"
"""The reason why a planned measurement without a row has no time."""
OTHER_DEFINITION = "other-definition"
"""The code of the warning that rows of another definition were left out."""


class State(NamedTuple):
    """The fields that two rows must share beyond their comparison key: tool, code, environment."""

    source: str | None
    commit: str | None
    environment: str | None
    version: str | None
    """The benchmark's version."""
    code: str | None = None
    """Digest of the measuring code; a row without a commit may have it."""
    session: str | None = None
    """The start of its run: `sessions` joins runs, and never pools their repeats."""


def state(row: Measurement) -> State:
    """Return the state of the row; equal states are one object."""
    return _state(_state_of(row))


_state_of = attrgetter(*State._fields)
# A million rows have a few states, and the state of each row is needed several times.
_state = lru_cache(maxsize=4096)(State._make)


def measured_alike(state: State) -> State:
    """Return the part of a state that two runs must share to answer together.

    The commit counts where the measuring code has no digest: with one, it may differ.
    """
    return state._replace(session=None, commit=state.commit if state.code is None else None)


def answers_with(other: State, state: State) -> bool:
    """Return whether rows in state ``other`` may join those of another run; see `sessions`.

    Rows of unknown code join none.
    """
    return (
        None not in (state.session, other.session)
        and other.session != state.session
        and (state.code is not None or state.commit is not None)
        and measured_alike(other) == measured_alike(state)
    )


def by_family_and_key(
    rows: list[Measurement],
) -> dict[tuple[str, ComparisonKey], list[Measurement]]:
    """Group the rows by family and comparison key."""
    return grouped_by(rows, _family_and_key_of, lambda row: (row.family, comparison_key(row)))


_family_and_key_of = attrgetter("family", *COMPARISON_FIELDS)


def by_state(rows: Iterable[Measurement]) -> dict[State, list[Measurement]]:
    """Group the rows by their state."""
    return grouped_by(rows, _state_of, state)


def is_of_suite(row: Measurement) -> bool:
    """Return whether the suite measured this row, side by side with the others of its process.

    In other tools' files the process is only the order of rows, and the environment may be chosen;
    in the suite's rows it is what was installed.
    """
    return row.file is None or row.source == "perceptron"


def moment(row: Measurement) -> str:
    """Return the time of a row's commit in UTC, or of its measurement if that is not known.

    Histories are filled backwards: the commit measured last may be the oldest.
    """
    return row.committed or row.when


def newest_moment(rows: Iterable[Measurement]) -> tuple[str, str]:
    """Return the latest `moment` of these rows, and the latest measurement at that moment."""
    moments = set(map(attrgetter("committed", "when"), rows))
    return max((committed or when, when) for committed, when in moments)


def has_time(row: Measurement) -> bool:
    """Return whether the row has a time of a whole iteration, above 0 and finite."""
    return (
        row.status == "ok"
        and row.phase is None
        and row.seconds is not None
        and 0 < row.seconds < inf
    )


def times(rows: Iterable[Measurement], backend: str) -> dict[int, float]:
    """Return the seconds per iteration of this backend by process.

    A time that is zero, negative or not finite is ignored. Raises ValueError for two rows of one
    process: they are of different problems, and must be separated first.
    """
    return {
        process: row.seconds
        for process, row in rows_by_process(rows, backend).items()
        if row.seconds is not None
    }


def median_seconds(rows: Iterable[Measurement]) -> dict[float, float]:
    """Return the median seconds by size, the sizes ascending."""
    by_size = grouped((row for row in rows if row.seconds is not None), lambda row: row.size)
    return {
        size: median(row.seconds or 0.0 for row in members)
        for size, members in sorted(by_size.items())
    }


def rows_by_process(
    rows: Iterable[Measurement], backend: str, phase: str | None = None
) -> dict[int, Measurement]:
    """Return the rows of `times` by process, or those of times up to the end of a ``phase``."""
    by_process: dict[int, Measurement] = {}
    selection = (backend, phase, "ok")
    rows = list(rows)
    for row, key in zip(rows, map(_selection_of, rows), strict=True):
        if key != selection or row.seconds is None:
            continue
        if row.repeat in by_process:
            raise ValueError(f"two times of {backend} in process {row.repeat}: {row.problem}")
        if 0 < row.seconds < inf:
            by_process[row.repeat] = row
    return by_process


_selection_of = attrgetter("backend", "phase", "status")


def prepared(rows: Iterable[Measurement], backend: str) -> dict[int, float]:
    """Return the seconds of this backend's setup by process, where they are known."""
    return {
        row.repeat: row.prepare_seconds
        for row in rows
        if row.backend == backend and row.status == "ok" and row.prepare_seconds
    }


def is_measured(rows: Iterable[Measurement], backend: str) -> bool:
    """Return whether there is any time of this backend."""
    return any(row.backend == backend and row.status == "ok" for row in rows)


def reason(rows: Iterable[Measurement], backend: str) -> str | None:
    """Return why this backend has no time, from the first row with a reason."""
    return next((row.reason for row in rows if row.backend == backend and row.reason), None)


def shared(values: Iterable[Key], otherwise: Key) -> Key:
    """Return the value that all share; ``otherwise`` if they differ or there is none."""
    different = set(values)
    return different.pop() if len(different) == 1 else otherwise


def usable_rows(folder: Path, rows: Iterable[Measurement]) -> list[Measurement]:
    """Return the rows of a run that can be compared: those of one definition of each problem.

    Raises `UserError` if none states its threads.
    """
    rows = list(rows)
    rows = Definitions(rows).keep(rows)
    if not any(row.all_threads for row in rows):
        raise UserError(f"{folder}: no rows that state their number of threads")
    return rows


# --- definitions of a problem ---------------------------------------------------------------------

_Key = tuple[str, ComparisonKey, State]
"""A problem's name, and what its rows must share to answer together."""


class Definitions:
    """The definition that counts of each problem: that of its newest row.

    It may differ between comparison keys and states, which no answer mixes. Rows without a
    definition, such as those of other tools, always count.
    """

    def __init__(self, rows: Iterable[Measurement]) -> None:
        self._rows = list(rows)
        pairs = set(map(attrgetter("problem", "problem_digest"), self._rows))
        definitions = Counter(problem for problem, digest in pairs if problem and digest)
        # Nearly always empty.
        self._several = {problem for problem, number in definitions.items() if number > 1}
        newest: dict[_Key, tuple[bool, str, str]] = {}
        for row in self._rows if self._several else ():
            key = self._key(row)
            if key is None or row.problem_digest is None:
                continue
            rank = (row.status == "ok", row.when, row.problem_digest)
            newest[key] = max(newest.get(key, rank), rank)
        self._counts = {key: digest for key, (_, _, digest) in newest.items()}

    def instead(self, row: Measurement) -> str | None:
        """Return the digest that counts instead of the row's own; None if the row's own counts."""
        key = self._key(row)
        if key is None or row.problem_digest is None:
            return None
        digest = self._counts.get(key, row.problem_digest)
        return None if digest == row.problem_digest else digest

    def keep(self, rows: Iterable[Measurement]) -> list[Measurement]:
        """Return the rows of the definitions that count."""
        return [row for row in rows if self.instead(row) is None] if self._several else list(rows)

    def warnings(self) -> list[MeasurementWarning]:
        """Return a warning for each problem and definition whose rows are left out."""
        if not self._several:
            return []
        skipped = Counter(
            (row.problem or "", row.problem_digest or "", newest)
            for row in self._rows
            if (newest := self.instead(row)) is not None
        )
        return [
            MeasurementWarning(
                code=OTHER_DEFINITION,
                message=f"{problem}: {rows:,} {'row' if rows == 1 else 'rows'} of definition "
                f"{digest} left out: the newest are of {newest}, another training of that name",
                advice="measure them again with the same problem and the same code",
            )
            for (problem, digest, newest), rows in sorted(skipped.items())
        ]

    def _key(self, row: Measurement) -> _Key | None:
        """Return the key of the row's definition; None for a problem with a single definition."""
        if row.problem is None or row.problem not in self._several:
            return None
        return row.problem, comparison_key(row), measured_alike(state(row))
