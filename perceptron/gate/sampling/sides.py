"""Base, head and control as runnable suites: which benchmarks do they have, with what results?"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any

import msgspec

from perceptron.errors import UserError
from perceptron.gate.checkout.suite import Suite
from perceptron.gate.checkout.worktrees import Worktrees, with_tilde
from perceptron.gate.environments import metadata
from perceptron.gate.environments.interpreters import Code, Interpreters
from perceptron.gate.environments.metadata import project_names
from perceptron.gate.sampling.discovery import Discovery, discover
from perceptron.gate.sampling.processes import (
    START_SECONDS,
    UNSEEDED,
    Answer,
    Instrument,
    Program,
    Seeds,
)
from perceptron.records.block import PAIR, Benchmark, Side

# Untimed tasks: both sides may run them at the same time.
_AT_ONCE = frozenset({"count", "trace", "profile"})
# To start an interpreter and to import, however little time is left.
_LEAST_SECONDS = 10.0


class Seen(Exception):
    """A program of a side touched watched files, or may have; the message says how."""


class Sides:
    """Starts the programs of base, head and control, each on its own tree.

    Timed programs run one at a time; others may run on both sides at once. `close` ends running
    programs: a traceback keeps an interrupted iteration alive, and its program must not outlive the
    trees.

    Where ``installed`` code is compared, the trees give the benchmarks alone.
    """

    def __init__(
        self,
        trees: Worktrees,
        suite: Suite,
        repository: Path,
        pythons: dict[Side, str],
        installed: bool = False,
    ) -> None:
        self.trees = trees
        self.pythons = pythons
        self.interpreters = Interpreters(pythons, trees)
        self._suite = suite
        self._repository = repository
        self._metadata = {} if installed else {side: self._write_metadata(side) for side in PAIR}
        self._running: dict[Side, Program] = {}
        self._without: dict[Side, set[str]] = {}
        self._discoveries: dict[Side, Discovery] = {}
        self.installed = installed
        self.watched: Mapping[str, Any] | None = None
        """Paths that programs report when they touch them, as `Inert.watched` names them."""
        self.from_tree: dict[Side, bool] = {}
        """Whether a side has imported code of its own tree, beside its benchmarks."""
        self.code: dict[Side, Code] = {}
        """The folder from which a side imported the project, where installed code is compared."""

    def discover(self, side: Side, seconds_left: Callable[[], float] = lambda: inf) -> Discovery:
        """Return HEAD's benchmarks as they load on this side's tree.

        An import may take half of the ``seconds_left``, and always a few seconds. A module that
        ends the program is skipped in the next attempt, and in all programs of this side. Raises
        `CannotImport` if nothing loads, with the last line of the error.
        """

        def programs() -> Iterator[Answer]:
            how = Instrument("discover", start_seconds=start_seconds(seconds_left()))
            return self.run(side, how, UNSEEDED)

        self._discoveries[side] = discover(
            programs,
            side,
            self.interpreters.where(side),
            self._without.setdefault(side, set()),
        )
        return self._discoveries[side]

    def discover_own(
        self, tree: Path, suite: Suite, seconds_left: Callable[[], float]
    ) -> Discovery:
        """Return BASE's own benchmarks, from another tree of it; raises as `discover`."""
        without: set[str] = set()

        def programs() -> Iterator[Answer]:
            self.close()
            job = {**self._job("base", tree, suite), "tasks": [], "without": sorted(without)}
            how = Instrument("discover", start_seconds=start_seconds(seconds_left()))
            started = Program(self.interpreters.path("base"), job, UNSEEDED, how)
            self._running["base"] = started
            return map(self._as_known, started.answers(lambda _: 0.0))

        return discover(programs, "base", self.interpreters.where("base"), without)

    def identifier(self, side: Side, benchmark: Benchmark) -> str | None:
        """Return the side's asv id of the benchmark; None where it lacks the parameters."""
        source: Side = "base" if side == "control" else side
        here = self._discoveries.get(source)
        return benchmark.asv_id if here is None else here.identifier(benchmark)

    def module(self, benchmark: Benchmark) -> str:
        """Return the import of the benchmark: a module of the suite, or a file of tests."""
        head = self._discoveries.get("head")
        name = "" if head is None else head.modules.get(benchmark.key, "")
        return name.partition("::")[0] or benchmark.file or benchmark.name

    def run(
        self,
        side: Side,
        instrument: Instrument,
        seeds: Seeds,
        tasks: Sequence[dict[str, Any]] = (),
        limit: Callable[[str], float] = lambda _: 0.0,
    ) -> Iterator[Answer]:
        """Start the program on the side's tree and yield its answers.

        Raises `UserError` if the program cannot run at all, or has imported code of another tree,
        and `Seen` if it touches watched files.
        """
        for other, program in self._running.items():
            if other == side or instrument.kind not in _AT_ONCE:
                program.end()
        job = {"tasks": list(tasks), **self._job(side)}
        started = Program(self.interpreters.path(side), job, seeds, instrument)
        self._running[side] = started
        for answer in started.answers(limit):
            self._check(side, answer)
            yield self._as_known(answer)

    def work_folder(self, side: Side) -> Path:
        """Return the working folder of the side's programs; it is emptied before each."""
        return self.trees.home / f"{self.trees.path(side).name}-work"

    def close(self) -> None:
        """End the running programs."""
        for program in self._running.values():
            program.end()

    def _job(
        self, side: Side, tree: Path | None = None, suite: Suite | None = None
    ) -> dict[str, Any]:
        """Return the job common to all programs of the side, with its tree and the shared suite."""
        tree, suite = tree or self.trees.path(side), suite or self._suite
        folder = self.work_folder(side)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        others = [str(path) for path in self.trees.all() if path != tree]
        borrowed = self.interpreters.borrowed(side)
        metadata_folder = self._metadata.get("base" if side == "control" else side)
        if metadata_folder is not None:
            borrowed.append(str(self.trees.link(side, "metadata", str(metadata_folder))))
        return {
            "tree": str(tree),
            # Import paths before all others, and after them.
            "roots": [] if self.installed else suite.roots(tree),
            "borrowed": borrowed,
            "installed": project_names(suite, tree) if self.installed else [],
            "without": sorted(self._without.get(side, ())),
            "others": [*others, str(self._repository)],
            "suite": suite.kind,
            "benchmarks": suite.benchmarks,
            "tests": suite.tests,
            "project": self.package,
            "folder": str(folder),
            **({} if self.watched is None else {"watched": self.watched}),
        }

    def _write_metadata(self, side: Side) -> Path | None:
        """Return the folder with the project's metadata from the tree; paths are equally long."""
        folder = self.trees.home / "metadata" / side[0]
        project = metadata.read(self.trees.path(side) / self._suite.code)
        named = msgspec.structs.replace(project, name=project.name or self._suite.project)
        return folder if metadata.write(named, folder) else None

    def is_of_trees(self, name: str) -> bool:
        """Return whether a tree holds a module of this name: then no library is missing."""
        both: tuple[Side, ...] = ("base", "head")
        roots = [Path(root) for side in both for root in self._suite.roots(self.trees.path(side))]
        places = (path for root in roots for path in (root / name, root / f"{name}.py"))
        return not self.installed and any(path.exists() for path in places)

    @property
    def package(self) -> str:
        """The package that must come from the trees; "" where each interpreter may have its own."""
        if self.installed or self.pythons["base"] != self.pythons["head"]:
            return ""
        return self._suite.project.lower().replace("-", "_")

    def _as_known(self, answer: Answer) -> Answer:
        """Return the answer with paths in its reason and its file as users know them."""
        reason = answer.reason and self.trees.as_known(answer.reason)
        content = {**answer.content, "reason": reason} if answer.content else {}
        if answer.kind == "unloadable":
            content["file"] = self.trees.as_known(str(content["file"]))
        return msgspec.structs.replace(answer, reason=reason, content=content)

    @property
    def how(self) -> str:
        """The option by which installed code is compared."""
        return "--build" if self.interpreters.built else "--installed"

    def _check(self, side: Side, answer: Answer) -> None:
        if answer.kind == "seen":
            raise Seen(self.trees.as_known(answer.reason or "something"))
        if answer.kind == "no runner":
            raise UserError(
                f"{side.upper()} has no {self._suite.runner} ({answer.reason}): install it in "
                f"{self.interpreters.where(side)}"
            )
        if answer.kind != "end":
            return
        self.from_tree[side] = self.from_tree.get(side, False) or answer.from_tree
        if self.installed:
            self._check_installed(side, answer)
        elif answer.foreign:
            raise UserError(
                f"{side.upper()} imported {with_tilde(answer.foreign[0])}, which is not its tree: "
                "uninstall the project from this environment, or build it into the tree"
            )

    def _check_installed(self, side: Side, answer: Answer) -> None:
        foreign = answer.foreign[0] if answer.foreign else "its tree" if answer.from_tree else None
        if foreign is not None:
            raise UserError(
                f"{self.how}: {side.upper()} imported {with_tilde(foreign)}, a checkout: keep that "
                f"out of PYTHONPATH, and install the project in {self.interpreters.where(side)}"
            )
        content = answer.content.get("code")
        if content is not None:
            self.code[side] = Code(**content)


def start_seconds(left: float) -> float:
    """Return the time limit of an import, from the seconds that are left."""
    return min(START_SECONDS, max(_LEAST_SECONDS, left // 2))
