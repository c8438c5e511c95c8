"""Which rows the answers stand on, and why the others are in none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.select import Definitions, State, has_time, is_own
from perceptron.grouping import grouped
from perceptron.numbers import count
from perceptron.records.ground import Ground, ground
from perceptron.records.measurement import Measurement
from perceptron.records.readers.reading import Reading, UnreadFile
from perceptron.untrusted_text import printable

# Reasons of rows without a time are people's own words: so many of them are told apart.
_MOST_REASONS = 12


class LeftOut(Struct, frozen=True):
    """Rows that no answer uses, and why."""

    rows: int
    reason: str


class SourceUse(Struct, frozen=True, kw_only=True):
    """A source that was named, and what became of its rows.

    ``read`` is ``used``, ``joined`` (into one that is the median of several) and all that were
    left out. ``unread`` are files in it that could not be read, each with the reason.
    """

    source: str
    formats: list[str]
    files: int
    read: int
    used: int
    joined: int
    left_out: list[LeftOut]
    unread: list[UnreadFile]


def uses(
    sources: Sequence[Reading],
    crossovers: Iterable[Crossover],
    unwanted: Callable[[Measurement], str | None],
) -> list[SourceUse]:
    """Return what became of the rows of each source.

    ``unwanted`` says why a row was not to be judged at all, None for the others.
    """
    rows = [row for source in sources for row in source.rows]
    why = _reasons(list(crossovers), [row for row in rows if unwanted(row) is None])
    return [_use(source, lambda row: unwanted(row) or why(row)) for source in sources]


def _use(source: Reading, why: Callable[[Measurement], str | None]) -> SourceUse:
    reasons = Counter(map(why, source.rows))
    used = reasons.pop(None, 0)
    left_out = Counter(source.left_out)
    left_out.update({reason: rows for reason, rows in reasons.items() if reason is not None})
    return SourceUse(
        source=printable(source.source),
        formats=sorted(source.formats),
        files=source.files,
        read=used + source.joined + left_out.total(),
        used=used,
        joined=source.joined,
        left_out=[LeftOut(rows, reason) for reason, rows in _folded(left_out)],
        unread=source.unread,
    )


def _folded(left_out: Counter[str]) -> list[tuple[str, int]]:
    ordered = left_out.most_common()
    if len(ordered) <= _MOST_REASONS:
        return ordered
    shown = ordered[: _MOST_REASONS - 1]
    return [*shown, ("for other reasons", left_out.total() - sum(rows for _, rows in shown))]


_Subject = tuple[str, Ground, str]
"""A family, its ground and a backend."""


def _reasons(
    crossovers: Sequence[Crossover], rows: Sequence[Measurement]
) -> Callable[[Measurement], str | None]:
    """Return a function that says why one of these rows is in no answer; None for one that is."""
    # Sizes of each answer that a backend is in, by the backend that it is compared with.
    judged: dict[tuple[object, ...], dict[str, set[float]]] = {}
    subjects: dict[_Subject, bool] = {}
    for crossover in crossovers:
        pair = (crossover.incumbent, crossover.challenger)
        for backend, rival in (pair, pair[::-1]):
            subject = _subject(crossover, backend)
            subjects[subject] = subjects.get(subject, False) or bool(crossover.sizes_measured)
            if crossover.sizes_measured:
                for file in crossover.files or (None,):
                    rivals = judged.setdefault(_in_state(crossover, backend, file), {})
                    rivals[rival] = set(crossover.sizes_measured)
    counting = Definitions(rows)
    timed = grouped(filter(has_time, rows), _process)
    beside = {process: {row.backend for row in here} for process, here in timed.items()}

    def why(row: Measurement) -> str | None:
        if row.status != "ok":
            return f"without a time: {row.reason or row.status}"
        if not has_time(row):
            return "of a part of an iteration"
        rivals = judged.get(_in_state(row, row.backend, row.file))
        if rivals is None:
            is_judged = subjects.get(_subject(row, row.backend))
            if is_judged is None:
                return "of a family or a backend in no pair that was judged"
            if is_judged:
                return "of another commit, code, environment or version than was judged"
            return "of a state in which no other backend has a time at the same size"
        if other := counting.instead(row):
            return (
                f"of definition {row.problem_digest} of a problem whose newest rows are of {other}"
            )
        at_size = {rival for rival, sizes in rivals.items() if row.size in sizes}
        if not at_size:
            return "of a size that only one backend has"
        if is_own(row) and not at_size & beside[_process(row)]:
            return "of a process that did not measure the other backend"
        return None

    return why


def _subject(of: Crossover | Measurement, backend: str) -> _Subject:
    return of.family, ground(of), backend


def _in_state(
    of: Crossover | Measurement, backend: str, file: str | None = None
) -> tuple[object, ...]:
    """Return what a row has in common with the answer that it may be in."""
    where = State(of.source, of.commit, of.environment, of.version, of.code)
    if of.source == "asv":  # it keeps a file for each commit, and an answer may be of several
        return (_subject(of, backend), where._replace(commit=None), file)
    return (_subject(of, backend), where)


def _process(row: Measurement) -> tuple[object, ...]:
    return (*_in_state(row, ""), row.size, row.repeat)


def source_line(use: SourceUse) -> str:
    """Return what became of the rows of a source, in one line."""
    formats = ", ".join(use.formats) or "nothing known"
    files = "file" if use.files == 1 else "files"
    left_out = "; ".join(f"{count(part.rows)} {part.reason}" for part in use.left_out)
    return (
        f"from:  {use.source} ({formats}, {count(use.files)} {files}): {count(use.read)} rows "
        f"read, {count(use.used)} used"
        + (f", {count(use.joined)} joined into these" if use.joined else "")
        + (f"; left out: {left_out}" if left_out else "")
    )
