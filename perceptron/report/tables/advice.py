"""Advice in words: one sentence, and a table behind it."""

from __future__ import annotations

from perceptron.analysis.advice import Advice, Change
from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.interval import Interval
from perceptron.report import numbers
from perceptron.report.numbers import digits, duration, duration_interval, interval
from perceptron.report.tables.crossover import status

CHANGES_COLUMNS = ("axis", "looked at", "pair", "status", "answer")
COLUMNS = ("backend", "per iteration", "to prepare", "whole training", "× the fastest")


def cells(advice: Advice) -> list[tuple[str, ...]]:
    """A line for each backend, the fastest first; those that cannot run say why."""
    return [
        (each.backend, f"not measured: {each.reason}", "–", "–", "–")
        if each.seconds_per_iteration is None
        else (
            each.backend,
            _time(each.seconds_per_iteration),
            _time(each.prepare_seconds),
            _time(each.training),
            "1" if each.backend == advice.use else _ratio(each.ratio),
        )
        for each in advice.options
    ]


def sentence(advice: Advice) -> str:
    """Which backend to use, by how much, and where that changes."""
    if advice.use is None:
        return f"Nothing could be measured: {absent(advice)}"
    parts = [_use(advice), *filter(None, [_changes(advice)])]
    missing = absent(advice)
    return "; ".join(parts) + "." + (f" {missing}" if missing else "")


def absent(advice: Advice) -> str:
    """What could not be measured here, and what it would take to know."""
    missing = [each for each in advice.options if each.reason is not None]
    told = "; ".join(f"{each.backend}: {each.reason}" for each in missing)
    if not missing:
        return ""
    if any("no CUDA device" in str(each.reason) for each in missing):
        return f"{told}: to know, run the same command on a machine that has one."
    return f"{told}."


def _use(advice: Advice) -> str:
    options = {each.backend: each for each in advice.options if each.reason is None}
    best = options[advice.use or ""]
    assert best.seconds_per_iteration is not None
    assert best.training is not None
    takes = (
        f"{duration(best.seconds_per_iteration.estimate)} an iteration, "
        f"{duration(best.training.estimate)} for {advice.iterations:,} from cold"
    )
    others = [each for name, each in options.items() if name != best.backend]
    if not others:
        return f"Use {best.backend}, the only backend that can run here ({takes})"
    ties = [each.backend for each in others if each.backend in advice.ties]
    if ties:
        either = " or ".join([best.backend, *ties])
        return f"Use {either}: within ±5 % of each other ({takes})"
    doubt = "probably " if advice.unsure else ""
    than = " and ".join(f"{_ratio(each.ratio)} times as fast as {each.backend}" for each in others)
    return f"Use {doubt}{best.backend}: {than} ({takes})"


def _changes(advice: Advice) -> str:
    """Where another backend becomes faster, and along which axes none does."""
    told, same, doubtful = [], [], []
    for change in advice.changes:
        nearest = [crossing for each in change.crossovers for crossing in _crossing(each)]
        told += [f"{name} from {size} {change.axis} on" for name, size in nearest]
        if nearest or change.low >= change.high:
            continue
        statuses = {each.status for each in change.crossovers}
        unsure = any(each.unsure for each in change.crossovers)
        if statuses == {"never"} and not unsure:
            same.append(f"{change.axis} {change.low:,.0f} to {change.high:,.0f}")
        else:
            doubtful.append(change.axis)
    parts = [f"but {', '.join(told)}"] if told else []
    parts += [f"nothing else wins at {' or at '.join(same)}"] if same else []
    parts += [f"along {' and '.join(doubtful)} it is not sure"] if doubtful else []
    return ", and ".join(parts)


def _crossing(found: Crossover) -> list[tuple[str, str]]:
    """Who wins from where on, for each change of winner."""
    if found.size is not None:
        winner = found.challenger if found.status == "crosses" else found.incumbent
        return [(winner, interval(found.size, found.low, found.high))]
    return [
        (getattr(found, crossing.direction), f"about {digits(crossing.size, 2)}")
        for crossing in found.crossings
    ]


def changes_cells(changes: list[Change]) -> list[tuple[str, ...]]:
    """A line for each axis and pair: what was looked at, and what was found."""
    return [
        (
            change.axis,
            f"{change.low:,.0f} to {change.high:,.0f}",
            f"{each.incumbent} → {each.challenger}",
            status(each),
            numbers.sentence(each),
        )
        for change in changes
        for each in change.crossovers
    ]


def _time(found: Interval | None) -> str:
    return "–" if found is None else duration_interval(found.estimate, found.low, found.high)


def _ratio(found: Interval | None) -> str:
    return "–" if found is None else interval(found.estimate, found.low, found.high)
