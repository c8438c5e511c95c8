"""`--bisect`: with which commit of the range the work of a benchmark changed, by counts alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing

import msgspec
from msgspec import Struct

from perceptron.errors import UserError
from perceptron.gate.checkout.request import CompareRequest, ResolvedRequest
from perceptron.gate.checkout.worktrees import Worktrees, working_folder
from perceptron.gate.counting.rounds import Rounds
from perceptron.gate.counting.valgrind import Valgrind
from perceptron.gate.journal import ComparisonJournal
from perceptron.gate.reasons.commits import Step, steps
from perceptron.gate.reasons.explain import row_key
from perceptron.gate.reasons.search import Hunt, next_steps
from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.caches import Caches
from perceptron.gate.sampling.schedule import seeds
from perceptron.gate.verdict import work
from perceptron.gate.verdict.rule import Rule
from perceptron.gate.verdict.work import work_of
from perceptron.records.block import Benchmark, Block, Reading
from perceptron.records.comparison import Comparison, IntroducedBy, Row
from perceptron.records.files.append import append, cannot_write, cut_unfinished
from perceptron.records.files.lock import open_locked

# Of the budget, beside it; and what a short one has all the same.
_SHARE, _LEAST_SECONDS = 0.25, 60.0
_COUNTS = "bisect.jsonl"
_COMMIT = 12


class StepCount(Struct, frozen=True, kw_only=True):
    """What one call of a benchmark executes at one step; None where it does not run there."""

    commit: str
    changes: str | None = None
    benchmark: str
    instructions: float | None


def check(request: CompareRequest, resolved: ResolvedRequest, valgrind: Valgrind | None) -> None:
    """Raise `UserError` if a bisection is wanted and cannot be."""
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

    That takes a quarter of the budget at most, beside it. Raises `UserError` without a common
    history.
    """
    evidence = work_of(journal.blocks, rule)
    keys = {key for key, own in evidence.items() if own.kind in {"rose", "fell"}}
    keys &= {row_key(row) for row in comparison.rows}
    if not keys:
        return comparison
    found = steps(resolved)
    end = clock() + max(_LEAST_SECONDS, _SHARE * comparison.plan.budget_seconds)
    hunts = _hunts(journal.blocks, keys, len(found))
    benchmarks = [own for own in comparison.benchmarks if own.key in hunts]
    probes = _Probes(resolved, arms, journal, valgrind, found, lambda: end - clock())
    probes.recall(hunts)
    number = 0
    while (pair := next_steps(list(hunts.values()))) is not None and clock() < end:
        progress(number, number + 1, f"looking for the commit, step {number + 1}")
        if not probes.count(pair, [own for own in benchmarks if hunts[own.key].candidates], hunts):
            break
        number += 1
    rows = [
        _introduced(row, hunts[row_key(row)], found) if row_key(row) in hunts else row
        for row in comparison.rows
    ]
    return msgspec.structs.replace(comparison, rows=rows)


def _hunts(blocks: Sequence[Block], keys: set[str], last: int) -> dict[str, Hunt]:
    """Return a search for each, between what the first round counted."""
    return {
        block.benchmark: Hunt(block.base.instructions, block.head.instructions, last)
        for block in blocks
        if block.stage == "count" and block.number == work.FIRST and block.benchmark in keys
        if block.base.instructions and block.head.instructions
    }


class _Probes:
    """Counts benchmarks at steps, two at once, and keeps what it counted in the journal."""

    def __init__(
        self,
        resolved: ResolvedRequest,
        arms: Arms,
        journal: ComparisonJournal,
        valgrind: Valgrind,
        found: Sequence[Step],
        left: Callable[[], float],
    ) -> None:
        self._resolved = resolved
        self._arms = arms
        self._file = journal.folder / _COUNTS
        self._plan = journal.run.plan
        self._valgrind = valgrind
        self._steps = found
        self._left = left

    def recall(self, hunts: Mapping[str, Hunt]) -> None:
        """Take note of what an earlier start counted."""
        numbers = {
            (step.revision.commit, step.revision.digest): number
            for number, step in enumerate(self._steps, start=1)
        }
        lines = self._file.read_bytes().splitlines(keepends=True) if self._file.exists() else []
        for line in lines:
            if line.endswith(b"\n"):
                count = msgspec.json.decode(line, type=StepCount)
                number = numbers.get((count.commit, count.changes))
                if number is not None and count.benchmark in hunts:
                    hunts[count.benchmark].record(number, count.instructions)

    def count(
        self, pair: tuple[int, int], benchmarks: Sequence[Benchmark], hunts: Mapping[str, Hunt]
    ) -> bool:
        """Count HEAD's benchmarks at both steps, and return whether that told anything.

        Where a step cannot be run at all, none of them runs.
        """
        told = False
        try:
            for key, readings in self._readings(pair, benchmarks):
                for number, reading in zip(pair, readings, strict=True):
                    if reading.status != "untried":
                        told = True
                        hunts[key].record(number, reading.instructions)
                        self._keep(number, key, reading.instructions)
        except UserError:
            for number in pair:
                for benchmark in benchmarks:
                    hunts[benchmark.key].record(number, None)
            return True
        return told

    def _readings(
        self, pair: tuple[int, int], benchmarks: Sequence[Benchmark]
    ) -> Iterator[tuple[str, tuple[Reading, Reading]]]:
        """Yield the counts of each benchmark at both steps, on trees of their own."""
        first, last = (self._steps[number - 1].revision for number in pair)
        repository, suite = self._resolved.repository, self._resolved.suite
        with working_folder(repository) as home:
            ours = self._arms.trees.path("head")
            trees = Worktrees(repository, home, first, last, suite, ours)
            with closing(self._arms.on(trees)) as arms:
                drawn = seeds(self._plan.seed, "count", work.FIRST, self._plan.seeded)
                rounds = Rounds(arms, Caches(arms), self._valgrind)
                for key, readings in rounds.count(benchmarks, drawn, self._left):
                    yield key, (readings["base"], readings["head"])

    def _keep(self, number: int, key: str, instructions: float | None) -> None:
        revision = self._steps[number - 1].revision
        count = StepCount(
            commit=revision.commit,
            changes=revision.digest,
            benchmark=key,
            instructions=instructions,
        )
        try:
            lines = open_locked(self._file)
            assert lines is not None, "the journal is locked"
            with lines:
                cut_unfinished(lines)
                append(lines, count)
        except OSError as error:
            raise cannot_write(self._file.parent, error) from None


def _introduced(row: Row, hunt: Hunt, found: Sequence[Step]) -> Row:
    """Return the row with the commit, or with why it has none."""
    number = hunt.found
    if number is None:
        return _with_note(row, _why_not(hunt, found))
    step = found[number - 1]
    if not step.inside:
        return _with_note(row, "--bisect: it changed on BASE, since both parted")
    if hunt.partly:
        row = _with_note(
            row, "--bisect: more than one commit changed it, and this one past the middle"
        )
    commit = "." if step.revision.digest else step.revision.commit
    by = IntroducedBy(commit=commit, subject=step.subject)
    return msgspec.structs.replace(row, introduced_by=by)


def _why_not(hunt: Hunt, found: Sequence[Step]) -> str:
    if hunt.irregular:
        return "--bisect: its work rose and fell within the range, more than once"
    old, new = hunt.bounds
    between = f"after {_name(found, old)} and up to {_name(found, new)}"
    if hunt.candidates:
        return f"--bisect: no time for more than this: it changed {between}; raise --budget"
    return f"--bisect: it changed {between}, and does not run between them"


def _name(found: Sequence[Step], number: int) -> str:
    return "BASE" if number == 0 else found[number - 1].revision.commit[:_COMMIT]


def _with_note(row: Row, note: str) -> Row:
    return msgspec.structs.replace(row, why_not=f"{row.why_not}; {note}" if row.why_not else note)
