"""A race, as a table and in sentences."""

from __future__ import annotations

from collections.abc import Mapping

from perceptron.analysis.race.result import STARTS, RaceResult, RaceRun, RaceStart, first_of
from perceptron.numbers import NONE, count, digits, duration, duration_interval
from perceptron.report.over_processes import threads_in_all
from perceptron.report.tables.terminal import out, table
from perceptron.untrusted_text import label

COLUMNS = (
    "backend",
    "dtype",
    "to the target [95 % interval]",
    "epochs>",
    "seeds there>",
    "imports>",
    "preparing>",
    "training>",
)
_WORDS: Mapping[RaceStart, str] = {
    "fresh": "from a fresh process",
    "resident": "resident, where only training counts",
}
# What takes so much of a time is named beside it.
_MOST_OF_IT = 0.5


def show(result: RaceResult) -> None:
    """Print a table for each start, and who is first."""
    for start in STARTS:
        table(title(result, start), COLUMNS, cells(result, start))
    for line in (*sentences(result), *notes(result)):
        out.print(f"{line}\n", markup=False, soft_wrap=True)


def title(result: RaceResult, start: RaceStart) -> str:
    """Return what a table or a figure of one start is about."""
    return f"{result.problem} to {target_words(result)}, {_WORDS[start]}"


def target_words(result: RaceResult) -> str:
    """Return the target in words: ``an accuracy of 0.95 on the held-out part``."""
    target = result.target
    article = "an" if target.goal == "accuracy" else "a"
    return f"{article} {target.goal} of {target.value:.15g} on the held-out part"


def cells(result: RaceResult, start: RaceStart) -> list[tuple[str, ...]]:
    """Return a row for each backend and dtype, the fastest first; who did not race says why."""
    return [_cells(run) for run in result.of_start(start)]


def _cells(run: RaceRun) -> tuple[str, ...]:
    if not run.seeds:
        reason = f"not measured: {run.reason}"
        return (run.backend, run.dtype, reason, *(NONE for _ in COLUMNS[3:]))
    parts = run.parts
    median = "fewer than half got there"
    if run.seconds is not None:
        median = duration_interval(run.seconds, run.low, run.high)
    if run.reason is not None:
        median += f" ({run.reason})"
    return (
        run.backend,
        run.dtype,
        median,
        NONE if run.epochs is None else digits(run.epochs),
        f"{run.reached} of {run.seeds}",
        _seconds(parts.importing),
        _seconds(parts.prepare)
        + (" (cached)" if parts.prepare and run.prepared_from_cache else ""),
        _seconds(parts.train),
    )


def _seconds(seconds: float | None) -> str:
    """Return a part's time; one of no seconds is none of what is shown."""
    return duration(seconds) if seconds else NONE


def sentences(result: RaceResult) -> list[str]:
    """Say for each start who is first, or that it is not sure or not known."""
    return [sentence(result, start) for start in STARTS]


def sentence(result: RaceResult, start: RaceStart) -> str:
    """Say who is first from one start, what the others take, and what most of that goes to."""
    runs = result.of_start(start)
    with_dtype = len({run.dtype for run in result.runs}) > 1
    names = {
        run.competitor: f"{run.backend} {run.dtype}" if with_dtype else run.backend for run in runs
    }
    first = first_of(runs)
    begin = _WORDS[start][0].upper() + _WORDS[start][1:]
    late = [
        f"{names[run.competitor]} got there with {run.reached} of {run.seeds} seeds"
        for run in runs
        if run.seeds and run.seconds is None
    ]
    if first is None:
        within = f"within {count(result.epochs)} epochs"
        words = f": {'; '.join(late)}" if late else ", because nobody raced"
        return (
            f"{begin}, no backend gets to {result.target} with half of its seeds {within}{words}."
        )

    def words_of(run: RaceRun) -> str:
        return f"{names[run.competitor]} {_time(run)}"

    others = [
        words_of(run)
        for run in runs
        if run.seconds is not None and run is not first.run and run not in first.unsure
    ]
    head = f"{names[first.run.competitor]} is there first: {_time(first.run)}"
    if first.unsure:
        close = " or ".join(map(words_of, [first.run, *first.unsure]))
        head = f"it is not sure who is there first: {close}"
    return f"{begin}, {'; '.join([head, *others, *late])}."


def _time(run: RaceRun) -> str:
    """Return a median with its interval, and what most of it goes to if that is not training."""
    seconds = run.seconds or 0.0
    words = duration_interval(seconds, run.low, run.high)
    importing, prepare = run.parts.importing or 0.0, run.parts.prepare or 0.0
    if importing > _MOST_OF_IT * seconds:
        imports = f" and import {', '.join(map(label, run.modules))}" if run.modules else ""
        return f"{words}, of which {duration(importing)} is to start Python{imports}"
    if (run.data_seconds or 0.0) > _MOST_OF_IT * seconds:
        return f"{words}, of which {duration(run.data_seconds or 0.0)} is to have the data"
    if prepare > _MOST_OF_IT * seconds:
        return f"{words}, of which {duration(prepare)} is to prepare"
    return words


def notes(result: RaceResult) -> list[str]:
    """Say how it was raced, and what every backend's time holds alike."""
    lines = [
        f"Looked at every {_looks(result)}, at most {count(result.epochs)} epochs; "
        f"{threads_in_all(result.threads, (run.backend for run in result.runs))}. Who did not get "
        "there counts as slower than the time that it was given."
    ]
    data = [run.data_seconds for run in result.runs if run.start == "fresh" and run.data_seconds]
    if data:
        took = " to ".join(dict.fromkeys((duration(min(data)), duration(max(data)))))
        lines.append(f"Of preparing, {took} went to having the data, as every backend must.")
    return lines


def _looks(result: RaceResult) -> str:
    if result.check_iterations == result.iterations_per_epoch:
        return "epoch"
    return f"{count(result.check_iterations)} iterations"
