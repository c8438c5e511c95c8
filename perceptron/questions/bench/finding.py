"""The published finding beside times measured here: 10,000 iterations on the OR gate."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence

from msgspec import Struct, structs

from perceptron.answer import Table, Verdict
from perceptron.figure import Dot, DotFigure, dots_axis
from perceptron.numbers import (
    NONE,
    Cell,
    Quantity,
    digits,
    duration,
    duration_interval,
    tick,
    times_as_long,
)
from perceptron.questions.shared.published import (
    FAMILY,
    ITERATIONS,
    PUBLISHED,
    measured_dot,
    published_dot,
)
from perceptron.questions.shared.ranking_sentence import ranking_verdict
from perceptron.records.measurement import Measurement
from perceptron.statistics.contention import Contention, by_key, with_contended
from perceptron.statistics.interval import Interval, of_times
from perceptron.statistics.ranking import Doubt, Ranking, confidence_of, rank_rows
from perceptron.statistics.select import NOT_REACHED, has_time, reason, times
from perceptron.statistics.sessions import ratio_of

PUBLISHED_NUMPY = "numpy-published"
"""NumPy with the arithmetic of the published walk-through."""
NUMPY = ("numpy", PUBLISHED_NUMPY)
"""The backends that the ratios compare with."""
# Doubts that more repeats may resolve.
_MORE_MAY_TELL: set[Doubt] = {"too noisy", "contended"}


def finding_backends(backends: Iterable[str], beside: Container[str] = ()) -> tuple[str, ...]:
    """Return the backends of the finding: `PUBLISHED_NUMPY`, then those not in ``beside``.

    Ratios to `PUBLISHED_NUMPY` compare with the published ratios; an optimised NumPy inflates them.
    """
    taken = [name for name in backends if name not in beside]
    return tuple(dict.fromkeys((PUBLISHED_NUMPY, *taken)))


class FindingRow(Struct, frozen=True, kw_only=True):
    """One backend's whole training; seconds and ratios with their 95% intervals.

    A backend that is too slow for its share of the budget has fewer ``iterations``: ``seconds`` is
    None, the ``reason`` states the time of one, and the ratios are of one iteration.
    ``ratio_to_numpy`` compares with our ``numpy``; ``ratio_to_published`` with ``numpy-published``,
    the walk-through's arithmetic, as ``published_ratio`` does.
    """

    backend: str
    dtype: str | None
    seconds: float | None = None
    low: float | None = None
    high: float | None = None
    repeats: int = 0
    iterations: int | None = None
    """Iterations timed in one run, the fewest of all repeats; None without a time."""
    ratio_to_numpy: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    ratio_to_published: float | None = None
    published_low: float | None = None
    published_high: float | None = None
    published_seconds: float | None = None
    published_ratio: float | None = None
    reason: str | None = None

    @property
    def time(self) -> Interval | None:
        """The seconds with their interval."""
        return None if self.seconds is None else Interval(self.seconds, self.low, self.high)


def finding(
    rows: Iterable[Measurement], backends: Iterable[str], others: Iterable[Measurement] = ()
) -> list[FindingRow]:
    """Return a row for each backend, in this order; without times it has a reason instead.

    As published, NumPy runs in float64 and PyTorch in float32. The ratios include the ``others`` of
    other sessions, and have the intervals that decide in `finding_ranking`.
    """
    trainings, backends = finding_rows(rows), list(backends)
    together = finding_rows([*trainings, *others])
    level = confidence_of(len(finding_ranking(together, backends).order))
    return [_row(trainings, together, backend, level) for backend in backends]


def finding_rows(rows: Iterable[Measurement]) -> list[Measurement]:
    """Return the rows of the finding.

    Rows of fewer iterations are included only if their backend has no time of a whole training.
    """
    of_finding = [row for row in rows if row.family == FAMILY]
    whole = [row for row in of_finding if row.iterations in (None, ITERATIONS)]
    trained = {row.backend for row in whole if has_time(row)}
    fewer = (row for row in of_finding if (row.iterations or ITERATIONS) < ITERATIONS)
    return [*whole, *(row for row in fewer if row.backend not in trained)]


def finding_ranking(rows: Iterable[Measurement], backends: Iterable[str]) -> Ranking:
    """Rank the backends of the finding by their rows of one number of threads.

    `PUBLISHED_NUMPY` is ranked only if no more than one other has a time, and none is undecided.
    """
    trainings = finding_rows(rows)
    others = [name for name in backends if name != PUBLISHED_NUMPY]
    ranking = rank_rows(trainings, others)
    if len(ranking.order) > 1 or (ranking.order and ranking.open):
        return ranking
    return rank_rows(trainings, [PUBLISHED_NUMPY, *others])


def repeats_wanted(
    rows: Sequence[Measurement], ranking: Ranking, first: int, enough: int, most: int
) -> int:
    """Return the number of repeats for each backend; the three numbers are those of `Search`.

    It grows beyond ``enough`` while more repeats may decide the ranking.
    """
    taken = len({row.repeat for row in rows if row.backend in ranking.order})
    if taken < enough:
        return first if taken < first else enough
    return min(most, 2 * taken) if _MORE_MAY_TELL.intersection(ranking.doubts.values()) else taken


def _row(
    rows: list[Measurement], together: list[Measurement], backend: str, level: float
) -> FindingRow:
    published = PUBLISHED.get(backend)
    result = FindingRow(
        backend=backend,
        dtype=next((row.dtype for row in rows if row.backend == backend), None),
        published_seconds=published,
        published_ratio=None if published is None else published / PUBLISHED["numpy-published"],
    )
    seconds = list(times(rows, backend).values())
    if not seconds:
        return structs.replace(result, reason=reason(rows, backend) or NOT_REACHED)
    timed = (row for row in rows if row.backend == backend and has_time(row))
    iterations = min(row.iterations or ITERATIONS for row in timed)
    result = structs.replace(result, repeats=len(seconds), iterations=iterations)
    if iterations < ITERATIONS:
        iteration = duration_interval(*structs.astuple(of_times(seconds)))
        explanation = (
            f"{iterations:,} of {ITERATIONS:,} iterations fit into its share of the budget, at "
            f"{iteration} each"
        )
        result = structs.replace(result, reason=explanation)
    else:
        training = of_times([ITERATIONS * value for value in seconds])
        result = structs.replace(
            result, seconds=training.estimate, low=training.low, high=training.high
        )
    to_numpy = ratio_of(together, backend, "numpy", level)
    to_published = ratio_of(together, backend, PUBLISHED_NUMPY, level)
    return structs.replace(
        result,
        ratio_to_numpy=to_numpy.estimate if to_numpy else None,
        ratio_low=to_numpy.low if to_numpy else None,
        ratio_high=to_numpy.high if to_numpy else None,
        ratio_to_published=to_published.estimate if to_published else None,
        published_low=to_published.low if to_published else None,
        published_high=to_published.high if to_published else None,
    )


# --- in words ------------------------------------------------------------------------------------

TITLE = "The finding: 10,000 iterations on the OR gate [95% interval]"
_COLUMNS = (
    "backend",
    "dtype",
    "published>",
    "whole training>",
    "× numpy>",
    "× numpy-published>",
)


def finding_table(rows: Sequence[FindingRow], measured: Iterable[Measurement]) -> Table:
    """Return the table of whole trainings beside the published ones, with their contention."""
    trainings = by_key((row for row in measured if row.family == FAMILY), lambda row: row.backend)
    table = Table(title=TITLE, columns=_COLUMNS, rows=tuple(map(_cells, rows)))
    return with_contended(table, (trainings.get(row.backend, Contention()) for row in rows))


def finding_verdict(
    rows: Sequence[FindingRow], ranking: Ranking, heading: str, threads: int | None, more_time: str
) -> Verdict | None:
    """Return the verdict on who trains the OR gate fastest; None without a time."""
    parts = {row.backend: part(row) for row in rows if row.repeats}
    return ranking_verdict(FAMILY, ranking, heading, threads, more_time, parts.__getitem__)


def published_beside_numpy(rows: Iterable[FindingRow]) -> list[str]:
    """Return a sentence on ``numpy-published`` against ``numpy``, or none without both times."""
    return [
        "The published NumPy (numpy-published) takes "
        + times_as_long(row.ratio_to_numpy, row.ratio_low, row.ratio_high, "numpy")
        + "."
        for row in rows
        if row.backend == "numpy-published" and row.ratio_to_numpy is not None
    ]


def part(row: FindingRow) -> str:
    """Return ``over 500 iterations`` with a space before; empty for all of them."""
    return "" if row.iterations == ITERATIONS else f" over {row.iterations:,} iterations"


def _cells(row: FindingRow) -> tuple[Cell, ...]:
    published = None
    if row.published_seconds is not None and row.published_ratio is not None:
        times = f" ({digits(row.published_ratio)}×)"
        published = Quantity(row.published_seconds, "s", digits="g", after=times)
    training: Cell = f"not measured: {row.reason}"
    if row.repeats:  # of fewer iterations
        training = row.reason or None
    if row.seconds is not None:
        training = Quantity(row.seconds, "s", (row.low, row.high))
    return (
        row.backend,
        row.dtype or None,
        published,
        training,
        _ratio(row.ratio_to_numpy, row.ratio_low, row.ratio_high),
        _ratio(row.ratio_to_published, row.published_low, row.published_high),
    )


def _ratio(value: float | None, low: float | None, high: float | None) -> Cell:
    return None if value is None else Quantity(value, "", (low, high))


def finding_figure(rows: Sequence[FindingRow]) -> DotFigure:
    """Return the figure of each backend's seconds; open dots are the published ones."""
    dots = tuple(dot for index, row in enumerate(rows) for dot in _dots(index, row))
    texts = "; ".join(dot.text for dot in dots)
    return DotFigure(
        alt=f"Seconds of 10,000 iterations on the OR gate, logarithmic: {texts}",
        caption="Four rows, two features. NumPy computes in float64 and PyTorch in float32, as "
        "published. Bars are 95% intervals over repeats, often smaller than the dot; the "
        "published times come from other, unnamed hardware.",
        key="filled: measured here; open: published",
        height=68 * len(rows) + 143,
        x=dots_axis(dots, tick, "10,000 iterations on the OR gate"),
        rows=tuple(f"{row.backend}\n{row.dtype or NONE}" for row in rows),
        dots=dots,
        absent=tuple(
            (index, (row.reason or NONE) if row.repeats else f"not measured: {row.reason}")
            for index, row in enumerate(rows)
            if row.seconds is None
        ),
    )


def _dots(index: int, row: FindingRow) -> Iterator[Dot]:
    if (published := row.published_seconds) is not None:
        text = f"{row.backend} {published:g} s as published"
        yield published_dot(index, row.backend, published, f"{published:g} s", text)
    if (time := row.time) is not None:
        text = f"{row.backend} {duration_interval(*structs.astuple(time))}"
        yield measured_dot(index, row.backend, time, duration(time.estimate), text)
