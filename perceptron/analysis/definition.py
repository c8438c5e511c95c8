"""Which definition of a problem counts, where rows of one name are of several.

As in a fleet of which one machine has an older checkout, or a file of the same name that says
something else: their times are of different trainings, and no answer mixes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable

from perceptron.records.measurement import Measurement
from perceptron.records.warning import MeasurementWarning

OTHER_DEFINITION = "other-definition"
"""The code of the warning."""


_Key = tuple[str, Hashable]
"""A problem's name, and what its rows must share to be compared."""


def _alike(_: Measurement) -> Hashable:
    return None


class Definitions:
    """The definition that counts of each problem: that of its newest row.

    ``apart`` gives what rows must share to be compared at all: of rows that do not, each kind has
    a definition of its own. Rows that do not know their definition, as those of other tools, are
    of any.
    """

    def __init__(
        self, rows: Iterable[Measurement], apart: Callable[[Measurement], Hashable] = _alike
    ) -> None:
        rows = list(rows)
        self._apart = apart
        self._several = _of_several_definitions(rows)
        newest: dict[_Key, tuple[bool, str, str]] = {}
        self._rows: Counter[tuple[_Key, str]] = Counter()
        for row in rows if self._several else ():
            key = self._key(row)
            if key is None or row.problem_digest is None:
                continue
            self._rows[key, row.problem_digest] += 1
            rank = (row.status == "ok", row.when, row.problem_digest)
            newest[key] = max(newest.get(key, rank), rank)
        self._counts = {key: digest for key, (_, _, digest) in newest.items()}

    def instead(self, row: Measurement) -> str | None:
        """Return the digest that counts instead of the row's own; None where that one counts."""
        key = self._key(row)
        if key is None or row.problem_digest is None:
            return None
        counts = self._counts.get(key, row.problem_digest)
        return None if counts == row.problem_digest else counts

    def keep(self, rows: Iterable[Measurement]) -> list[Measurement]:
        """Return the rows of the definitions that count."""
        return [row for row in rows if self.instead(row) is None]

    def warnings(self) -> list[MeasurementWarning]:
        """Return a warning for each problem and definition of which rows are left out."""
        left_out: Counter[tuple[str, str, str]] = Counter()
        for (key, digest), rows in self._rows.items():
            if digest != self._counts[key]:
                left_out[key[0], digest, self._counts[key]] += rows
        return [
            MeasurementWarning(
                code=OTHER_DEFINITION,
                message=f"{problem}: {rows:,} {'row' if rows == 1 else 'rows'} of definition "
                f"{digest} left out: the newest are of {counts}, another training of that name",
                advice="measure them again with the same problem and the same code",
            )
            for (problem, digest, counts), rows in sorted(left_out.items())
        ]

    def _key(self, row: Measurement) -> _Key | None:
        """Return what the row is of; None of a problem that has one definition only."""
        if row.problem is None or row.problem not in self._several:
            return None
        return row.problem, self._apart(row)


def _of_several_definitions(rows: Iterable[Measurement]) -> set[str]:
    """Return the problems whose rows do not have one digest: nearly always there are none."""
    digests: dict[str, str] = {}
    several = set()
    for row in rows:
        if row.problem is None or row.problem_digest is None:
            continue
        if digests.setdefault(row.problem, row.problem_digest) != row.problem_digest:
            several.add(row.problem)
    return several
