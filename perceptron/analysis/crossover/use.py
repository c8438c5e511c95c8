"""Which rows the answers stand on, and why the others are in none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from msgspec import Struct

from perceptron.analysis.crossover.judge import Crossover, is_line
from perceptron.analysis.select import State, definitions, has_time, is_own
from perceptron.analysis.training import training_name
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
    why = _Why(crossovers, [row for source in sources for row in source.rows], unwanted)
    return [_use(source, why) for source in sources]


def _use(source: Reading, why: _Why) -> SourceUse:
    left_out = Counter(source.left_out)
    used = 0
    for row in source.rows:
        reason = why(row)
        if reason is None:
            used += 1
        else:
            left_out[reason] += 1
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


class _Why:
    """Why a row is in no answer; None for one that is."""

    def __init__(
        self,
        crossovers: Iterable[Crossover],
        rows: Sequence[Measurement],
        unwanted: Callable[[Measurement], str | None],
    ) -> None:
        self._unwanted = unwanted
        self._subjects: set[_Subject] = set()
        self._sizes: dict[tuple[_Subject, State], set[float]] = {}
        self._partners: dict[tuple[_Subject, State], set[str]] = {}
        for crossover in crossovers:
            pair = (crossover.incumbent, crossover.challenger)
            for backend, partner in (pair, pair[::-1]):
                self._subjects.add(_subject(crossover, backend))
                if crossover.sizes_measured:
                    key = _in_state(crossover, backend)
                    self._sizes.setdefault(key, set()).update(crossover.sizes_measured)
                    self._partners.setdefault(key, set()).add(partner)
        self._definitions = definitions(rows)
        self._wanted = [row for row in rows if unwanted(row) is None]
        # Thousands of rows share a subject and a state.
        self._known: dict[object, tuple[str | None, str | set[float]]] = {}

    def __call__(self, row: Measurement) -> str | None:
        key = _in_state(row, row.backend)
        if key not in self._known:
            self._known[key] = (self._unwanted(row), self._sizes.get(key) or self._why_none(row))
        unwanted, sizes = self._known[key]
        if unwanted is not None:
            return unwanted
        if row.status != "ok":
            return f"without a time: {row.reason or row.status}"
        if not has_time(row):
            return "of a part of an iteration" if row.phase else "with a time that is not above 0"
        if isinstance(sizes, str):
            return sizes
        if other := self._definitions.instead(row):
            return (
                f"of definition {row.problem_digest} of a problem whose newest rows are of {other}"
            )
        if row.size not in sizes:
            return "of a size that only one backend has"
        if is_own(row) and not self._partners[key] & self._side_by_side[_process(row)]:
            return "of a process that did not measure the other backend"
        return None

    @cached_property
    def _lines(self) -> set[tuple[str, Ground]]:
        families = grouped(self._wanted, lambda row: (row.family, ground(row)))
        return {key for key, members in families.items() if is_line(members)}

    @cached_property
    def _trained(self) -> dict[object, set[tuple[Ground, str]]]:
        """The grounds and backends that have rows, by family and place."""
        places = grouped(self._wanted, _place)
        return {
            place: {(ground(row), row.backend) for row in here} for place, here in places.items()
        }

    def _is_trained_alone(self, row: Measurement) -> bool:
        """Return whether other backends have rows of this family that were trained otherwise."""
        here, own = self._trained.get(_place(row), set()), ground(row)
        alike = {backend for where, backend in here if where == own}
        return alike == {row.backend} and any(where != own for where, _ in here)

    @cached_property
    def _side_by_side(self) -> dict[object, set[str]]:
        """The backends that have a time, by process of our own."""
        timed = (row for row in self._wanted if is_own(row) and has_time(row))
        processes = grouped(timed, _process)
        return {key: {row.backend for row in here} for key, here in processes.items()}

    def _why_none(self, row: Measurement) -> str:
        """Return why no row of this subject in this state is in an answer."""
        subject = _subject(row, row.backend)
        judged = [where for of, where in self._sizes if of == subject]
        codes = {where.code for where in judged}
        if judged and row.commit not in {where.commit for where in judged}:
            return "of another commit than the one that was judged"
        if judged and row.code not in codes:
            names = ", ".join(sorted(map(str, codes)))
            return f"measured by code {row.code}, other than that of the judged rows, {names}"
        if judged:
            return "of another environment or version of the benchmark"
        if self._is_trained_alone(row):
            return f"trained as no other backend was: {training_name(row)}"
        if (row.family, ground(row)) not in self._lines:
            return "of a family that does not vary along one axis of sizes"
        if subject not in self._subjects:
            return "of a backend in no pair that was judged"
        return "of a state in which no other backend has a time at the same size"


def _place(row: Measurement) -> tuple[object, ...]:
    return row.family, row.machine, row.dtype, row.all_threads


def _subject(of: Crossover | Measurement, backend: str) -> _Subject:
    return of.family, ground(of), backend


def _in_state(of: Crossover | Measurement, backend: str) -> tuple[_Subject, State]:
    where = State(of.source, of.commit, of.environment, of.version, of.code)
    return _subject(of, backend), where


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
