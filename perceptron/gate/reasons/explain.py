"""Reasons of changes: a second measurement of changed benchmarks, once all are judged.

On both sides they are traced, and profiled under valgrind.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
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
    plan, sides = comparison.plan, sampler.sides
    allowance = max(_LEAST_SECONDS, _SHARE * plan.budget_seconds)
    end = time.monotonic() + allowance
    drawn = seeds(plan.seed, "count", instructions.FIRST)
    benchmarks = {benchmark.key: benchmark for benchmark in comparison.benchmarks}
    why: dict[str, list[Growth]] = {row.key: [] for row in changed}
    why_not: dict[str, list[str]] = {row.key: [] for row in changed}
    explained: list[Benchmark] = []
    same: list[Benchmark] = []
    calls: dict[str, int] = {}
    for row in sorted(changed, key=_importance):
        benchmark, counted = benchmarks[row.key], evidence.get(row.key, NOT_COUNTED)
        if benchmark.type != "time":
            why_not[row.key].append(_NOT_A_TIME)
        elif counted.kind == "same":
            why_not[row.key].append(SAME_INSTRUCTIONS)
            same.append(benchmark)
        else:
            explained.append(benchmark)
            if valgrind is not None and counted.instructions is not None:
                calls[row.key] = calls_at_once(counted.instructions.head)
    same_keys = {benchmark.key for benchmark in same}
    reserved = _COMPILED_SHARE * allowance if calls else 0.0
    try:
        progress(0, 1, "looking for reasons in Python")
        in_diff = edited()
        traced = ask_both(
            sampler,
            # Equal instructions explain nothing, but the diff may name a function.
            [*explained, *(same if in_diff else [])],
            drawn,
            lambda _: Instrument("trace"),
            lambda: end - time.monotonic() - reserved,
        )
        for key, traces in converted_pairs(traced, lambda _, content: _trace(content)):
            if isinstance(traces, TraceError):
                why_not[key].append(f"Python's functions: {traces}")
                continue
            base, head = traces
            changes = growths(table(base), table(head), "python", "bytecodes", in_diff)
            if key in same_keys:
                why[key] += [growth for growth in changes if growth.edited]
                continue
            why[key] += changes
            if not (base.repeats and head.repeats):
                why_not[key].append(_NO_REPEAT)
        if valgrind is not None and calls:
            progress(0, 1, "looking for reasons in compiled functions")
            profiled = ask_both(
                sampler,
                [benchmark for benchmark in explained if benchmark.key in calls],
                drawn,
                partial(_profiling, valgrind, sides),
                lambda: end - time.monotonic(),
                Calibration(calls, {}, CALIBRATING.costs),
            )
            for key, tables in converted_pairs(
                profiled, lambda side, content: read_dump(sides.work_folder(side), content)
            ):
                if isinstance(tables, TraceError):
                    why_not[key].append(f"compiled functions: {tables}")
                else:
                    why[key] += growths(*tables, "c", "instructions")
    except Exception as error:  # noqa: BLE001 no verdict is lost to what explains it
        for benchmark in (*explained, *same):
            why_not[benchmark.key].append(in_one_line(error))
    rows = [
        _explained(row, why[row.key], why_not[row.key]) if row.key in why else row
        for row in comparison.rows
    ]
    return msgspec.structs.replace(comparison, rows=rows)


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


def _explained(row: Row, why: list[Growth], why_not: list[str]) -> Row:
    if not why and not why_not:
        why_not = [_SAME_BYTECODES if row.instructions is None else _SAME_EVERYWHERE]
    return msgspec.structs.replace(row, why=why, why_not="; ".join(dict.fromkeys(why_not)) or None)


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
