"""Which machine, and which backend on it, in words: a sentence, and a table behind it."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.analysis.fleet.advice import FleetAdvice, MachineAdvice
from perceptron.report.numbers import NONE, count
from perceptron.report.tables.fleet_words import cost_words, seconds_words
from perceptron.report.tables.terminal import out, table
from perceptron.untrusted_text import shortened

# Machines that the sentence names as perhaps equally fast.
_NAMED = 3
ABSENT_COLUMNS = ("machine", "no answer, because it")


def show(answer: FleetAdvice) -> None:
    """Print the sentence, the machines with the fastest first, and those without an answer."""
    out.print(f"{sentence(answer)}\n", markup=False)
    title = f"{shortened(answer.problem)}, {count(answer.iterations)} iterations without preparing"
    table(title, columns(answer), cells(answer))
    if answer.absent:
        rows = [(shortened(one.machine), shortened(one.reason, 300)) for one in answer.absent]
        table("Machines without an answer", ABSENT_COLUMNS, rows)


def columns(answer: FleetAdvice) -> tuple[str, ...]:
    """Return the headings; costs have one where there are prices."""
    costs = () if answer.currency is None else (f"cost, {answer.currency}>",)
    names = ("machine", "threads>", "dtype", "backend", "per iteration>", "whole training>")
    return (*names, *costs, "from")


def cells(answer: FleetAdvice) -> list[tuple[str, ...]]:
    """Return a row for each machine and number of threads, the fastest first."""
    return [
        (
            shortened(one.machine),
            "not stated" if one.threads is None else count(one.threads),
            one.dtype or "not stated",
            _backends(one),
            seconds_words(one.seconds),
            seconds_words(one.training),
            *(() if answer.currency is None else (cost_words(one.cost),)),
            _source(one),
        )
        for one in answer.machines
    ]


def sentence(answer: FleetAdvice) -> str:
    """Return which machine and backend to take, what that takes, and what is not sure."""
    best = answer.machines[0]
    price = "" if best.cost is None else f", {cost_words(best.cost)} {answer.currency}"
    parts = [
        f"{_where(best)} with {_backends(best)}: {seconds_words(best.seconds)} an iteration, "
        f"{seconds_words(best.training)} for {count(answer.iterations)} iterations{price}"
        f"{_guess(best)}"
    ]
    if answer.unsure:
        names = [_where(answer.machines[index]) for index in answer.unsure]
        parts.append(f"not sure between it and {_listed(names)}")
    cheapest = answer.cheapest
    if cheapest is not None and cheapest is not best:
        parts.append(
            f"the cheapest is {_where(cheapest)} with {_backends(cheapest)}: "
            f"{cost_words(cheapest.cost)} {answer.currency} in "
            f"{seconds_words(cheapest.training)}{_guess(cheapest)}"
        )
    return f"{'; '.join(parts)}."


def _where(one: MachineAdvice) -> str:
    threads = "" if one.threads is None else f" on {count(one.threads)} threads"
    return f"{shortened(one.machine)}{threads if one.threads != 1 else ' on 1 thread'}"


def _backends(one: MachineAdvice) -> str:
    return " or ".join([one.backend, *one.unsure])


def _guess(one: MachineAdvice) -> str:
    return " (an estimate between measured sizes)" if one.estimate else ""


def _source(one: MachineAdvice) -> str:
    """Return what an answer was read off: a measured size, or the two that it lies between."""
    if one.between is None:
        return f"measured: {one.family}, {one.axis} {one.size:,}"
    low, high = one.between
    return f"estimate: {one.family}, between {one.axis} {low:,} and {high:,}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    listed = ", ".join(names[:_NAMED])
    return f"{listed} and {more} more" if more > 0 else listed or NONE
