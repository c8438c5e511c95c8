"""Times over sizes, for one commit, machine, dtype and number of threads at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from operator import attrgetter

from msgspec import Struct
from msgspec.structs import replace

from perceptron.numbers import count
from perceptron.questions.crossover.amortise import Amortisation, amortisations, from_cold
from perceptron.questions.crossover.comparable import by_backend_and_size
from perceptron.questions.crossover.judge import (
    Crossover,
    axis_of,
    crossovers,
    is_line,
    pairs_of,
)
from perceptron.questions.overhead.device_share import busy_share
from perceptron.questions.shared.published import FAMILY, ITERATIONS
from perceptron.records.comparison_key import COMPARISON_FIELDS, ComparisonKey, comparison_key
from perceptron.records.grouping import grouped, grouped_by
from perceptron.records.measurement import EXTRAS, Measurement
from perceptron.statistics.contention import Contention, contention
from perceptron.statistics.gpu_use import GpuUse, gpu_use
from perceptron.statistics.interval import Interval, of_times, scaled
from perceptron.statistics.select import (
    Definitions,
    State,
    answers_with,
    by_family_and_key,
    by_state,
    has_time,
    is_of_suite,
    newest_moment,
    reason,
    shared,
    state,
    times,
)
from perceptron.statistics.sizes import size_axis
from perceptron.statistics.throughput import (
    Epoch,
    distinct_epochs,
    epoch_of,
    is_shared_out,
    models_of,
)


class CurvePoint(Struct, frozen=True):
    """A time in seconds, or a ratio, at one size, from ``repeats`` repeats."""

    size: float
    value: Interval
    repeats: int
    contention: Contention = Contention()
    epoch: Epoch | None = None
    """The epoch, if this size was trained in batches."""
    models: int = 1
    """Number of models that an iteration trains."""
    busy: Interval | None = None
    """The share of the time that a device beside the host was busy, if known."""


class Curve(Struct, frozen=True):
    """The times of a backend over sizes; ``reason`` says why some or all are missing."""

    backend: str
    spots: list[CurvePoint]
    reason: str | None


class Sweep(Struct, frozen=True, kw_only=True, dict=True):
    """One family, measured in one state of the code with one comparison key.

    What figures and tables show is computed on first access.
    """

    source: str
    """The tool that measured it."""
    comparison_key: ComparisonKey
    state: State
    when: str
    axis: str
    """What sizes count, as ``rows`` or ``width``."""
    family: str
    problem: str | None = None
    """Name of the problems without their sizes; for a model file it contains a digest. None if
    unknown, or if there are several."""
    per_iteration: bool
    """Whether the times are of training iterations; not known for other tools' files."""
    rows: list[Measurement]
    """Rows by backend."""
    others: list[Measurement] = []
    """Rows of the other sessions that are judged together with this one."""
    history: list[Measurement] = []
    """These rows and those of other commits that asv measured under the same conditions."""
    found: Sequence[Crossover] = ()
    """Crossovers of ``rows`` and ``others`` that are known already."""
    pairs: tuple[tuple[str, str], ...] | None = None
    """The pairs to compare; None for every two backends."""
    iterations: int = ITERATIONS
    """Iterations of a whole training, over which a cold start is spread."""
    older: int = 0
    """Number of older states of the same case."""

    @cached_property
    def crossovers(self) -> list[Crossover]:
        """The verdict on each pair; with the history where that includes the newest commit."""
        pairs = self.pairs or pairs_of(self.rows)
        judged = {
            (crossover.incumbent, crossover.challenger): crossover for crossover in self.found
        }
        if judged.keys() >= set(pairs):
            return [judged[pair] for pair in pairs]
        of_state = crossovers([*self.rows, *self.others], pairs)
        if not self.history:
            return of_state
        of_history = {
            (crossover.incumbent, crossover.challenger): crossover
            for crossover in crossovers(self.history, pairs)
            if crossover.commit in (None, self.state.commit)
        }
        return [
            of_history.get((crossover.incumbent, crossover.challenger), crossover)
            for crossover in of_state
        ]

    @cached_property
    def curves(self) -> list[Curve]:
        """The times over sizes of each backend."""
        return _curves(self.rows)

    @cached_property
    def of_one_model(self) -> list[Curve]:
        """The times per model over sizes; empty if every size is of one model."""
        if all(spot.models == 1 for curve in self.curves for spot in curve.spots):
            return []
        return _changed(
            self.curves,
            lambda spot: replace(
                spot, value=scaled(spot.value, 1 / spot.models), epoch=None, models=1
            ),
        )

    @cached_property
    def cold(self) -> list[Curve]:
        """The times of a whole training over sizes, setup included; empty if no setup is known."""
        return _changed(
            _curves(self._cold_rows),
            lambda spot: replace(spot, value=scaled(spot.value, self.iterations)),
        )

    @cached_property
    def cold_crossovers(self) -> list[Crossover]:
        """The crossovers from a cold start; empty with ``cold``."""
        if not is_line(self._cold_rows):
            return []
        return crossovers([*self._cold_rows, *from_cold(self.others, self.iterations)], self.pairs)

    @cached_property
    def amortisations(self) -> list[Amortisation]:
        """When the faster backend of each pair has made up for its setup; empty with ``cold``."""
        return amortisations(self.rows)

    @cached_property
    def gpus(self) -> list[GpuUse]:
        """The states of the GPUs during the measurement."""
        return gpu_use(self.rows)

    @cached_property
    def _cold_rows(self) -> list[Measurement]:
        rows = from_cold(self.rows, self.iterations)
        return rows if any(row.status == "ok" for row in rows) else []


_NO_SWEEP = EXTRAS | {FAMILY}


def sweeps(
    rows: Iterable[Measurement],
    pairs: Sequence[tuple[str, str]] | None = None,
    iterations: int = ITERATIONS,
    others: Iterable[Measurement] = (),
    found: Iterable[Crossover] = (),
) -> list[Sweep]:
    """Return the newest sweep of each case, the newest first; ``pairs`` as in `crossovers`.

    Its crossovers are those of all sessions, in ``rows`` and ``others``, that are judged together.

    A case is a family with one comparison key; for other tools also one environment. Families of
    one size, such as the finding's, and those along two axes have no sweep. ``found`` is the result
    of `crossovers` for the same rows and pairs, which is reused for cases of a single state.
    """
    judged_pairs = None if pairs is None else tuple(pairs)
    beside = grouped_by(others, _case_of, _case)
    lines: list[tuple[str, str, Sweep]] = []
    every = grouped_by(rows, _case_of, _case)
    cases = {case: members for case, members in every.items() if case is not None}
    on_ground = Counter((family, key) for _, family, key, _ in cases)
    judged = grouped(found, lambda crossover: (crossover.family, comparison_key(crossover)))
    for case, rows_of_case in cases.items():
        states = [
            (newest_moment(members)[0], repr(within), members)
            for within, members in grouped_by(rows_of_case, _fields_of_code, _code_of).items()
            if is_line(members)
        ]
        if not states:
            continue
        when, _, members = max(states, key=lambda line: line[:2])
        newest = _newest(members)
        _, family, key, _ = case
        of_others = _of_other_sessions(rows_of_case, newest)
        is_all = len(rows_of_case) == len(newest) + len(of_others) and on_ground[family, key] == 1
        sweep = Sweep(
            source=newest[0].source,
            comparison_key=key,
            state=state(newest[0]),
            when=when,
            axis=size_axis(family, axis_of(newest)),
            family=family,
            problem=shared(
                (
                    problem and problem.removesuffix(f":{size}")
                    for problem, size in set(map(attrgetter("problem", "size"), newest))
                ),
                None,
            ),
            per_iteration=None not in set(map(attrgetter("problem"), newest)),
            rows=newest,
            others=[*of_others, *beside.get(case, [])],
            history=_of_its_history(rows_of_case, members),
            found=judged.get((family, key), []) if is_all else [],
            pairs=judged_pairs,
            iterations=iterations,
            older=len(states) - 1,
        )
        lines.append((when, repr(case), sweep))
    lines.sort(key=lambda line: line[:2], reverse=True)
    return [sweep for _, _, sweep in lines]


_case_of = attrgetter("source", "family", "phase", "file", "environment", *COMPARISON_FIELDS)


def _case(row: Measurement) -> tuple[str, str, ComparisonKey, str | None] | None:
    """Return tool, family, comparison key and environment of a row; None if it is in no sweep."""
    if row.phase is not None or row.family in _NO_SWEEP:
        return None
    # Of our rows only the newest environment counts.
    environment = None if is_of_suite(row) else row.environment
    return row.source, row.family, comparison_key(row), environment


_fields_of_code = attrgetter("file", *State._fields)


def _code_of(row: Measurement) -> str | State | None:
    return row.commit if is_of_suite(row) else state(row)


def _newest(members: Sequence[Measurement]) -> list[Measurement]:
    """Return the rows of the newest state with its current definition, sorted by backend."""
    states = by_state(members)
    newest = next(iter(states))
    if len(states) > 1:
        newest = state(max(members, key=lambda row: (row.status == "ok", row.when)))
    # Backends run in random order, which must not choose the incumbent.
    rows = sorted(states[newest], key=attrgetter("backend"))
    return Definitions(rows).keep(rows)


def _of_other_sessions(
    rows: Sequence[Measurement], newest: Sequence[Measurement]
) -> list[Measurement]:
    """Return the rows of one case that are judged together with those of the newest session."""
    if len(set(map(attrgetter("session"), rows))) < 2:
        return []
    newest_state = state(newest[0])
    return [row for row in rows if answers_with(state(row), newest_state)]


def _of_its_history(
    rows: Sequence[Measurement], members: Sequence[Measurement]
) -> list[Measurement]:
    """Return the rows of all commits that asv measured like ``members``; none for other tools.

    Commits of one level are judged together.
    """
    newest = state(members[0])
    if newest.source != "asv":
        return []
    return [row for row in rows if state(row)._replace(commit=newest.commit) == newest]


def _curves(rows: Sequence[Measurement]) -> list[Curve]:
    return [
        Curve(backend, list(_spots(sizes)), reason(rows, backend))
        for backend, sizes in by_backend_and_size(rows).items()
    ]


def _changed(curves: Iterable[Curve], change: Callable[[CurvePoint], CurvePoint]) -> list[Curve]:
    return [replace(curve, spots=list(map(change, curve.spots))) for curve in curves]


def _spots(sizes: dict[float, list[Measurement]]) -> Iterator[CurvePoint]:
    for size in sorted(sizes):
        spot = spot_of(sizes[size])
        if spot is not None and spot.repeats == 1:
            # A single value has the interval that its file states, if any.
            row = next(row for row in sizes[size] if has_time(row))
            spot = replace(spot, value=Interval(spot.value.estimate, row.low, row.high))
        if spot is not None:
            yield spot


def spot_of(rows: Sequence[Measurement]) -> CurvePoint | None:
    """Return the time of one backend at one size with its interval; None without a timed row."""
    seconds = times(rows, rows[0].backend)
    if not seconds:
        return None
    alike = distinct_epochs(rows)
    return CurvePoint(
        size=rows[0].size,
        value=of_times(list(seconds.values())),
        repeats=len(seconds),
        contention=contention(rows),
        epoch=shared(map(epoch_of, alike), None),
        models=shared(map(models_of, alike), 1),
        busy=busy_share(rows),
    )


def without_rival(rows: Iterable[Measurement]) -> list[str]:
    """Return a line for each backend that alone has a time at some sizes, and why others do not."""
    lines = []
    for (family, _), members in by_family_and_key(list(rows)).items():
        timed = list(filter(has_time, members))
        if not is_shared_out(timed):
            continue
        at_size = grouped(timed, lambda row: row.size)
        alone: dict[str, list[float]] = {}
        for size in sorted(at_size):
            names = {row.backend for row in at_size[size]}
            if len(names) == 1:
                alone.setdefault(names.pop(), []).append(size)
        axis = size_axis(family, axis_of(members))
        for backend, sizes in alone.items():
            rivals = dict.fromkeys(row.backend for row in members if row.backend != backend)
            reasons = [f"{name}: {reason(members, name) or 'no time'}" for name in rivals] or [
                "nothing else was measured"
            ]
            ends = " to ".join(
                f"{axis} {count(size)}" for size in dict.fromkeys((sizes[0], sizes[-1]))
            )
            lines.append(
                f"{family}: only {backend} has a time at {ends}, so none is the fastest there; "
                f"{'; '.join(reasons)}"
            )
    return lines
