"""Both revisions as something that can be asked: what benchmarks are there, what do they give?"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from perceptron.errors import UserError
from perceptron.gate.processes import Answer, ask
from perceptron.gate.suite import Suite
from perceptron.gate.trees import Trees
from perceptron.records.block import Arm, Benchmark, Taken

# The peak of a process is one number, and shared by all that ran in it.
ALONE = frozenset({"peakmemory"})
# An import of everything, and as much again.
DISCOVERY_SECONDS = 300.0


class CannotImport(UserError):
    """The suite does not load on a tree."""


@dataclass(frozen=True)
class Effort:
    """How each time is taken: calls in a batch and batches, for each benchmark, equal in all arms.

    What is not in there is calibrated.
    """

    calls: dict[str, int]
    batches: dict[str, int]


CALIBRATING = Effort({}, {})


class Arms:
    """Starts the processes of base, head and control, each on its own tree."""

    def __init__(
        self,
        trees: Trees,
        suite: Suite,
        repository: Path,
        pythons: dict[Arm, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.trees = trees
        self.pythons = pythons
        self._suite = suite
        self._repository = repository
        self._clock = clock
        self._caches: dict[tuple[Arm, str], Taken] = {}
        self._cache_numbers: dict[str, int] = {}
        self.own: dict[Arm, bool] = {}
        self.start_seconds = 0.0
        """What a process took beside its benchmarks, at most: to start, and to import."""

    def discover(self, arm: Arm) -> tuple[list[Benchmark], dict[str, str]]:
        """HEAD's benchmarks as they load on this arm's tree, and what its interpreter has.

        Raises `CannotImport` with the last line of what went wrong.
        """
        found: list[Benchmark] = []
        facts: dict[str, str] = {}
        job = self._job(arm, "discover")
        for answer in ask(self.pythons[arm], job, None, lambda _: DISCOVERY_SECONDS):
            self._check(arm, answer)
            if answer.kind == "benchmark":
                found += _benchmarks(answer.content)
            elif answer.kind == "environment":
                facts = answer.content["facts"]
            elif answer.kind in {"failed", "silent", "died"}:
                raise CannotImport(f"{arm.upper()} cannot be imported: {answer.reason}")
        return found, facts

    def take(
        self,
        arm: Arm,
        benchmarks: Sequence[Benchmark],
        effort: Effort,
        hash_seed: int | None,
        limit: Callable[[Benchmark], float],
    ) -> Iterator[tuple[str, Taken]]:
        """What each benchmark gives, by its key, in a fresh process.

        One that ends the process or hangs costs its own answer; another process goes on.
        """
        left = {each.key: each for each in benchmarks}
        for each in benchmarks:
            broken = self._cache(arm, each, hash_seed)
            if broken is not None:
                del left[each.key]
                yield each.key, broken
        while left:
            for key, taken in self._process(arm, list(left.values()), effort, hash_seed, limit):
                del left[key]
                yield key, taken

    def _process(
        self,
        arm: Arm,
        benchmarks: Sequence[Benchmark],
        effort: Effort,
        hash_seed: int | None,
        limit: Callable[[Benchmark], float],
    ) -> Iterator[tuple[str, Taken]]:
        """Answers of one process, at least one."""
        by_key = {each.key: each for each in benchmarks}
        tasks = [self._task(arm, each, effort) for each in benchmarks]
        job = self._job(arm, "measure", tasks, fork=benchmarks[0].type in ALONE)
        current, answered = next(iter(by_key)), False
        begin, spent = self._clock(), 0.0
        for answer in ask(self.pythons[arm], job, hash_seed, lambda key: limit(by_key[key])):
            self._check(arm, answer)
            if answer.kind == "start":
                current = answer.key
            elif answer.kind == "taken" and answer.key in by_key:
                del by_key[answer.key]
                answered = True
                taken = msgspec.convert(answer.content, type=Taken)
                spent += taken.wall_seconds
                yield answer.key, taken
                current = next(iter(by_key), "")
            elif answer.kind in {"silent", "died", "failed"}:
                if current:
                    yield (
                        current,
                        Taken(
                            status="slow" if answer.kind == "silent" else "failed",
                            reason=answer.reason,
                            wall_seconds=answer.seconds,
                        ),
                    )
            elif answer.kind == "end":
                self.start_seconds = max(self.start_seconds, self._clock() - begin - spent)
                if not answered:
                    yield current, Taken(status="failed", reason="its process gave no answer")

    def _cache(self, arm: Arm, benchmark: Benchmark, hash_seed: int | None) -> Taken | None:
        """Run a setup_cache once for each arm; what went wrong, None if nothing did."""
        if benchmark.cache is None:
            return None
        name = (arm, benchmark.cache)
        if name not in self._caches:
            file = self._cache_file(arm, benchmark.cache)
            file.parent.mkdir(parents=True, exist_ok=True)
            seconds = benchmark.cache_timeout or benchmark.timeout
            job = self._job(arm, "cache", [self._task(arm, benchmark, CALIBRATING)])
            found = Taken(status="failed", reason="setup_cache: no answer")
            for answer in ask(self.pythons[arm], job, hash_seed, lambda _: seconds):
                self._check(arm, answer)
                if answer.kind == "taken":
                    found = msgspec.convert(answer.content, type=Taken)
                elif answer.kind in {"silent", "died", "failed"}:
                    found = Taken(status="failed", reason=f"setup_cache: {answer.reason}")
            self._caches[name] = found
        kept = self._caches[name]
        return None if kept.status == "ok" else kept

    def _cache_file(self, arm: Arm, cache: str) -> Path:
        """In a folder whose path is as long for every arm."""
        number = self._cache_numbers.setdefault(cache, len(self._cache_numbers))
        return self.trees.home / "caches" / arm[0] / f"{number:03}" / "cache.pickle"

    def _task(self, arm: Arm, benchmark: Benchmark, effort: Effort) -> dict[str, Any]:
        index = "" if benchmark.index is None else f"-{benchmark.index}"
        cache = None if benchmark.cache is None else str(self._cache_file(arm, benchmark.cache))
        return {
            "key": benchmark.key,
            "id": f"{benchmark.name}{index}",
            "type": benchmark.type,
            "cache": cache,
            "calls": effort.calls.get(benchmark.key),
            "batches": effort.batches.get(benchmark.key),
        }

    def _job(
        self, arm: Arm, kind: str, tasks: Sequence[dict[str, Any]] = (), fork: bool = False
    ) -> dict[str, Any]:
        tree = self.trees.path(arm)
        folder = self.trees.home / f"{tree.name}-work"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        others = [str(each) for each in self.trees.all() if each != tree]
        return {
            "kind": kind,
            "tree": str(tree),
            "roots": self._suite.roots(tree),
            "others": [*others, str(self._repository)],
            "benchmarks": self._suite.benchmarks,
            "folder": str(folder),
            "tasks": list(tasks),
            "fork": fork,
        }

    def _check(self, arm: Arm, answer: Answer) -> None:
        """Raises `UserError` if the process cannot serve at all, or ran somebody else's code."""
        if answer.kind == "no runner":
            raise UserError(
                f"{self.pythons[arm]}: has no asv_runner ({answer.reason}): install it there, or "
                f"name another Python by --{'head' if arm == 'head' else 'base'}-python"
            )
        if answer.kind != "end":
            return
        self.own[arm] = self.own.get(arm, False) or answer.own
        if answer.strangers:
            raise UserError(
                f"{arm.upper()} imported {_home(answer.strangers[0])}, which is not its tree: "
                "uninstall the project from this environment, or build it into the tree"
            )


def _benchmarks(content: dict[str, Any]) -> Iterator[Benchmark]:
    """One for each set of parameters."""
    sets: list[list[str]] = content["params"]
    for index, params in enumerate(sets) if sets else [(None, [])]:
        yield Benchmark(
            name=content["name"],
            pretty_name=content["pretty_name"],
            params=params,
            param_names=content["param_names"],
            index=index,
            type=content["type"],
            unit=content["unit"],
            timeout=content["timeout"] or 60.0,
            cache=content["cache"],
            cache_timeout=content["cache_timeout"],
            file=content["file"],
            line=content["line"],
        )


def _home(text: str) -> str:
    """Paths below the user's home folder, as people write them."""
    return text.replace(os.path.expanduser("~") + os.sep, "~" + os.sep)
