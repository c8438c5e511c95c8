"""`--bisect`: with which commit of the range the work of a benchmark changed, by counts alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from perceptron.errors import UserError
from perceptron.gate.checkout.request import CompareRequest, ResolvedRequest
from perceptron.gate.counting.valgrind import Valgrind
from perceptron.gate.journal import ComparisonJournal
from perceptron.gate.reasons.commits import Step, steps
from perceptron.gate.reasons.notes import in_one_line, row_key, with_note, with_notes
from perceptron.gate.reasons.probes import Probes
from perceptron.gate.reasons.search import Hunt, next_steps
from perceptron.gate.sampling.arms import Arms
from perceptron.gate.verdict import work
from perceptron.gate.verdict.rule import Rule
from perceptron.gate.verdict.work import work_of
from perceptron.records.block import Benchmark, Block
from perceptron.records.comparison import Comparison, IntroducedBy, Row

# Of the budget, beside it; and what a short one has all the same.
_SHARE, _LEAST_SECONDS = 0.25, 60.0
_COMMIT = 12


def check(request: CompareRequest, resolved: ResolvedRequest, valgrind: Valgrind | None) -> None:
    """Raise `UserError` if a bisection is wanted and cannot be, before anything is measured."""
    if not request.bisect:
        return
    if request.installed or request.build:
        option = "--installed" if request.installed else "--build"
        raise UserError(f"--bisect: works on trees alone: leave {option} out")
    if valgrind is None:
        raise UserError(
            "--bisect: finds a commit by counting, and nothing is counted here: install valgrind, "
            "and leave --count never out"
        )
    if resolved.pythons["base"] != resolved.pythons["head"]:
        raise UserError(
            "--bisect: a change between two Pythons is no commit's: leave --base-python and "
            "--head-python out"
        )
    if resolved.base.changed:
        raise UserError("--bisect: BASE must be a commit, not the working tree: turn them round")
    steps(resolved)


def add(
    comparison: Comparison,
    resolved: ResolvedRequest,
    arms: Arms,
    journal: ComparisonJournal,
    rule: Rule,
    valgrind: Valgrind,
    progress: Callable[[int, int, str], None],
    clock: Callable[[], float] = time.monotonic,
) -> Comparison:
    """Return the comparison with the commits that changed the work of its benchmarks.

    That takes a quarter of the budget at most, beside it. Whatever goes wrong becomes the reason
    why a row has none.
    """
    evidence = work_of(journal.blocks, rule)
    keys = {key for key, own in evidence.items() if own.kind in {"rose", "fell"}}
    keys &= {row_key(row) for row in comparison.rows}
    if not keys:
        return comparison
    end = clock() + max(_LEAST_SECONDS, _SHARE * comparison.plan.budget_seconds)
    try:
        found = steps(resolved)
        hunts = _hunts(journal.blocks, keys, len(found))
        probes = Probes(resolved, arms, journal, valgrind, found, lambda: end - clock())
        benchmarks = [own for own in comparison.benchmarks if own.key in hunts]
        _search(probes, hunts, benchmarks, progress)
        rows = [
            _introduced(row, hunts[row_key(row)], found, probes) if row_key(row) in hunts else row
            for row in comparison.rows
        ]
    except Exception as error:  # noqa: BLE001 no verdict is lost to what explains it
        message = in_one_line(error).removeprefix("--bisect: ")
        return with_notes(comparison, keys, f"--bisect: {message}")
    return msgspec.structs.replace(comparison, rows=rows)


def _search(
    probes: Probes,
    hunts: Mapping[str, Hunt],
    benchmarks: Sequence[Benchmark],
    progress: Callable[[int, int, str], None],
) -> None:
    """Count at one pair of steps after the other, as long as that tells anything."""
    probes.recall(hunts)
    number = 0
    while (pair := next_steps(list(hunts.values()))) is not None and probes.left() > 0:
        progress(number, number + 1, f"looking for the commit, step {number + 1}")
        if not probes.count(pair, [own for own in benchmarks if hunts[own.key].candidates], hunts):
            break
        number += 1


def _hunts(blocks: Sequence[Block], keys: set[str], last: int) -> dict[str, Hunt]:
    """Return a search for each, between what the first round counted."""
    return {
        block.benchmark: Hunt(block.base.instructions, block.head.instructions, last)
        for block in blocks
        if block.stage == "count" and block.number == work.FIRST and block.benchmark in keys
        if block.base.instructions and block.head.instructions
        if block.base.instructions != block.head.instructions
    }


def _introduced(row: Row, hunt: Hunt, found: Sequence[Step], probes: Probes) -> Row:
    """Return the row with the commit, or with why it has none."""
    number = hunt.found
    if number is None:
        return with_note(row, _why_not(row, hunt, found, probes))
    step = found[number - 1]
    if not step.inside:
        return with_note(row, "--bisect: it changed on BASE, since both parted")
    if hunt.partly:
        row = with_note(
            row, "--bisect: more than one commit changed it, and this one past the middle"
        )
    if step.joins:
        row = with_note(
            row, "--bisect: this merge, or a commit of HEAD before it that lacks a part of BASE"
        )
    commit = "." if step.revision.digest else step.revision.commit
    by = IntroducedBy(commit=commit, subject=step.subject)
    return msgspec.structs.replace(row, introduced_by=by)


def _why_not(row: Row, hunt: Hunt, found: Sequence[Step], probes: Probes) -> str:
    if hunt.irregular:
        return "--bisect: its work rose and fell within the range, more than once"
    old, new = hunt.bounds
    between = f"after {_name(found, old)} and up to {_name(found, new)}"
    if hunt.candidates:
        return f"--bisect: no time for more than this: it changed {between}; raise --budget"
    key = row_key(row)
    reasons = [probes.reason(number, key) for number in range(old + 1, new)]
    why = next(filter(None, reasons), "nobody knows why")
    return f"--bisect: it changed {between}, and cannot be counted between them: {why}"


def _name(found: Sequence[Step], number: int) -> str:
    return "BASE" if number == 0 else found[number - 1].revision.commit[:_COMMIT]
