"""Why benchmarks changed: a second look at those that did, once all are judged.

On both sides they are traced, and profiled under valgrind.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from perceptron.gate.counting.asking import ask_both
from perceptron.gate.counting.valgrind import Valgrind
from perceptron.gate.journal import ComparisonJournal
from perceptron.gate.reasons.callgrind import in_one_line, read_dump
from perceptron.gate.reasons.growth import CannotLook, Table, Trace, growths, table
from perceptron.gate.sampling.processes import Instrument, Seeds
from perceptron.gate.sampling.sampler import Content, Sampler
from perceptron.gate.sampling.schedule import seeds
from perceptron.gate.verdict import work
from perceptron.gate.verdict.rule import Rule
from perceptron.gate.verdict.work import NOT_COUNTED, WorkEvidence, work_of
from perceptron.records.block import PAIR, Benchmark, Side
from perceptron.records.comparison import Comparison, Growth, Row

T = TypeVar("T")
Left = Callable[[], float]

# Of the budget, beside it; and what a short one has all the same.
_SHARE, _LEAST_SECONDS = 0.1, 20.0
# Of that, what is kept for compiled functions.
_KEPT = 0.5

SAME_WORK = "its work is the same: what became slower is not what it executes"
_NOT_A_TIME = "only what times execute is looked into"
_SAME_BYTECODES = "it executes the same bytecodes: the change is in compiled code, or in no code"
_SAME_EVERYWHERE = "no function of it executes more or less"
_NO_REPEAT = "two calls of it in a row do not execute the same"


def add(
    comparison: Comparison,
    sampler: Sampler,
    journal: ComparisonJournal,
    rule: Rule,
    valgrind: Valgrind | None,
    progress: Callable[[int, int, str], None],
) -> Comparison:
    """Return the comparison with the reasons of what changed.

    That takes a tenth of the budget at most, beside it. Whatever goes wrong becomes the reason why
    a row has none.
    """
    evidence = work_of(journal.blocks, rule)
    changed = [row for row in comparison.rows if _changed(row, evidence.get(row.key, NOT_COUNTED))]
    if not changed:
        return comparison
    plan = comparison.plan
    allowance = max(_LEAST_SECONDS, _SHARE * plan.budget_seconds)
    end = time.monotonic() + allowance
    looking = Looking(sampler, seeds(plan.seed, "count", work.FIRST, plan.seeded))
    benchmarks = {own.key: own for own in comparison.benchmarks}
    why: dict[str, list[Growth]] = {row.key: [] for row in changed}
    why_not: dict[str, list[str]] = {row.key: [] for row in changed}
    wanted, counted = [], []
    for row in sorted(changed, key=_importance):
        own, work_evidence = benchmarks[row.key], evidence.get(row.key, NOT_COUNTED)
        if own.type != "time":
            why_not[row.key].append(_NOT_A_TIME)
        elif work_evidence.kind == "same":
            why_not[row.key].append(SAME_WORK)
        else:
            wanted.append(own)
            if valgrind is not None and work_evidence.work is not None:
                counted.append(own)
    kept = _KEPT * allowance if counted else 0.0
    try:
        progress(0, 1, "looking for reasons in Python")
        for key, traces in looking.trace(wanted, lambda: end - time.monotonic() - kept).items():
            if isinstance(traces, CannotLook):
                why_not[key].append(f"Python's functions: {traces}")
            else:
                grown, unknown = _of_traces(*traces)
                why[key] += grown
                why_not[key] += unknown
        if valgrind is not None and counted:
            progress(0, 1, "looking for reasons in compiled functions")
            profiles = looking.profile(counted, lambda: end - time.monotonic(), valgrind)
            for key, tables in profiles.items():
                if isinstance(tables, CannotLook):
                    why_not[key].append(f"compiled functions: {tables}")
                else:
                    why[key] += growths(*tables, "c", "instructions")
    except Exception as error:  # noqa: BLE001 no verdict is lost to what explains it
        for own in wanted:
            why_not[own.key].append(in_one_line(error))
    rows = [
        _explained(row, why[row.key], why_not[row.key]) if row.key in why else row
        for row in comparison.rows
    ]
    return msgspec.structs.replace(comparison, rows=rows)


def _changed(row: Row, evidence: WorkEvidence) -> bool:
    """Return whether there is something to explain; what fails says why by itself."""
    if row.change is None and row.work is None:
        return False
    if row.verdict in {"regression", "improvement"}:
        return True
    moved = evidence.kind in {"changed", "rose", "fell"}
    return row.probably_slower or (row.verdict == "inconclusive" and moved)


def _importance(row: Row) -> tuple[bool, float]:
    """Return a key that sorts regressions first, then by size."""
    change = row.change if row.work is None else row.work.change
    return row.verdict != "regression", -abs(change or 0.0)


def _of_traces(base: Trace, head: Trace) -> tuple[list[Growth], list[str]]:
    """Return what grew in Python, and what is unknown of it."""
    unknown = [] if base.repeats and head.repeats else [_NO_REPEAT]
    return growths(table(base), table(head), "python", "bytecodes"), unknown


def _explained(row: Row, why: list[Growth], why_not: list[str]) -> Row:
    if not why and not why_not:
        why_not = [_SAME_BYTECODES if row.work is None else _SAME_EVERYWHERE]
    return msgspec.structs.replace(row, why=why, why_not="; ".join(dict.fromkeys(why_not)) or None)


@dataclass(frozen=True)
class Looking:
    """Finds what each benchmark does on BASE and on HEAD, or why nobody knows.

    It begins nothing when no seconds are ``left``.
    """

    sampler: Sampler
    seeds: Seeds

    def trace(
        self, benchmarks: Sequence[Benchmark], left: Left
    ) -> dict[str, tuple[Trace, Trace] | CannotLook]:
        """Return what Python does. Raises as the sides do."""

        def traced(_arm: Side, content: Content) -> Trace:
            try:
                return msgspec.convert(content, type=Trace)
            except msgspec.ValidationError as error:
                raise CannotLook(in_one_line(error)) from None

        return self._look(benchmarks, left, lambda _: Instrument("trace"), traced)

    def profile(
        self, benchmarks: Sequence[Benchmark], left: Left, valgrind: Valgrind
    ) -> dict[str, tuple[Table, Table] | CannotLook]:
        """Return which functions execute instructions. Raises as the sides do."""
        sides = self.sampler.sides

        def instrument(side: Side) -> Instrument:
            return valgrind.instrument(side, sides.work_folder(side), kind="profile")

        def functions(side: Side, content: Content) -> Table:
            return read_dump(sides.work_folder(side), content)

        return self._look(benchmarks, left, instrument, functions)

    def _look(
        self,
        benchmarks: Sequence[Benchmark],
        left: Left,
        instrument: Callable[[Side], Instrument],
        convert: Callable[[Side, Content], T],
    ) -> dict[str, tuple[T, T] | CannotLook]:
        found: dict[str, tuple[T, T] | CannotLook] = {}
        for key, pair in ask_both(self.sampler, benchmarks, self.seeds, instrument, left):
            try:
                base, head = (_converted(side, pair[side], convert) for side in PAIR)
                found[key] = base, head
            except CannotLook as error:
                found[key] = error
        return found


def _converted(side: Side, content: Content, convert: Callable[[Side, Content], T]) -> T:
    """Raise `CannotLook` for what the side could not tell."""
    try:
        if content.get("status") != "ok":
            raise CannotLook(content.get("reason"))
        return convert(side, content)
    except CannotLook as error:
        raise CannotLook(f"{side.upper()}: {error}") from None
