"""Keep the rows of a large table in little memory, and join them where there are very many.

Of rows that differ in nothing but their time, one is kept as a row and the times of the others as
numbers.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from math import isnan, nan
from pathlib import Path
from statistics import median

from msgspec.structs import replace

from perceptron.errors import UserError
from perceptron.records.measurement import Measurement

# A row for each of millions of lines fills the memory. Up to so many lines, a table is as it is.
MOST_ROWS_AS_THEY_ARE = 100_000
# In a larger one, a subject has so many rows at most, and fewer where the table still has too many,
# but no fewer than tell an interval: of batches, 10 to 30 do (Schmeiser, Batch size effects in the
# analysis of simulation output, Operations Research 30, 1982).
MOST_REPEATS = 1_000
MOST_ROWS_JOINED = 1_000_000
FEWEST_BATCHES = 30
# What differs cannot be joined; so many rows take a gigabyte.
MOST_ROWS = 2_000_000


class TableRows:
    """The rows of a table in their order. A subject is what equal rows measured.

    ``first`` is the first row of each subject, ``counts`` how many it has.
    """

    def __init__(self) -> None:
        self.first: list[Measurement] = []
        self.counts = array("I")
        self._subjects = array("I")
        self._seconds = array("d")
        self._stdevs = array("d")

    def __len__(self) -> int:
        return len(self._subjects)

    def add_subject(self, row: Measurement) -> int:
        """Add the first row of a subject; return the subject's number."""
        subject = len(self.first)
        self.first.append(row)
        self.counts.append(0)
        self.add(subject, row.seconds, row.stdev)
        return subject

    def add(self, subject: int, seconds: float | None, stdev: float | None) -> None:
        """Add a row of a subject, whose first row says whether it has a time."""
        self.counts[subject] += 1
        self._subjects.append(subject)
        self._seconds.append(nan if seconds is None else seconds)
        self._stdevs.append(nan if stdev is None else stdev)

    def most_repeats(self) -> int:
        """Return up to how many rows a subject keeps its rows as they are."""
        if len(self) <= MOST_ROWS_AS_THEY_ARE:
            return len(self)
        most = MOST_REPEATS
        while most > FEWEST_BATCHES and self.kept(most) > MOST_ROWS_JOINED:
            most = max(FEWEST_BATCHES, most // 2)
        return most

    def kept(self, most: int) -> int:
        """Return how many rows there are with at most so many of a subject."""
        return sum(min(count, most) for count in self.counts)

    def rows(self, most: int) -> Iterator[Measurement]:
        """Yield the rows in their order, with at most ``most`` of a subject.

        Consecutive rows of a subject with more are joined into one whose ``seconds``, and
        ``stdev`` where it is stated, are the medians of theirs; the counts of two such differ by
        one at most. It stands where the last of them stood.
        """
        batches: dict[int, _Batches] = {}
        for subject, seconds, stdev in zip(
            self._subjects, self._seconds, self._stdevs, strict=True
        ):
            row = self.first[subject]
            if self.counts[subject] == 1:
                yield row
            elif self.counts[subject] <= most:
                yield _with_times(row, seconds, stdev)
            else:
                if subject not in batches:
                    batches[subject] = _Batches(self.counts[subject], most)
                if batches[subject].add(seconds, stdev):
                    yield _with_times(row, *batches[subject].taken())


def too_many(file: Path) -> UserError:
    """Return the error about a table of more rows than memory holds."""
    return UserError(
        f"{file}: more than {MOST_ROWS:,} rows that differ in more than their time; choose some "
        "with --family, or split it"
    )


class _Batches:
    """The rows of a subject, which come one by one, in so many batches."""

    def __init__(self, rows: int, batches: int) -> None:
        self._rows = rows
        self._batches = batches
        self._seen = 0
        self._done = 0
        self._seconds: list[float] = []
        self._stdevs: list[float] = []

    def add(self, seconds: float, stdev: float) -> bool:
        """Add a row; return whether it completes a batch."""
        self._seen += 1
        self._seconds.append(seconds)
        if not isnan(stdev):
            self._stdevs.append(stdev)
        return self._seen == (self._done + 1) * self._rows // self._batches

    def taken(self) -> tuple[float, float]:
        """Return the medians of the batch, and begin the next."""
        self._done += 1
        medians = median(self._seconds), median(self._stdevs) if self._stdevs else nan
        self._seconds, self._stdevs = [], []
        return medians


def _with_times(row: Measurement, seconds: float, stdev: float) -> Measurement:
    return replace(
        row,
        seconds=None if row.seconds is None else seconds,
        stdev=None if isnan(stdev) else stdev,
    )
