"""A row: what one fresh process saw, of any kind; its tag says of which."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from operator import attrgetter

from msgspec.structs import force_setattr

from perceptron.records.measurement import Measurement
from perceptron.records.race import RaceRow

Row = Measurement | RaceRow
"""One line of a run's ``measurements.jsonl``."""


_NONE: list[float] = []
# Fields whose texts are the same in many rows; what a decoder makes of them are strings of 50 to 80
# bytes in each row, more than all else in it.
_TEXTS = (
    *("status", "reason", "source", "machine", "environment", "commit", "code", "committed"),
    *("problem", "problem_digest", "family", "optimizer", "feed", "phase", "backend"),
    *("device", "dtype", "version"),
)
_texts_of = attrgetter(*_TEXTS)


# Of a million rows there are a few hundred; only the times of the measurements differ.
@lru_cache(maxsize=4096)
def _shared(texts: tuple[str | None, ...]) -> list[tuple[str, str]]:
    fields = zip(_TEXTS, texts, strict=True)
    return [(name, sys.intern(text)) for name, text in fields if text is not None]


def with_shared_texts(row: Row, session: str | None = None) -> Row:
    """Return a row that was just decoded; its texts are one object with equal ones of other rows.

    A million rows then take half of the memory, and compare faster. ``session`` replaces that of
    the line: only the run's file states it reliably.
    """
    if isinstance(row, Measurement):
        for name, text in _shared(_texts_of(row)):
            force_setattr(row, name, text)
        force_setattr(row, "when", sys.intern(row.when))
    force_setattr(row, "session", session)
    return row


def without_samples(row: Row) -> Row:
    """Return a row that was just decoded, whose samples are as many times the smallest.

    They are the larger part of what a million rows take. Pages show their number only, and rough
    answers are made of the smallest.
    """
    if isinstance(row, Measurement):
        number, every = len(row.samples), row.samples
        if row.dropped:  # in few rows
            every = [*every, *row.dropped]
        force_setattr(row, "samples", [min(every, default=0.0)] * number)
        force_setattr(row, "dropped", _NONE)
    return row


def times(rows: Iterable[Row]) -> list[Measurement]:
    """Return the rows that hold a time of an iteration, or of a part of one."""
    return [row for row in rows if isinstance(row, Measurement)]


def races(rows: Iterable[Row]) -> list[RaceRow]:
    """Return the rows of races to a target."""
    return [row for row in rows if isinstance(row, RaceRow)]


def was_killed(reason: str | None) -> bool:
    """Return whether a row says that its worker was ended from outside, as where memory is short.

    The backend did not fail: another try may succeed.
    """
    return reason is not None and "ended by SIGKILL" in reason


def standing(rows: Iterable[Row]) -> list[Row]:
    """Return the rows without those of killed workers that a later try has replaced."""
    rows = list(rows)
    if not any(map(was_killed, set(map(attrgetter("reason"), rows)))):
        return rows
    last = {_try(row): row for row in rows}
    return [row for row in rows if not was_killed(row.reason) or last[_try(row)] is row]


def lost_rows(rows: Iterable[Row]) -> list[Row]:
    """Return the rows of killed workers that no later try has replaced; of whole iterations."""
    return [row for row in standing(rows) if was_killed(row.reason) and _phase(row) is None]


def _try(row: Row) -> tuple[object, ...]:
    """Return the key that later tries of the same measurement share with it."""
    what = (row.family, row.size) if isinstance(row, Measurement) else ()
    of = (row.problem, row.backend, row.dtype, row.all_threads, row.repeat)
    return type(row), _phase(row), *what, *of


def _phase(row: Row) -> str | None:
    return row.phase if isinstance(row, Measurement) else None


@contextmanager
def no_search_for_cycles() -> Iterator[None]:
    """Let Python not look through all objects again and again while their number grows.

    Looking for cycles took two thirds of the time to decode a million rows. Objects without cycles
    are freed as ever, and what is there in the end counts as old: as if it had been looked through.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            if not gc.get_freeze_count():  # else what another library froze would thaw
                gc.freeze()
                gc.unfreeze()
            gc.enable()
