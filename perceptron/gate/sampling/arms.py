"""Base, head and control, each as something that can be run: what benchmarks are there, what do
they give?"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from perceptron.errors import UserError
from perceptron.gate.checkout.suite import Suite
from perceptron.gate.checkout.worktrees import Worktrees
from perceptron.gate.sampling.processes import PLAIN, UNSEEDED, Answer, Instrument, Program, Seeds
from perceptron.records.block import Arm, Benchmark


class CannotImport(UserError):
    """The suite does not load on a tree."""


class Arms:
    """Starts the programs of base, head and control, each on its own tree.

    One at a time; under an instrument arms may run at once, in threads of their own. `close` ends
    what still runs: an iteration that an exception broke off is kept alive by the traceback, and
    its program must not outlive the trees.
    """

    def __init__(
        self, trees: Worktrees, suite: Suite, repository: Path, pythons: dict[Arm, str]
    ) -> None:
        self.trees = trees
        self.pythons = pythons
        self._suite = suite
        self._repository = repository
        self._running: dict[Arm, Program] = {}
        self._lock = threading.Lock()
        self._closed = False
        self.own: dict[Arm, bool] = {}
        """Whether an arm has imported code of its own tree, beside its benchmarks."""

    def discover(self, arm: Arm) -> tuple[list[Benchmark], dict[str, str]]:
        """Return HEAD's benchmarks as they load on this arm's tree, and versions of what they use.

        Raises `CannotImport` with the last line of what went wrong.
        """
        benchmarks: list[Benchmark] = []
        versions: dict[str, str] = {}
        for answer in self.run(arm, "discover", UNSEEDED):
            if answer.kind == "benchmark":
                benchmarks += _benchmarks(answer.content)
            elif answer.kind == "environment":
                versions = answer.content["versions"]
            elif answer.kind in {"failed", "silent", "died"}:
                raise CannotImport(f"{arm.upper()} cannot be imported: {answer.reason}")
        return benchmarks, versions

    def run(
        self,
        arm: Arm,
        kind: str,
        seeds: Seeds,
        tasks: Sequence[dict[str, Any]] = (),
        limit: Callable[[str], float] = lambda _: 0.0,
        own_peak: bool = False,
        instrument: Instrument = PLAIN,
    ) -> Iterator[Answer]:
        """Start the program on the arm's tree and yield its answers.

        ``own_peak`` keeps our own memory out of its peak. Raises `UserError` if the program cannot
        run at all, or has imported code of another tree.
        """
        for answer in self._start(arm, kind, seeds, tasks, own_peak, instrument).answers(limit):
            self._check(arm, answer)
            yield answer

    def _start(
        self,
        arm: Arm,
        kind: str,
        seeds: Seeds,
        tasks: Sequence[dict[str, Any]],
        own_peak: bool,
        instrument: Instrument,
    ) -> Program:
        with self._lock:
            if self._closed:
                raise UserError("the comparison was ended")
            for other, program in self._running.items():
                if instrument is PLAIN or other == arm:
                    program.end()
            job = self._job(arm, kind, tasks, own_peak)
            program = Program(self.pythons[arm], job, seeds, instrument)
            self._running[arm] = program
            return program

    def work_folder(self, arm: Arm) -> Path:
        """Return the folder that the arm's programs stand in; it is emptied before each of them."""
        return self.trees.home / f"{self.trees.path(arm).name}-work"

    def close(self) -> None:
        """End the programs that still run, and start no more."""
        with self._lock:
            self._closed = True
        self.end_running()

    def end_running(self) -> None:
        """End the programs that run now."""
        with self._lock:
            for program in self._running.values():
                program.end()

    def _job(
        self, arm: Arm, kind: str, tasks: Sequence[dict[str, Any]], own_peak: bool
    ) -> dict[str, Any]:
        tree = self.trees.path(arm)
        folder = self.work_folder(arm)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        others = [str(path) for path in self.trees.all() if path != tree]
        return {
            "kind": kind,
            "tree": str(tree),
            "roots": self._suite.roots(tree),
            "others": [*others, str(self._repository)],
            "suite": self._suite.kind,
            "benchmarks": self._suite.benchmarks,
            "tests": self._suite.tests,
            "project": self.package,
            "folder": str(folder),
            "tasks": list(tasks),
            "fork": own_peak,
        }

    @property
    def package(self) -> str:
        """The package that must come from the trees; "" where each interpreter may have its own."""
        if self.pythons["base"] != self.pythons["head"]:
            return ""
        return self._suite.project.lower().replace("-", "_")

    def _check(self, arm: Arm, answer: Answer) -> None:
        if answer.kind == "no runner":
            raise UserError(
                f"{self.pythons[arm]}: has no {self._suite.runner} ({answer.reason}): install it "
                f"there, or name another Python by --{'head' if arm == 'head' else 'base'}-python"
            )
        if answer.kind != "end":
            return
        self.own[arm] = self.own.get(arm, False) or answer.own
        if answer.foreign:
            raise UserError(
                f"{arm.upper()} imported {_home(answer.foreign[0])}, which is not its tree: "
                "uninstall the project from this environment, or build it into the tree"
            )


def _benchmarks(content: dict[str, Any]) -> Iterator[Benchmark]:
    """Yield one for each set of parameters."""
    sets: list[list[str]] = content["params"]
    tests: list[str] = content.get("ids", [])
    for index, params in enumerate(sets) if sets else [(None, [])]:
        yield Benchmark(
            name=content["name"],
            pretty_name=content["pretty_name"],
            params=params,
            param_names=content["param_names"],
            index=index,
            test=tests[index or 0] if tests else None,
            group=content.get("group"),
            type=content["type"],
            unit=content["unit"],
            timeout=content["timeout"] or 60.0,
            cache=content["cache"],
            cache_timeout=content["cache_timeout"],
            file=content["file"],
            line=content["line"],
        )


def _home(text: str) -> str:
    """Return the text with paths below the home folder as people write them."""
    return text.replace(os.path.expanduser("~") + os.sep, "~" + os.sep)
