"""The published finding, beside what was measured here: 10,000 iterations on the OR gate."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from itertools import chain, repeat

from msgspec import Struct, structs

from perceptron.answer import Table, Verdict
from perceptron.figure import Dot, DotFigure, dots_axis
from perceptron.numbers import (
    NONE,
    digits,
    duration,
    duration_interval,
    enumerated,
    ratio,
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
from perceptron.records.measurement import Measurement
from perceptron.statistics.contention import Contention, by_key, with_contended
from perceptron.statistics.interval import Interval, of_times, ratio_of
from perceptron.statistics.select import NOT_REACHED, has_time, reason, times

NUMPY = ("numpy", "numpy-published")
"""What every other backend is compared with."""


def finding_backends(backends: Iterable[str], beside: Container[str] = ()) -> tuple[str, ...]:
    """Return these backends, without those ``beside`` it, after the walk-through's own arithmetic.

    Ratios to that one compare with the published ratios; an optimised NumPy inflates them.
    """
    taken = [name for name in backends if name not in beside]
    return tuple(dict.fromkeys(("numpy-published", *taken)))


class FindingRow(Struct, frozen=True, kw_only=True):
    """One backend's whole training; seconds and ratios with their 95% intervals.

    Of what is too slow for its share of the budget fewer ``iterations`` were timed: ``seconds`` is
    None, the ``reason`` has the time of one, and the ratios are of one iteration.
    ``ratio_to_numpy`` compares with our ``numpy``, ``ratio_to_published`` with the walk-through's
    own arithmetic, ``numpy-published``; that is what ``published_ratio`` was measured against.
    """

    backend: str
    dtype: str | None
    seconds: float | None = None
    low: float | None = None
    high: float | None = None
    repeats: int = 0
    iterations: int | None = None
    """Those that were timed in one go, the fewest of all repeats; None without a time."""
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

    def ratio_to(self, other: str) -> Interval | None:
        """Return the ratio to ``numpy`` or to ``numpy-published``; None without one."""
        if other == "numpy":
            ratio, low, high = self.ratio_to_numpy, self.ratio_low, self.ratio_high
        else:
            ratio, low, high = self.ratio_to_published, self.published_low, self.published_high
        return None if ratio is None else Interval(ratio, low, high)


def finding(rows: Iterable[Measurement], backends: Iterable[str]) -> list[FindingRow]:
    """Return a row for each backend, in this order; one without times has a reason instead.

    As published, NumPy runs in float64 and PyTorch in float32.
    """
    trainings = finding_rows(rows)
    return [_row(trainings, backend) for backend in backends]


def finding_rows(rows: Iterable[Measurement]) -> list[Measurement]:
    """Return the rows that the finding is read off.

    Those of fewer iterations are, of a backend that has no time of all of them.
    """
    own = [row for row in rows if row.family == FAMILY]
    whole = [row for row in own if row.iterations in (None, ITERATIONS)]
    trained = {row.backend for row in whole if has_time(row)}
    fewer = (row for row in own if (row.iterations or ITERATIONS) < ITERATIONS)
    return [*whole, *(row for row in fewer if row.backend not in trained)]


def _row(rows: list[Measurement], backend: str) -> FindingRow:
    published = PUBLISHED.get(backend)
    found = FindingRow(
        backend=backend,
        dtype=next((row.dtype for row in rows if row.backend == backend), None),
        published_seconds=published,
        published_ratio=None if published is None else published / PUBLISHED["numpy-published"],
    )
    seconds = list(times(rows, backend).values())
    if not seconds:
        return structs.replace(found, reason=reason(rows, backend) or NOT_REACHED)
    timed = (row for row in rows if row.backend == backend and has_time(row))
    iterations = min(row.iterations or ITERATIONS for row in timed)
    found = structs.replace(found, repeats=len(seconds), iterations=iterations)
    if iterations < ITERATIONS:
        one = duration_interval(*structs.astuple(of_times(seconds)))
        explanation = (
            f"{iterations:,} of {ITERATIONS:,} iterations fit into its share of the budget, at "
            f"{one} each"
        )
        found = structs.replace(found, reason=explanation)
    else:
        training = of_times([ITERATIONS * value for value in seconds])
        found = structs.replace(
            found, seconds=training.estimate, low=training.low, high=training.high
        )
    to_numpy = ratio_of(rows, backend, "numpy")
    to_published = ratio_of(rows, backend, "numpy-published")
    return structs.replace(
        found,
        ratio_to_numpy=to_numpy.estimate if to_numpy else None,
        ratio_low=to_numpy.low if to_numpy else None,
        ratio_high=to_numpy.high if to_numpy else None,
        ratio_to_published=to_published.estimate if to_published else None,
        published_low=to_published.low if to_published else None,
        published_high=to_published.high if to_published else None,
    )


# --- in words ------------------------------------------------------------------------------------

# The second line where no ratio has an interval, and where there is no other backend.
_UNDECIDED = "why: too few repeats that were not contended; next: --wait or a larger --budget"
_NO_OTHER = "why: nothing to compare it with; next: --backends with another one"
TITLE = "The finding: 10,000 iterations on the OR gate"
_COLUMNS = (
    "backend",
    "dtype",
    "whole training [95% interval]>",
    "× numpy>",
    "× numpy-published>",
    "published>",
)


def finding_table(rows: Sequence[FindingRow], measured: Iterable[Measurement]) -> Table:
    """Return whole trainings beside the published ones, and how contended those measured were."""
    trainings = by_key((row for row in measured if row.family == FAMILY), lambda row: row.backend)
    table = Table(title=TITLE, columns=_COLUMNS, rows=tuple(map(_cells, rows)))
    return with_contended(table, (trainings.get(row.backend, Contention()) for row in rows))


def finding_verdict(rows: Sequence[FindingRow], heading: str = "") -> Verdict | None:
    """Return what the others take beside NumPy; None without a time.

    That is ``numpy``, or ``numpy-published`` where that has no time. Where nothing but NumPy can
    run, one is compared with the other. A time alone decides nothing, however often it was taken.
    """
    timed = [row for row in rows if row.repeats]
    beside = "numpy" if any(row.backend == "numpy" for row in timed) else "numpy-published"
    others = _compared(rows, beside, lambda backend: backend not in NUMPY)
    if not others and not _late(row for row in rows if row.backend not in NUMPY):
        beside = "numpy-published"
        others = _compared(rows, beside, lambda backend: backend == "numpy")
    if not others:
        return _alone(timed, heading, _late(rows) or _NO_OTHER)
    known = [found for _, found in others if _is_apart(found)]
    told = [
        f"{row.backend} takes {times_as_long(found.estimate, found.low, found.high, other)}"
        f"{part(row)}"
        for (row, found), other in zip(others, chain([beside], repeat("")), strict=False)
    ]
    sentence = "; ".join(told)
    if not known:
        sentence = f"undecided; by the estimate {sentence}"
    return Verdict(
        subject=FAMILY,
        decided="yes" if len(known) == len(others) else "partly" if known else "no",
        sentence=sentence,
        notes=() if any(found.low is not None for _, found in others) else (_UNDECIDED,),
        heading=heading,
    )


def _late(rows: Iterable[FindingRow]) -> str:
    """Name those whose turn did not come; empty without any."""
    late = [row.backend for row in rows if row.reason == NOT_REACHED]
    return f"why: no time was left for {enumerated(late)}; next: a larger --budget" if late else ""


def _compared(
    rows: Iterable[FindingRow], beside: str, counts: Callable[[str], bool]
) -> list[tuple[FindingRow, Interval]]:
    return [
        (row, found)
        for row in rows
        if counts(row.backend) and (found := row.ratio_to(beside)) is not None
    ]


def is_framework_the_cost(rows: Sequence[FindingRow]) -> bool:
    """Return whether a backend is known to take longer than NumPy, which is what was published."""
    ratios = [row.ratio_to("numpy") or row.ratio_to("numpy-published") for row in rows]
    return any(
        ratio is not None and ratio.low is not None and ratio.low > 1
        for row, ratio in zip(rows, ratios, strict=True)
        if row.backend not in NUMPY
    )


def published_beside_numpy(rows: Iterable[FindingRow]) -> list[str]:
    """Say what NumPy as the walk-through writes it takes beside ``numpy``, if both have a time."""
    return [
        "The published NumPy (numpy-published) takes "
        + times_as_long(row.ratio_to_numpy, row.ratio_low, row.ratio_high, "numpy")
        + "."
        for row in rows
        if row.backend == "numpy-published" and row.ratio_to_numpy is not None
    ]


def _alone(rows: Sequence[FindingRow], heading: str, why: str) -> Verdict | None:
    if not rows:
        return None
    row = rows[-1]
    time = f"{duration_interval(*structs.astuple(row.time))} for" if row.time else "of"
    sentence = f"undecided: only {row.backend} has a time, {time} {row.iterations:,} iterations"
    return Verdict(subject=FAMILY, decided="no", sentence=sentence, notes=(why,), heading=heading)


def part(row: FindingRow) -> str:
    """Return over how many iterations, where they are not all."""
    return "" if row.iterations == ITERATIONS else f" over {row.iterations:,} iterations"


def _is_apart(ratio: Interval) -> bool:
    return ratio.low is not None and ratio.high is not None and not ratio.low <= 1 <= ratio.high


def _cells(row: FindingRow) -> tuple[str, ...]:
    published = NONE
    if row.published_seconds is not None and row.published_ratio is not None:
        published = f"{row.published_seconds:g} s (× {digits(row.published_ratio)})"
    training = f"not measured: {row.reason}"
    if row.repeats:  # of fewer iterations, which is no whole training
        training = row.reason or NONE
    if row.seconds is not None:
        training = duration_interval(row.seconds, row.low, row.high)
    return (
        row.backend,
        row.dtype or NONE,
        training,
        ratio(row.ratio_to_numpy, row.ratio_low, row.ratio_high),
        ratio(row.ratio_to_published, row.published_low, row.published_high),
        published,
    )


def finding_figure(rows: Sequence[FindingRow]) -> DotFigure:
    """Return the seconds of each backend; open dots were published, on hardware not named."""
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
