"""Which rows the answers stand on, and why the others are in none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from perceptron.analysis.crossover.judge import Crossover, is_line
from perceptron.analysis.crossover.points import is_side_by_side
from perceptron.analysis.select import Ground, ground, has_time, state
from perceptron.records.measurement import Measurement
from perceptron.records.readers.reading import UnreadFile
from perceptron.records.readers.sources import LoadedSource

# Reasons of rows without a time are people's own words: so many of them are told apart.
_MOST_REASONS = 12
_Line = tuple[str, Ground]


class LeftOut(Struct, frozen=True):
    """Rows that no answer stands on, and why."""

    rows: int
    reason: str


class SourceUse(Struct, frozen=True, kw_only=True):
    """A source that somebody named, and what became of its rows.

    ``read`` is ``used`` and all that were left out. ``unread`` are files in it that could not be
    read, each with the reason.
    """

    source: str
    formats: list[str]
    files: int
    read: int
    used: int
    left_out: list[LeftOut]
    unread: list[UnreadFile]


def uses(
    sources: Sequence[LoadedSource],
    crossovers: Iterable[Crossover],
    unwanted: Callable[[Measurement], str | None],
) -> list[SourceUse]:
    """Return what became of the rows of each source.

    ``unwanted`` says why a row was not to be judged at all, None for the others.
    """
    why = _Why(crossovers, [row for source in sources for row in source.rows], unwanted)
    return [_use(source, why) for source in sources]


def _use(source: LoadedSource, why: _Why) -> SourceUse:
    left_out = Counter(source.left_out)
    used = 0
    for row in source.rows:
        reason = why(row)
        if reason is None:
            used += 1
        else:
            left_out[reason] += 1
    return SourceUse(
        source=source.source,
        formats=source.formats,
        files=source.files,
        read=used + left_out.total(),
        used=used,
        left_out=[LeftOut(rows, reason) for reason, rows in _folded(left_out)],
        unread=source.unread,
    )


def _folded(left_out: Counter[str]) -> list[tuple[str, int]]:
    ordered = left_out.most_common()
    if len(ordered) <= _MOST_REASONS:
        return ordered
    shown = ordered[: _MOST_REASONS - 1]
    return [*shown, ("for other reasons", left_out.total() - sum(rows for _, rows in shown))]


class _Why:
    """Why a row is in no answer; None for one that is."""

    def __init__(
        self,
        crossovers: Iterable[Crossover],
        rows: Iterable[Measurement],
        unwanted: Callable[[Measurement], str | None],
    ) -> None:
        self._unwanted = unwanted
        self._partners: dict[tuple[object, ...], dict[float, set[str]]] = {}
        self._commits: dict[tuple[str, Ground, str], set[str | None]] = {}
        self._asked: set[tuple[str, Ground, str]] = set()
        for crossover in crossovers:
            where = Ground(crossover.machine, crossover.dtype, crossover.threads)
            pair = (crossover.incumbent, crossover.challenger)
            for backend, partner in (pair, pair[::-1]):
                key = (crossover.family, where, backend)
                self._asked.add(key)
                if not crossover.sizes_measured:
                    continue
                self._commits.setdefault(key, set()).add(crossover.commit)
                in_state = (
                    *key,
                    crossover.source,
                    crossover.commit,
                    crossover.environment,
                    crossover.version,
                )
                by_size = self._partners.setdefault(in_state, {})
                for size in crossover.sizes_measured:
                    by_size.setdefault(size, set()).add(partner)
        self._processes: dict[tuple[object, ...], set[str]] = {}
        families: dict[_Line, list[Measurement]] = {}
        for row in rows:
            if unwanted(row) is None:
                families.setdefault((row.family, ground(row)), []).append(row)
                if is_side_by_side(row) and has_time(row):
                    self._processes.setdefault(_process(row), set()).add(row.backend)
        self._lines = {key for key, members in families.items() if is_line(members)}

    def __call__(self, row: Measurement) -> str | None:
        reason = self._unwanted(row)
        if reason is not None:
            return reason
        if row.status != "ok":
            return f"without a time: {row.reason or row.status}"
        if not has_time(row):
            return "of a part of an iteration" if row.phase else "a time that is not above 0"
        where = ground(row)
        if (row.family, where) not in self._lines:
            return "of a family that does not vary along one axis of sizes"
        key = (row.family, where, row.backend)
        if key not in self._asked:
            return "of a backend in no pair that was judged"
        in_state = (*key, *state(row))
        partners = self._partners.get(in_state, {}).get(row.size)
        if partners is not None:
            together = not is_side_by_side(row) or partners & self._processes[_process(row)]
            return None if together else "of a process that did not measure the other backend"
        commits = self._commits.get(key)
        if commits is not None and row.commit not in commits:
            return "of another commit than the one that was judged"
        if commits is not None and in_state not in self._partners:
            return "of another environment or version of the benchmark"
        return "of a size or state in which nothing else was measured"


def _process(row: Measurement) -> tuple[object, ...]:
    return row.family, ground(row), state(row), row.size, row.process
