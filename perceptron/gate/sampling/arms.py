"""Both revisions as something that can be asked: what benchmarks are there, what do they give?"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from perceptron.errors import UserError
from perceptron.gate.checkout.suite import Suite
from perceptron.gate.checkout.worktrees import Worktrees
from perceptron.gate.sampling import processes
from perceptron.gate.sampling.processes import Answer
from perceptron.records.block import Arm, Benchmark


class CannotImport(UserError):
    """The suite does not load on a tree."""


class Arms:
    """Starts the processes of base, head and control, each on its own tree."""

    def __init__(
        self, trees: Worktrees, suite: Suite, repository: Path, pythons: dict[Arm, str]
    ) -> None:
        self.trees = trees
        self.pythons = pythons
        self._suite = suite
        self._repository = repository
        self.own: dict[Arm, bool] = {}
        """Whether an arm was seen to run code of its own tree, beside its benchmarks."""

    def discover(self, arm: Arm) -> tuple[list[Benchmark], dict[str, str]]:
        """HEAD's benchmarks as they load on this arm's tree, and what its interpreter has.

        Raises `CannotImport` with the last line of what went wrong.
        """
        found: list[Benchmark] = []
        facts: dict[str, str] = {}
        for answer in self.ask(arm, "discover", None):
            if answer.kind == "benchmark":
                found += _benchmarks(answer.content)
            elif answer.kind == "environment":
                facts = answer.content["facts"]
            elif answer.kind in {"failed", "silent", "died"}:
                raise CannotImport(f"{arm.upper()} cannot be imported: {answer.reason}")
        return found, facts

    def ask(
        self,
        arm: Arm,
        kind: str,
        hash_seed: int | None,
        tasks: Sequence[dict[str, Any]] = (),
        limit: Callable[[str], float] = lambda _: 0.0,
        thin: bool = False,
    ) -> Iterator[Answer]:
        """Start a process on the arm's tree and hand on what it says.

        ``thin`` keeps our own memory out of its peak. Raises `UserError` if the process cannot
        serve at all, or ran somebody else's code.
        """
        job = self._job(arm, kind, tasks, thin)
        for answer in processes.ask(self.pythons[arm], job, hash_seed, limit):
            self._check(arm, answer)
            yield answer

    def _job(
        self, arm: Arm, kind: str, tasks: Sequence[dict[str, Any]], thin: bool
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
            "project": self.package,
            "folder": str(folder),
            "tasks": list(tasks),
            "fork": thin,
        }

    @property
    def package(self) -> str:
        """The package that must come from the trees; two interpreters may have one of their own."""
        if self.pythons["base"] != self.pythons["head"]:
            return ""
        return self._suite.project.lower().replace("-", "_")

    def _check(self, arm: Arm, answer: Answer) -> None:
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
