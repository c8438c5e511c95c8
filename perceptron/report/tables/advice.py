"""Advice in words: one sentence, and a table behind it."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.analysis.advice import AdviceResult, Change, Option, ShapeAdvice
from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.interval import Interval
from perceptron.analysis.over_processes import named, threads_in_all
from perceptron.analysis.select import NOT_REACHED
from perceptron.analysis.what_if import words as what_if
from perceptron.numbers import (
    NONE,
    count,
    digits,
    duration,
    duration_interval,
    interval,
    rows_per_second,
)
from perceptron.report import crossover_words as words
from perceptron.report.tables.terminal import out, table

CHANGES_COLUMNS = ("axis", "looked at", "pair", "status", "answer")
# Axes whose sizes are numbers of something.
_COUNTED = ("rows", "features", "models")
# How many times the budget to try where it was too small.
_MORE = 3
COLUMNS = ("backend", "per iteration", "to prepare", "whole training", "× the fastest")
# Where an iteration is a step of several models, and where an epoch is more than an iteration.
_MODEL_COLUMNS, _EPOCH_COLUMNS = ("per model",), ("per epoch", "throughput>")


def show(result: AdviceResult) -> None:
    """Print the sentence, then what stands behind it."""
    advice = result.advice
    out.print(f"{sentence(advice)}\n", markup=False)
    estimated = what_if.sentence(result)
    if estimated:
        out.print(f"{estimated}\n", markup=False)
    threads = threads_in_all(advice.threads, (option.backend for option in advice.options))
    title = f"{advice.problem}, {advice.dtype}, {threads}"
    table(title, columns(advice), cells(advice))
    what_if.show_ratios(result)
    if advice.changes:
        table("Where that changes", CHANGES_COLUMNS, changes_cells(advice.changes))
    if result.budget is not None and _lacked_time(advice):
        minutes = digits(_MORE * result.budget.seconds / 60, 2)
        out.print(f"To know more, give it more time: --budget {minutes}\n", markup=False)


def _lacked_time(advice: ShapeAdvice) -> bool:
    """Return whether something has no answer only because there was no time for it."""
    had_no_turn = any(option.reason == NOT_REACHED for option in advice.options)
    return had_no_turn or any(change.reason for change in advice.changes)


def columns(advice: ShapeAdvice) -> tuple[str, ...]:
    """Return the headings; an epoch has one where it is more than an iteration."""
    of_one = _MODEL_COLUMNS if advice.models > 1 else ()
    epoch = _EPOCH_COLUMNS if advice.iterations_per_epoch > 1 else ()
    return (*COLUMNS[:2], *of_one, *epoch, *COLUMNS[2:])


def cells(advice: ShapeAdvice) -> list[tuple[str, ...]]:
    """Return a row for each backend, the fastest first; those that cannot run say why."""
    return [_option(option, advice) for option in advice.options]


def _option(option: Option, advice: ShapeAdvice) -> tuple[str, ...]:
    names = columns(advice)
    if option.seconds_per_iteration is None:
        reason = f"not measured: {option.reason}"
        return (option.backend, reason, *(NONE for _ in names[2:]))
    epoch = (
        _time(option.seconds_per_epoch),
        NONE
        if option.rows_per_second is None
        else rows_per_second(option.rows_per_second.estimate),
    )
    return (
        option.backend,
        _time(option.seconds_per_iteration),
        *((_time(option.seconds_per_model),) if advice.models > 1 else ()),
        *(epoch if advice.iterations_per_epoch > 1 else ()),
        _time(option.prepare_seconds),
        _time(option.training),
        "1" if option is advice.leading else _ratio(option.ratio),
    )


def sentence(advice: ShapeAdvice) -> str:
    """Return which backend to use, by how much, and where that changes."""
    if advice.leading is None:
        return f"Nothing could be measured: {absent(advice)}"
    missing = absent(advice)
    return f"{answer(advice)}." + (f" {missing}" if missing else "")


def answer(advice: ShapeAdvice) -> str:
    """Return the sentence about what was measured; something must have been."""
    if advice.undecided:
        return _undecided(advice)
    return "; ".join([_use(advice), *filter(None, [_changes(advice)])])


def _undecided(advice: ShapeAdvice) -> str:
    """Return which backends nothing decides between, why, and what would tell."""
    ways = ["a larger --budget", "--wait"]
    if "contended" in (advice.undecided or ""):
        ways = ["--wait", *(["--threads 1"] if advice.threads > 1 else [])]
    measured = [named(option.backend) for option in advice.options if option.training is not None]
    between = f": {' or '.join(measured)}" if len(measured) > 1 else ""
    return f"undecided{between}; why: {advice.undecided}; next: {' or '.join(ways)}"


def absent(advice: ShapeAdvice) -> str:
    """Return what could not be measured here, and what it would take to know."""
    missing = [option for option in advice.options if option.reason is not None]
    reasons = "; ".join(f"{option.backend}: {option.reason}" for option in missing)
    if not missing:
        return ""
    if any("no CUDA device" in str(option.reason) for option in missing):
        return f"{reasons}: to know, run the same command on a machine that has one."
    return f"{reasons}."


def _use(advice: ShapeAdvice) -> str:
    options = {option.backend: option for option in advice.options if option.reason is None}
    best = options[advice.use or ""]
    takes = _takes(best, advice)
    others = [option for name, option in options.items() if name != best.backend]
    if not others:
        return f"Use {named(best.backend)}, the only backend that can run here ({takes})"
    ties = [option.backend for option in others if option.backend in advice.ties]
    if ties:
        either = " or ".join(named(name) for name in (best.backend, *ties))
        return f"Use {either}: within ±5 % of each other ({takes})"
    doubt = "probably " if advice.unsure else ""
    than = " and ".join(
        f"{_ratio(option.ratio)} times as fast as {named(option.backend)}" for option in others
    )
    return f"Use {doubt}{named(best.backend)}: {than} ({takes})"


def _takes(best: Option, advice: ShapeAdvice) -> str:
    """Return how long the fastest backend takes: for an iteration, an epoch and the whole."""
    assert best.seconds_per_iteration is not None
    parts = [f"{duration(best.seconds_per_iteration.estimate)} an iteration"]
    if best.seconds_per_model is not None:
        parts[0] += f" of all {count(advice.models)} models"
        parts.append(f"{duration(best.seconds_per_model.estimate)} of each")
    if advice.iterations_per_epoch > 1 and best.seconds_per_epoch is not None:
        parts.append(f"{duration(best.seconds_per_epoch.estimate)} an epoch")
        if best.rows_per_second is not None:
            parts.append(rows_per_second(best.rows_per_second.estimate))
    epochs = advice.epochs
    length = f"{count(advice.iterations)} iterations"
    if epochs is not None:
        length = "1 epoch" if epochs == 1 else f"{count(epochs)} epochs"
    return f"{', '.join(parts)}; {_time(best.training)} for {length} from cold"


def _changes(advice: ShapeAdvice) -> str:
    """Return where another backend becomes faster, and along which axes none does."""
    winners, same, doubtful = [], [], []
    unknown = [change.axis for change in advice.changes if change.reason]
    for change in advice.changes:
        turns = [turn for pair in change.crossovers for turn in _turns(pair)]
        winners += [f"{name} from {_named(size, change.axis)} up" for name, size in turns]
        if turns or change.low >= change.high:
            continue
        statuses = {pair.status for pair in change.crossovers}
        unsure = any(pair.unsure for pair in change.crossovers)
        if statuses == {"never"} and not unsure:
            same.append(f"{change.axis} {_range(change)}")
        else:
            doubtful.append(change.axis)
    parts = [f"but {', '.join(winners)}"] if winners else []
    parts += [f"nothing else wins at {' or at '.join(same)}"] if same else []
    parts += [f"along {_listed(doubtful)} it is not sure"] if doubtful else []
    parts += [f"no time was left to look along {_listed(unknown)}"] if unknown else []
    return ", and ".join(parts)


def _listed(words: Sequence[str]) -> str:
    """Return the words as a sentence lists them: ``rows, features and batch``."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _named(size: str, axis: str) -> str:
    """Return a size with its axis: 512 rows, a batch of 512, hidden width 512."""
    if axis == "batch":
        return f"a batch of {size}"
    return f"{size} {axis}" if axis in _COUNTED else f"{axis} {size}"


def _turns(pair: Crossover) -> list[tuple[str, str]]:
    """Return the winner and its first size, for each change of winner."""
    incumbent, challenger = words.who(pair)
    if pair.size is not None:
        winner = challenger if pair.status == "crosses" else incumbent
        return [(winner, interval(pair.size, pair.low, pair.high))]
    return [
        (
            challenger if crossing.direction == "challenger" else incumbent,
            f"about {digits(crossing.size, 2)}",
        )
        for crossing in pair.crossings
    ]


def changes_cells(changes: list[Change]) -> list[tuple[str, ...]]:
    """Return a row for each axis and pair: the sizes looked at, and the answer.

    An axis of which nothing is known has one that says why.
    """
    return [
        cells
        for change in changes
        for cells in (
            [(change.axis, _range(change), NONE, "not measured", change.reason)]
            if change.reason
            else _change_cells(change)
        )
    ]


def _change_cells(change: Change) -> list[tuple[str, ...]]:
    return [
        (
            change.axis,
            _range(change),
            f"{pair.incumbent} → {pair.challenger}",
            words.status(pair),
            words.sentence(pair),
        )
        for pair in change.crossovers
    ]


def _range(change: Change) -> str:
    if change.low == change.high:
        return f"{count(round(change.low))} only"
    return f"{count(round(change.low))} to {count(round(change.high))}"


def _time(seconds: Interval | None) -> str:
    if seconds is None:
        return NONE
    return duration_interval(seconds.estimate, seconds.low, seconds.high)


def _ratio(ratio: Interval | None) -> str:
    if ratio is not None and ratio.low is ratio.high is None:
        return f"{digits(ratio.estimate)}, undecided"
    return NONE if ratio is None else interval(ratio.estimate, ratio.low, ratio.high)
