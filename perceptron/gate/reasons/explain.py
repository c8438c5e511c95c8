"""Reasons of changes: a second measurement of changed benchmarks, once all are judged.

On both sides they are traced, and profiled under valgrind.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

import msgspec

from perceptron.gate.counting.asking import Pair, ask_both
from perceptron.gate.counting.valgrind import Valgrind
from perceptron.gate.journal import ComparisonJournal
from perceptron.gate.reasons.growth import (
    FunctionId,
    Trace,
    TraceError,
    growths,
    in_one_line,
    read_dump,
    table,
)
from perceptron.gate.runner.counting import calls_at_once
from perceptron.gate.sampling.processes import Instrument
from perceptron.gate.sampling.sampler import Content, Sampler
from perceptron.gate.sampling.schedule import CALIBRATING, Calibration, seeds
from perceptron.gate.sampling.sides import Sides
from perceptron.gate.verdict import instructions
from perceptron.gate.verdict.instructions import (
    NOT_COUNTED,
    InstructionEvidence,
    instruction_evidence,
)
from perceptron.gate.verdict.rule import Rule
from perceptron.records.block import PAIR, Benchmark, Side
from perceptron.records.comparison import Comparison, Growth, Row

T = TypeVar("T")

# Share of the budget, in addition to it, and the least seconds.
_SHARE, _LEAST_SECONDS = 0.1, 20.0
# Share of that for compiled functions.
_COMPILED_SHARE = 0.5

SAME_INSTRUCTIONS = "its work is the same: the change is not in what it executes"
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
    edited: Callable[[], Collection[FunctionId]] = tuple,
) -> Comparison:
    """Return the comparison with the reasons of its changes, the ``edited`` functions first.

    This takes at most a tenth of the budget, in addition to it. An error becomes the reason why a
    row has none.
    """
    evidence = instruction_evidence(journal.blocks, rule)
    changed = [row for row in comparison.rows if _changed(row, evidence.get(row.key, NOT_COUNTED))]
    if not changed:
        return comparison
    search = _Search(comparison, changed, evidence, sampler, valgrind)
    try:
        progress(0, 1, "looking for reasons in Python")
        search.look_in_python(edited())
        if search.calls:
            progress(0, 1, "looking for reasons in compiled functions")
            search.look_in_compiled_code()
    except Exception as error:  # noqa: BLE001 no verdict is lost to what explains it
        search.fail(in_one_line(error))
    rows = [search.explained(row) for row in comparison.rows]
    return msgspec.structs.replace(comparison, rows=rows)


class _Search:
    """The reasons of changed rows, which grow while it looks.

    ``calls`` has the calls to profile of each benchmark whose compiled functions are looked into.
    """

    def __init__(
        self,
        comparison: Comparison,
        changed: Sequence[Row],
        evidence: Mapping[str, InstructionEvidence],
        sampler: Sampler,
        valgrind: Valgrind | None,
    ) -> None:
        self._sampler, self._valgrind = sampler, valgrind
        self._seeds = seeds(comparison.plan.seed, "count", instructions.FIRST)
        self._why: dict[str, list[Growth]] = {row.key: [] for row in changed}
        self._why_not: dict[str, list[str]] = {row.key: [] for row in changed}
        self._executes_more: list[Benchmark] = []
        self._executes_same: list[Benchmark] = []
        self.calls: dict[str, int] = {}
        benchmarks = {benchmark.key: benchmark for benchmark in comparison.benchmarks}
        for row in sorted(changed, key=_importance):
            self._add(benchmarks[row.key], evidence.get(row.key, NOT_COUNTED))
        allowance = max(_LEAST_SECONDS, _SHARE * comparison.plan.budget_seconds)
        self._end = time.monotonic() + allowance
        self._end_of_python = self._end - (_COMPILED_SHARE * allowance if self.calls else 0.0)

    def _add(self, benchmark: Benchmark, counted: InstructionEvidence) -> None:
        if benchmark.type != "time":
            self._why_not[benchmark.key].append(_NOT_A_TIME)
        elif counted.kind == "same":
            self._why_not[benchmark.key].append(SAME_INSTRUCTIONS)
            self._executes_same.append(benchmark)
        else:
            self._executes_more.append(benchmark)
            if self._valgrind is not None and counted.instructions is not None:
                self.calls[benchmark.key] = calls_at_once(counted.instructions.head)

    def look_in_python(self, edited: Collection[FunctionId]) -> None:
        """Trace both sides: functions that execute more or fewer bytecodes.

        Where instructions are equal, only a function that was ``edited`` is a reason.
        """
        traced = ask_both(
            self._sampler,
            [*self._executes_more, *(self._executes_same if edited else [])],
            self._seeds,
            lambda _: Instrument("trace"),
            lambda: self._end_of_python - time.monotonic(),
        )
        same = {benchmark.key for benchmark in self._executes_same}
        for key, traces in converted_pairs(traced, lambda _, content: _trace(content)):
            if isinstance(traces, TraceError):
                self._why_not[key].append(f"Python's functions: {traces}")
                continue
            base, head = traces
            changes = growths(table(base), table(head), "python", "bytecodes", edited)
            if key in same:
                self._why[key] += [growth for growth in changes if growth.edited]
                continue
            self._why[key] += changes
            if not (base.repeats and head.repeats):
                self._why_not[key].append(_NO_REPEAT)

    def look_in_compiled_code(self) -> None:
        """Profile both sides under valgrind: functions that execute more or fewer instructions."""
        if self._valgrind is None:
            return
        sides = self._sampler.sides
        profiled = ask_both(
            self._sampler,
            [benchmark for benchmark in self._executes_more if benchmark.key in self.calls],
            self._seeds,
            partial(_profiling, self._valgrind, sides),
            lambda: self._end - time.monotonic(),
            Calibration(self.calls, {}, CALIBRATING.costs),
        )
        for key, tables in converted_pairs(
            profiled, lambda side, content: read_dump(sides.work_folder(side), content)
        ):
            if isinstance(tables, TraceError):
                self._why_not[key].append(f"compiled functions: {tables}")
            else:
                self._why[key] += growths(*tables, "c", "instructions")

    def fail(self, reason: str) -> None:
        """Give every benchmark that was looked into this reason for having none."""
        for benchmark in (*self._executes_more, *self._executes_same):
            self._why_not[benchmark.key].append(reason)

    def explained(self, row: Row) -> Row:
        """Return the row with its reasons, or why it has none."""
        if row.key not in self._why:
            return row
        why, why_not = self._why[row.key], self._why_not[row.key]
        if not why and not why_not:
            why_not = [_SAME_BYTECODES if row.instructions is None else _SAME_EVERYWHERE]
        reasons = "; ".join(dict.fromkeys(why_not)) or None
        return msgspec.structs.replace(row, why=why, why_not=reasons)


def _changed(row: Row, evidence: InstructionEvidence) -> bool:
    """Return whether the row has a change to explain; failures have a reason already."""
    if row.change is None and row.instructions is None:
        return False
    if row.verdict in {"slower", "faster"}:
        return True
    moved = evidence.kind in {"changed", "rose", "fell"}
    return row.probably_slower or (row.verdict == "inconclusive" and moved)


def _importance(row: Row) -> tuple[bool, float]:
    """Return a key that sorts regressions first, then by size."""
    change = row.change if row.instructions is None else row.instructions.change
    return row.verdict != "slower", -abs(change or 0.0)


def converted_pairs(
    answers: Iterable[tuple[str, Pair]], convert: Callable[[Side, Content], T]
) -> Iterator[tuple[str, tuple[T, T] | TraceError]]:
    """Yield the key of each benchmark and its tables of BASE and HEAD, or why they are unknown."""
    for key, pair in answers:
        try:
            base, head = (_converted(side, pair[side], convert) for side in PAIR)
        except TraceError as error:
            yield key, error
        else:
            yield key, (base, head)


def _profiling(valgrind: Valgrind, sides: Sides, side: Side) -> Instrument:
    return valgrind.instrument(side, sides.work_folder(side), kind="profile")


def _trace(content: Content) -> Trace:
    try:
        return msgspec.convert(content, type=Trace)
    except msgspec.ValidationError as error:
        raise TraceError(in_one_line(error)) from None


def _converted(side: Side, content: Content, convert: Callable[[Side, Content], T]) -> T:
    """Raise `TraceError` for an answer that is no table."""
    try:
        if content.get("status") != "ok":
            raise TraceError(content.get("reason"))
        return convert(side, content)
    except TraceError as error:
        raise TraceError(f"{side.upper()}: {error}") from None
