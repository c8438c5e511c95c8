"""Make the part of docs/findings.md on published GPU results, as `crossover --from` judges them.

Each table of results/published is a source. The comments above its header state its origin and how
it was measured, a line for each name in `_ABOUT`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from math import inf
from pathlib import Path

from msgspec import Struct

from docs.build.blocks import Blocks
from perceptron.answer import ReadFromFiles
from perceptron.errors import UserError
from perceptron.figure import Line, LineFigure, Mark, Stretch, log_axis
from perceptron.numbers import digits, duration
from perceptron.questions.crossover.comparable import gpus_among
from perceptron.questions.crossover.judge import NO_ANSWER, Crossover
from perceptron.questions.crossover.study import CrossoverPlan, CrossoverStudy
from perceptron.questions.crossover.verdict import axis_of, is_measured, sentence
from perceptron.questions.shared.training import training_words
from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.report.charts.svg import draw
from perceptron.report.tables import markdown
from perceptron.statistics.select import has_time
from perceptron.statistics.sizes import number, sized

_PICTURE = "gpu-evidence.svg"
_ABOUT = (
    *("repository", "file", "hardware", "libraries", "operation", "size", "timed"),
    "synchronised",
)
_COLUMNS = (
    *("source", "hardware", "operation", "backends"),
    *("GPU wins from [sizes around]", "GPU at the smallest size"),
)
_PUBLISHED = ("source", "operation", "backend", "sizes", "time")
_TIE = 1.05


class _Source(Struct, frozen=True):
    """A table: its name, its comments, and the deciding pair of each operation in it."""

    name: str
    about: dict[str, str]
    answers: list[Crossover]
    rows: list[Measurement]


def blocks(published: Path, has_gpu: bool) -> Blocks:
    """Return the summary of all sources, and a table with a row for each operation.

    ``has_gpu`` says whether this suite has results of a GPU.
    """
    sources = _sources(published)
    answers = [row for source in sources for row in _answers(source)]
    return {
        "gpus-in-common": _in_common(sources, has_gpu),
        "evidence": "\n".join(markdown.table(_COLUMNS, answers)),
    }


def beside(published: Path, gpu: str) -> list[str]:
    """Return the published times of a GPU as a table with a row for each operation and backend.

    Empty if no source measured it.
    """
    rows = [
        (_link(source.about["repository"]), *cells)
        for source in _sources(published)
        if re.split("[,(]", source.about["hardware"])[0].strip() in gpu
        for cells in _spans(source)
    ]
    return markdown.table(_PUBLISHED, rows) if rows else []


def _spans(source: _Source) -> Iterator[tuple[str, ...]]:
    """Yield a row for each operation and backend: the ranges of sizes and of times."""
    timed = filter(has_time, source.rows)
    for (family, how, backend), rows in grouped(timed, _operation_of).items():
        sizes, times = ([getattr(row, name) for row in rows] for name in ("size", "seconds"))
        ends = f"{number(min(sizes))}–{number(max(sizes))} {source.about['size']}"
        yield f"`{family}`{how}", backend, ends, f"{duration(min(times))} to {duration(max(times))}"


def _operation_of(row: Measurement) -> tuple[str, str, str]:
    how = training_words(row)
    return row.family, f", {how}" if how else "", row.backend


def pictures(published: Path) -> dict[str, str]:
    """Return the figure of the GPU's times over the CPU's: SVG by file name."""
    return {_PICTURE: draw(_figure(_sources(published)))}


# --- the sources ----------------------------------------------------------------------------------


def _sources(published: Path) -> list[_Source]:
    """Return the sources, those of trainings first."""
    files = sorted(published.glob("*.csv"))
    sources = [_source(file) for file in files]
    return sorted(sources, key=lambda source: not source.about["timed"].startswith("training"))


def _source(file: Path) -> _Source:
    about = _about(file)
    answered = CrossoverStudy().read(CrossoverPlan(sources=(str(file),)).resolved())
    return _Source(file.name, about, _compared(answered), list(answered.rows))


def _about(file: Path) -> dict[str, str]:
    """Return the comments above the header by name; raises `UserError` if one is missing."""
    lines = file.read_text(encoding="utf-8").splitlines()
    comments = (line.removeprefix("# ").partition(": ") for line in lines if line.startswith("#"))
    about = {name: text for name, _, text in comments}
    for name in _ABOUT:
        if name not in about:
            raise UserError(f"{file}: no comment '# {name}: …' above the header")
    return about


def _compared(answered: ReadFromFiles) -> list[Crossover]:
    """Return the deciding pair of each operation; one pair in all if none has a common size."""
    gpus = gpus_among(answered.rows)
    pairs: dict[tuple[str, ...], list[Crossover]] = {}
    for crossover in answered.answer.data["crossovers"]:
        if crossover.challenger in gpus and crossover.incumbent not in gpus:
            pairs.setdefault(_operation(crossover) if is_measured(crossover) else (), []).append(
                crossover
            )
    return [_deciding(group) for group in pairs.values()]


def _operation(crossover: Crossover) -> tuple[str, ...]:
    how = (crossover.dtype, training_words(crossover) or crossover.optimizer)
    return (crossover.family, *filter(None, how))


def _deciding(pairs: Sequence[Crossover]) -> Crossover:
    """Return the pair of the GPU that wins first, with the CPU's backend that it overtakes last."""
    last: dict[str, Crossover] = {}
    for crossover in pairs:
        previous = last.get(crossover.challenger)
        if previous is None or _held_out(crossover) > _held_out(previous):
            last[crossover.challenger] = crossover
    return min(last.values(), key=_held_out)


def _held_out(crossover: Crossover) -> tuple[float, bool, float]:
    """Return a sort key: the size up to which the CPU wins, then answered and clear pairs last."""
    largest = crossover.ratio_at[-1].ratio if crossover.ratio_at else inf
    return _wins_from(crossover), crossover.status not in NO_ANSWER, largest


def _wins_from(crossover: Crossover) -> float:
    """Return the size from which the GPU wins: 0 if at all sizes, infinity if at none."""
    if crossover.crossings:
        last = crossover.crossings[-1]
        return last.size if last.direction == "challenger" else inf
    return 0.0 if crossover.status == "always" else inf


# --- in words -------------------------------------------------------------------------------------


def _in_common(sources: Sequence[_Source], has_gpu: bool) -> str:
    measured = [
        crossover for source in sources for crossover in source.answers if is_measured(crossover)
    ]
    ratios = [crossover.ratio_at[0].ratio for crossover in measured]
    slower = [ratio for ratio in ratios if ratio > _TIE]
    compared = sum(any(map(is_measured, source.answers)) for source in sources)
    ours = "" if has_gpu else " perceptron has not run on a GPU yet."
    return (
        f"{compared} published sources timed a GPU beside a CPU at the same sizes.{ours} The GPU "
        f"loses where the work is small: at the smallest size it takes longer in {len(slower)} of "
        f"{len(ratios)} comparisons, {digits(min(slower))} to {digits(max(slower))}× as long."
    )


def _answers(source: _Source) -> Iterator[tuple[str, ...]]:
    """Yield a row for each operation; cells equal to those of the row above are empty."""
    about = source.about
    shared = f"{_link(about['repository'])}, `{source.name}`", about["hardware"]
    for crossover in source.answers:
        family, *how = _operation(crossover) if is_measured(crossover) else ("",)
        about_it = ", ".join((f"`{family}`", *how)) if family else ""
        yield (
            *shared,
            ": ".join(filter(None, (about["operation"], about_it))),
            f"{crossover.challenger}, {crossover.incumbent}",
            _turn(crossover, about["size"]),
            _at_first(crossover, about["size"]),
        )
        shared = "", ""


def _turn(crossover: Crossover, noun: str) -> str:
    size = _wins_from(crossover)
    if not is_measured(crossover):
        return f"not measured: {crossover.reason}"
    if not 0 < size < inf:
        return sentence(crossover)
    below = max(measured for measured in crossover.sizes_measured if measured <= size)
    above = min(measured for measured in crossover.sizes_measured if measured >= size)
    return f"{_sized(digits(size), crossover, noun)} [{number(below)}, {number(above)}]"


def _at_first(crossover: Crossover, noun: str) -> str:
    if not crossover.ratio_at:
        return ""
    first = crossover.ratio_at[0]
    return f"{digits(first.ratio)}× as long at {_sized(number(first.size), crossover, noun)}"


def _sized(text: str, crossover: Crossover, noun: str) -> str:
    axis = axis_of(crossover)
    return sized(text, noun if axis == "size" else axis)


def _link(text: str) -> str:
    name = text.removeprefix("https://github.com/")
    return f"`{text}`" if name == text else f"[{name}]({text})"


# --- drawn ----------------------------------------------------------------------------------------


def _figure(sources: Iterable[_Source]) -> LineFigure:
    """Draw the ratio over the size, as a multiple of the size from which the GPU wins."""
    turning = [
        (source.about["operation"], crossovers)
        for source in sources
        if (
            crossovers := [
                crossover for crossover in source.answers if 0 < _wins_from(crossover) < inf
            ]
        )
    ]
    lines = [
        _line(crossover, operation, index)
        for index, (operation, crossovers) in enumerate(turning)
        for crossover in crossovers
    ]
    return LineFigure(
        alt="The GPU's time over the CPU's, over the size as a multiple of the size from which the "
        f"GPU wins, both axes logarithmic: {'; '.join(name for name, _ in turning)}",
        caption="Above 1 the CPU is faster, below it the GPU; grey: a tie within ±5%. Operations "
        "at which the GPU never wins have no such size and are left out.",
        height=480,
        x=log_axis(
            [x for line in lines for x in line.x],
            _times,
            10,
            "size over the size of the crossover",
            12,
        ),
        y=log_axis(
            [y for line in lines for y in line.y], _times, 10, "time of the GPU over the CPU", 12
        ),
        lines=tuple(lines),
        marks=(Mark(1.0, "from here on the GPU wins", 0),),
        stretches=(Stretch("y", 1 / _TIE, _TIE, "tie"),),
    )


def _line(crossover: Crossover, label: str, index: int) -> Line:
    turn = _wins_from(crossover)
    return Line(
        backend=crossover.challenger,
        label=label,
        x=tuple(at.size / turn for at in crossover.ratio_at),
        y=tuple(at.ratio for at in crossover.ratio_at),
        texts=tuple(
            f"{', '.join(_operation(crossover))}, {number(at.size)}: {digits(at.ratio)} ×"
            for at in crossover.ratio_at
        ),
        machine=index,
    )


def _times(value: float) -> str:
    return f"{value:g} ×"
