"""A row: the result of one fresh process, a measurement or a race."""

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
# Fields whose texts repeat in many rows. Decoded, each is a string of 50 to 80 bytes in each row,
# more than everything else in it.
_TEXTS = (
    *("status", "reason", "source", "machine", "environment", "commit", "code", "committed"),
    *("problem", "problem_digest", "family", "optimizer", "feed", "phase", "backend"),
    *("device", "dtype", "version"),
)
_texts_of = attrgetter(*_TEXTS)


# A million rows have a few hundred different texts; only the times differ.
@lru_cache(maxsize=4096)
def _shared(texts: tuple[str | None, ...]) -> list[tuple[str, str]]:
    fields = zip(_TEXTS, texts, strict=True)
    return [(name, sys.intern(text)) for name, text in fields if text is not None]


def with_shared_texts(row: Row, session: str | None = None) -> Row:
    """Intern the texts of a newly decoded row and set its ``session``; return the row.

    A million rows then take half of the memory, and compare faster. ``session`` comes from the
    run's file, since the line does not state it reliably.
    """
    if isinstance(row, Measurement):
        for name, text in _shared(_texts_of(row)):
            force_setattr(row, name, text)
        force_setattr(row, "when", sys.intern(row.when))
    force_setattr(row, "session", session)
    return row


def without_samples(row: Row) -> Row:
    """Replace each sample of a newly decoded row by the smallest; return the row.

    The lists of samples are the larger part of a million rows' memory. Pages show only their
    number, and rough answers need only the smallest.
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
    """Return whether the reason is that the worker was killed from outside, as by lack of memory.

    The backend did not fail: another try may succeed.
    """
    return reason is not None and "ended by SIGKILL" in reason


def standing(rows: Iterable[Row]) -> list[Row]:
    """Return the rows without those of killed workers that a later try has replaced."""
    rows = list(rows)
    if not any(map(was_killed, set(map(attrgetter("reason"), rows)))):
        return rows
    last_tries = {_try(row): row for row in rows}
    return [row for row in rows if not was_killed(row.reason) or last_tries[_try(row)] is row]


def lost_rows(rows: Iterable[Row]) -> list[Row]:
    """Return the rows of whole iterations whose worker was killed, without a later try."""
    return [row for row in standing(rows) if was_killed(row.reason) and _phase(row) is None]


def _try(row: Row) -> tuple[object, ...]:
    """Return the key that all tries of the same measurement share."""
    subject = (row.family, row.size) if isinstance(row, Measurement) else ()
    measured = (row.problem, row.backend, row.dtype, row.all_threads, row.repeat)
    return type(row), _phase(row), *subject, *measured


def _phase(row: Row) -> str | None:
    return row.phase if isinstance(row, Measurement) else None


@contextmanager
def no_search_for_cycles() -> Iterator[None]:
    """Disable the search for reference cycles while many objects are made.

    The search took two thirds of the time to decode a million rows. Objects without cycles are
    freed as usual; at the end all objects move to the oldest generation, as after a search.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            if not gc.get_freeze_count():  # else objects that another library froze would thaw
                gc.freeze()
                gc.unfreeze()
            gc.enable()
