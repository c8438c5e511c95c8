"""Counts of benchmarks at commits between BASE and HEAD, kept beside the blocks."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from math import inf

import msgspec
from msgspec import Struct

from perceptron.errors import UserError
from perceptron.gate.checkout.request import ResolvedRequest
from perceptron.gate.checkout.worktrees import Worktrees, working_folder
from perceptron.gate.counting.rounds import Rounds
from perceptron.gate.counting.valgrind import Valgrind
from perceptron.gate.journal import ComparisonJournal
from perceptron.gate.reasons import setup_caches
from perceptron.gate.reasons.commits import Step
from perceptron.gate.reasons.notes import in_one_line
from perceptron.gate.reasons.search import Hunt
from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.caches import Caches
from perceptron.gate.sampling.schedule import seeds
from perceptron.gate.verdict import work
from perceptron.records.block import Arm, Benchmark, Reading
from perceptron.records.files.append import append, cut_unfinished
from perceptron.records.files.lock import open_locked

_COUNTS = "bisect.jsonl"
_PAIR: tuple[Arm, ...] = ("base", "head")
_SILENT = "it gave no count"


class StepCount(Struct, frozen=True, kw_only=True):
    """What one call of a benchmark executes at one step; None, and why, where it fails there."""

    commit: str
    changes: str | None = None
    benchmark: str
    instructions: float | None
    reason: str | None = None


class Probes:
    """Counts benchmarks at steps, two at once, as long as there are seconds ``left``."""

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
        self.left = left
        self._reasons: dict[tuple[int, str], str] = {}

    def reason(self, number: int, key: str) -> str | None:
        """Return why the benchmark was not counted at the step; None if nothing is known."""
        return self._reasons.get((number, key))

    def recall(self, hunts: Mapping[str, Hunt]) -> None:
        """Take note of what an earlier start counted."""
        numbers = {
            (step.revision.commit, step.revision.digest): number
            for number, step in enumerate(self._steps, start=1)
        }
        lines = self._file.read_bytes().splitlines() if self._file.exists() else []
        for count in _decoded(lines):
            number = numbers.get((count.commit, count.changes))
            told = count.instructions is not None or count.reason is not None
            if number is not None and told and count.benchmark in hunts:
                self._record(number, count.benchmark, hunts, count.instructions, count.reason)

    def count(
        self, pair: tuple[int, int], benchmarks: Sequence[Benchmark], hunts: Mapping[str, Hunt]
    ) -> bool:
        """Count HEAD's benchmarks at both steps, and return whether that told anything.

        A step that cannot be checked out or run at all runs none of them; which of both that is
        shows when each is tried alone.
        """
        told = False
        try:
            with closing(self._readings(pair, benchmarks)) as counted:
                for key, readings in counted:
                    for number, reading in zip(pair, readings, strict=True):
                        told = self._take(number, key, reading, hunts) or told
        except (UserError, OSError, msgspec.ValidationError) as error:
            if pair[0] != pair[1]:
                alone = [self.count((own, own), benchmarks, hunts) for own in pair]
                return any(alone)
            for benchmark in benchmarks:
                self._record(pair[0], benchmark.key, hunts, None, in_one_line(error))
            return True
        return told

    def _readings(
        self, pair: tuple[int, int], benchmarks: Sequence[Benchmark]
    ) -> Generator[tuple[str, tuple[Reading, Reading]], None, None]:
        """Yield the counts of each benchmark at both steps, on trees of their own."""
        first, last = (self._steps[number - 1].revision for number in pair)
        repository, suite = self._resolved.repository, self._resolved.suite
        with working_folder(repository) as home:
            ours = self._arms.trees.path("head")
            trees = Worktrees(repository, home, first, last, suite, ours)
            with closing(self._arms.on(trees)) as arms:
                drawn = seeds(self._plan.seed, "count", work.FIRST, self._plan.seeded)
                caches = Caches(arms)
                old, new = (
                    setup_caches.make(caches, arm, benchmarks, drawn, self.left) for arm in _PAIR
                )
                untried = setup_caches.NO_TIME  # where the other one's cache failed
                for key in old.keys() | new.keys():
                    yield key, (old.get(key, untried), new.get(key, untried))
                todo = [own for own in benchmarks if own.key not in old and own.key not in new]
                rounds = Rounds(arms, caches, self._valgrind)
                for key, readings in rounds.count(todo, drawn, self.left):
                    yield key, (readings["base"], readings["head"])

    def _take(self, number: int, key: str, reading: Reading, hunts: Mapping[str, Hunt]) -> bool:
        """Take note of a reading and return whether it tells anything.

        What was cut off at the end of the time tells nothing. What fails does so each time and is
        kept; what is too slow to be counted may be counted by the next start.
        """
        if reading.status == "untried" or (reading.status == "slow" and self.left() <= 0):
            return False
        instructions = reading.instructions if reading.status == "ok" else None
        reason = None if instructions is not None else reading.reason or _SILENT
        self._record(number, key, hunts, instructions, reason)
        if instructions is not None or reading.status == "failed":
            with suppress(OSError):  # then the next start counts it again
                self._keep(number, key, instructions, reason)
        return True

    def _record(
        self,
        number: int,
        key: str,
        hunts: Mapping[str, Hunt],
        instructions: float | None,
        reason: str | None,
    ) -> None:
        counted = instructions if instructions is not None and 0 < instructions < inf else None
        hunts[key].record(number, counted)
        if counted is None:
            self._reasons[number, key] = reason or _SILENT

    def _keep(self, number: int, key: str, instructions: float | None, reason: str | None) -> None:
        revision = self._steps[number - 1].revision
        count = StepCount(
            commit=revision.commit,
            changes=revision.digest,
            benchmark=key,
            instructions=instructions,
            reason=reason,
        )
        lines = open_locked(self._file)
        assert lines is not None, "the journal is locked"
        with lines:
            cut_unfinished(lines)
            append(lines, count)


def _decoded(lines: Sequence[bytes]) -> Iterator[StepCount]:
    """Yield what the lines hold; what is damaged is counted again."""
    decoder = msgspec.json.Decoder(StepCount)
    for line in lines:
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            yield decoder.decode(line)
