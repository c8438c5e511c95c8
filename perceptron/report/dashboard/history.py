"""The page of history: each of asv's cases over commits, with the steps in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from perceptron.analysis.history import CaseHistory, Segment
from perceptron.analysis.interval import Interval, scaled
from perceptron.analysis.sizes import size_axis
from perceptron.answer import Answer, Figure, Note, Setting, Table
from perceptron.figure import Axis, Line, LineFigure, linear_axis
from perceptron.grouping import grouped
from perceptron.numbers import NONE, duration, duration_interval, interval, tick
from perceptron.report.dashboard.answers import Shown
from perceptron.report.dashboard.page import machine_name

STEP_COLUMNS = (
    "from commit",
    "to commit",
    "commits>",
    "level [95% interval]>",
    "change [95% interval]>",
)
_MOST_DATES = 6


def history_answers(histories: Iterable[CaseHistory]) -> Iterator[Shown]:
    """Yield the cases of each machine and family, which are in one file."""
    for place, cases in grouped(histories, _place).items():
        answer = Answer(
            question="history",
            asked=(),
            verdicts=(),
            notes=tuple(note for past in cases for note in _notes(past)),
            tables=tuple(map(_steps, cases)),
            figures=tuple(map(_figure, cases)),
        )
        yield Shown(answer, place)


def _place(past: CaseHistory) -> Setting:
    row = past.row
    return (
        ("Family", row.family),
        ("Machine", machine_name(row.machine, row.source)),
        ("Environment", row.environment or "not stated"),
    )


def _part(past: CaseHistory) -> Setting:
    return ("Size", f"{past.row.size:,}"), ("Backend", past.row.backend)


def _notes(past: CaseHistory) -> tuple[Note, Note]:
    steps = len(past.steps) - 1
    summary = "no step was detected" if steps < 1 else f"{steps} step{'s' if steps > 1 else ''}"
    first, last = past.points[0], past.points[-1]
    dates = f"from {first.committed[:10]} to {last.committed[:10]}"
    explained = (
        "A dot is one process at one commit; by itself it has no interval. A level's interval "
        "comes from the dots of its commits. Steps are found as asv finds them."
    )
    return (
        Note(f"{len(past.points)} commits {dates}: {summary}.", part=_part(past)),
        Note(explained, part=_part(past)),
    )


def _steps(past: CaseHistory) -> Table:
    rows = tuple(
        (
            past.points[step.first].commit,
            past.points[step.last].commit,
            str(step.last - step.first + 1),
            _seconds(step.level),
            _change(step) or NONE,
        )
        for step in past.steps
    )
    return Table(title="Levels", columns=STEP_COLUMNS, rows=rows, part=_part(past))


def _figure(past: CaseHistory) -> Figure:
    row, points = past.row, past.points
    # At even distances: each has room for a date.
    shown = range(0, len(points), -(-len(points) // _MOST_DATES))
    values = tuple(point.seconds for point in points)
    drawing = LineFigure(
        alt=f"Time per iteration of {row.backend} over {len(points)} commits: "
        + "; ".join(_words(past, step) for step in past.steps),
        caption="Lines are levels between steps. Commits are in the order of their dates, evenly "
        "spread.",
        height=420,
        x=Axis(
            title="commit",
            low=-0.5,
            high=len(points) - 0.5,
            ticks=tuple((float(at), points[at].committed[:10]) for at in shown),
            is_linear=True,
        ),
        # From zero, so that a step looks as large as it is.
        y=linear_axis([0.0, *values], _tick, "time per iteration"),
        lines=(
            Line(
                backend=row.backend,
                label=row.backend,
                x=tuple(map(float, range(len(points)))),
                y=values,
                texts=tuple(
                    f"{point.commit}, {point.committed[:10]}: {duration(point.seconds)}"
                    for point in points
                ),
                dots="filled",
            ),
        ),
        inked=tuple(
            (end, step.level.estimate)
            for step in past.steps
            for end in (step.first - 0.5, step.last + 0.5)
        ),
        legend=False,
    )
    title = f"{row.family}, {size_axis(row.family)} {row.size:,}, {row.backend}"
    return Figure(title=title, drawing=drawing, part=_part(past))


def _tick(seconds: float) -> str:
    return tick(float(f"{seconds:.3g}")) if seconds else "0"


def _words(past: CaseHistory, step: Segment) -> str:
    level = _seconds(step.level)
    change = _change(step)
    return f"{level} from {past.points[step.first].commit}" + (f" ({change})" if change else "")


def _change(step: Segment) -> str:
    if step.change is None:
        return ""
    percent = scaled(step.change, 100)
    return f"{interval(percent.estimate, percent.low, percent.high)} %"


def _seconds(level: Interval) -> str:
    return duration_interval(level.estimate, level.low, level.high)
