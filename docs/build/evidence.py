"""docs/findings.md, too: published GPU results, as `crossover --from` judges them.

A table of results/published is one source: the comments above its header say where it is from and
how it was measured, a line for each of `_ABOUT`.
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
    """A table: its name, what its comments say, and a pair for each operation in it."""

    name: str
    about: dict[str, str]
    answers: list[Crossover]
    rows: list[Measurement]


def blocks(published: Path, has_gpu: bool) -> Blocks:
    """Return the facts that the sources share, and a row for each operation.

    ``has_gpu`` says whether results of ours are of a GPU.
    """
    sources = _sources(published)
    answers = [row for source in sources for row in _answers(source)]
    return {
        "gpus-in-common": _in_common(sources, has_gpu),
        "evidence": "\n".join(markdown.table(_COLUMNS, answers)),
    }


def beside(published: Path, gpu: str) -> list[str]:
    """Return the published figures of the GPU of this name: a row for each operation and backend.

    Nothing if nothing was.
    """
    rows = [
        (_link(source.about["repository"]), *cells)
        for source in _sources(published)
        if re.split("[,(]", source.about["hardware"])[0].strip() in gpu
        for cells in _spans(source)
    ]
    return markdown.table(_PUBLISHED, rows) if rows else []


def _spans(source: _Source) -> Iterator[tuple[str, ...]]:
    """Yield the smallest and the largest size of each operation and backend, and such times."""
    timed = filter(has_time, source.rows)
    for (family, how, backend), rows in grouped(timed, _operation_of).items():
        sizes, times = ([getattr(row, name) for row in rows] for name in ("size", "seconds"))
        ends = f"{number(min(sizes))}–{number(max(sizes))} {source.about['size']}"
        yield f"`{family}`{how}", backend, ends, f"{duration(min(times))} to {duration(max(times))}"


def _operation_of(row: Measurement) -> tuple[str, str, str]:
    how = training_words(row)
    return row.family, f", {how}" if how else "", row.backend


def pictures(published: Path) -> dict[str, str]:
    """Return the GPU's times over the CPU's: SVG by file name."""
    return {_PICTURE: draw(_figure(_sources(published)))}


# --- what is known of each source -----------------------------------------------------------------


def _sources(published: Path) -> list[_Source]:
    """Return every table, those of trainings first."""
    files = sorted(published.glob("*.csv"))
    sources = [_source(file) for file in files]
    return sorted(sources, key=lambda source: not source.about["timed"].startswith("training"))


def _source(file: Path) -> _Source:
    about = _about(file)
    read = CrossoverStudy().read(CrossoverPlan(sources=(str(file),)).resolved())
    return _Source(file.name, about, _compared(read), list(read.rows))


def _about(file: Path) -> dict[str, str]:
    """Return the comments above the header; raises `UserError` for one that is missing."""
    lines = file.read_text(encoding="utf-8").splitlines()
    comments = (line.removeprefix("# ").partition(": ") for line in lines if line.startswith("#"))
    about = {name: text for name, _, text in comments}
    for name in _ABOUT:
        if name not in about:
            raise UserError(f"{file}: no comment '# {name}: …' above the header")
    return about


def _compared(read: ReadFromFiles) -> list[Crossover]:
    """Return the pair that decides each operation; of a table without a common size one alone."""
    gpus = gpus_among(read.rows)
    pairs: dict[tuple[str, ...], list[Crossover]] = {}
    for found in read.answer.data["crossovers"]:
        if found.challenger in gpus and found.incumbent not in gpus:
            pairs.setdefault(_operation(found) if is_measured(found) else (), []).append(found)
    return [_deciding(own) for own in pairs.values()]


def _operation(found: Crossover) -> tuple[str, ...]:
    how = (found.dtype, training_words(found) or found.optimizer)
    return (found.family, *filter(None, how))


def _deciding(pairs: Sequence[Crossover]) -> Crossover:
    """Return the GPU that wins first, beside the CPU's backend that it overtakes last."""
    last: dict[str, Crossover] = {}
    for found in pairs:
        known = last.get(found.challenger)
        if known is None or _held_out(found) > _held_out(known):
            last[found.challenger] = found
    return min(last.values(), key=_held_out)


def _held_out(found: Crossover) -> tuple[float, bool, float]:
    """Return how long the CPU does, to sort by; of equals one with an answer, then the clearest."""
    largest = found.ratio_at[-1].ratio if found.ratio_at else inf
    return _wins_from(found), found.status not in NO_ANSWER, largest


def _wins_from(found: Crossover) -> float:
    """Return from which size the GPU wins, up to the largest: 0 for all, infinity for none."""
    if found.crossings:
        last = found.crossings[-1]
        return last.size if last.direction == "challenger" else inf
    return 0.0 if found.status == "always" else inf


# --- in words -------------------------------------------------------------------------------------


def _in_common(sources: Sequence[_Source], has_gpu: bool) -> str:
    measured = [one for source in sources for one in source.answers if is_measured(one)]
    ratios = [one.ratio_at[0].ratio for one in measured]
    slower = [ratio for ratio in ratios if ratio > _TIE]
    compared = sum(any(map(is_measured, source.answers)) for source in sources)
    ours = "" if has_gpu else " perceptron has not run on a GPU yet."
    return (
        f"{compared} published sources timed a GPU beside a CPU at the same sizes.{ours} The GPU "
        f"loses where the work is small: at the smallest size it takes longer in {len(slower)} of "
        f"{len(ratios)} comparisons, {digits(min(slower))} to {digits(max(slower))}× as long."
    )


def _answers(source: _Source) -> Iterator[tuple[str, ...]]:
    """Yield a row for each operation; what it shares with the one above is left blank."""
    about = source.about
    shared = f"{_link(about['repository'])}, `{source.name}`", about["hardware"]
    for found in source.answers:
        family, *how = _operation(found) if is_measured(found) else ("",)
        about_it = ", ".join((f"`{family}`", *how)) if family else ""
        yield (
            *shared,
            ": ".join(filter(None, (about["operation"], about_it))),
            f"{found.challenger}, {found.incumbent}",
            _turn(found, about["size"]),
            _at_first(found, about["size"]),
        )
        shared = "", ""


def _turn(found: Crossover, noun: str) -> str:
    size = _wins_from(found)
    if not is_measured(found):
        return f"not measured: {found.reason}"
    if not 0 < size < inf:
        return sentence(found)
    below = max(one for one in found.sizes_measured if one <= size)
    above = min(one for one in found.sizes_measured if one >= size)
    return f"{_sized(digits(size), found, noun)} [{number(below)}, {number(above)}]"


def _at_first(found: Crossover, noun: str) -> str:
    if not found.ratio_at:
        return ""
    first = found.ratio_at[0]
    return f"{digits(first.ratio)}× as long at {_sized(number(first.size), found, noun)}"


def _sized(words: str, found: Crossover, noun: str) -> str:
    axis = axis_of(found)
    return sized(words, noun if axis == "size" else axis)


def _link(text: str) -> str:
    name = text.removeprefix("https://github.com/")
    return f"`{text}`" if name == text else f"[{name}]({text})"


# --- drawn ----------------------------------------------------------------------------------------


def _figure(sources: Iterable[_Source]) -> LineFigure:
    """Draw the ratio over the size, as a multiple of the size from which the GPU wins."""
    turning = [
        (source.about["operation"], own)
        for source in sources
        if (own := [one for one in source.answers if 0 < _wins_from(one) < inf])
    ]
    lines = [
        _line(found, operation, place)
        for place, (operation, own) in enumerate(turning)
        for found in own
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


def _line(found: Crossover, label: str, place: int) -> Line:
    turn = _wins_from(found)
    return Line(
        backend=found.challenger,
        label=label,
        x=tuple(at.size / turn for at in found.ratio_at),
        y=tuple(at.ratio for at in found.ratio_at),
        texts=tuple(
            f"{', '.join(_operation(found))}, {number(at.size)}: {digits(at.ratio)} ×"
            for at in found.ratio_at
        ),
        machine=place,
    )


def _times(value: float) -> str:
    return f"{value:g} ×"
