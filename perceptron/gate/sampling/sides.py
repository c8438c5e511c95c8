"""Base, head and control, each as something that can be run: what benchmarks are there, what do
they give?"""

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

# What depends on no clock: both sides may do it at the same time.
_AT_ONCE = frozenset({"count", "trace", "profile"})
# To start an interpreter and to import, however little time there is.
_LEAST_SECONDS = 10.0


class Seen(Exception):
    """A program of a side touched what is watched, or may have; the message says how."""


class Sides:
    """Starts the programs of base, head and control, each on its own tree.

    One at a time; what does not measure time may run on both sides at once. `close` ends what still
    runs: an iteration that an exception broke off is kept alive by the traceback, and its program
    must not outlive the trees.

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
        """What programs are to tell of when they touch it, as `Inert.watched` names it."""
        self.own: dict[Side, bool] = {}
        """Whether a side has imported code of its own tree, beside its benchmarks."""
        self.code: dict[Side, Code] = {}
        """What a side imported the project from, where installed code is compared."""

    def discover(self, side: Side, seconds_left: Callable[[], float] = lambda: inf) -> Discovery:
        """Return HEAD's benchmarks as they load on this side's tree.

        An import may take half of the ``seconds_left``, and always a few seconds.

        A module of the suite that ends the program is left out of the next try, and of all programs
        of this side. Raises `CannotImport` if nothing loads, with the last line of what went wrong.
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
        """Return BASE's own benchmarks, which lie in one more tree of it; raises as `discover`."""
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
        """Return by what name the side's suite finds it; None where it has no such parameters."""
        source: Side = "base" if side == "control" else side
        here = self._discoveries.get(source)
        return benchmark.asv_id if here is None else here.identifier(benchmark)

    def module(self, benchmark: Benchmark) -> str:
        """Return what is imported for the benchmark: a module of the suite, or a file of tests."""
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
        and `Seen` if it touches what is watched.
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
        """Return the folder that the side's programs stand in; it is emptied before each."""
        return self.trees.home / f"{self.trees.path(side).name}-work"

    def close(self) -> None:
        """End the programs that still run."""
        for program in self._running.values():
            program.end()

    def _job(
        self, side: Side, tree: Path | None = None, suite: Suite | None = None
    ) -> dict[str, Any]:
        """Return what every program of the side is told, in its own tree with the common suite."""
        tree, suite = tree or self.trees.path(side), suite or self._suite
        folder = self.work_folder(side)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        others = [str(path) for path in self.trees.all() if path != tree]
        lent = self.interpreters.lent(side)
        own = self._metadata.get("base" if side == "control" else side)
        if own is not None:
            lent.append(str(self.trees.link(side, "metadata", str(own))))
        return {
            "tree": str(tree),
            # What is imported from before all others, and after them.
            "roots": [] if self.installed else suite.roots(tree),
            "lent": lent,
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
        """Return the folder of what the tree says of its project; paths are equally long."""
        folder = self.trees.home / "metadata" / side[0]
        project = metadata.read(self.trees.path(side) / self._suite.code)
        named = msgspec.structs.replace(project, name=project.name or self._suite.project)
        return folder if metadata.write(named, folder) else None

    def is_of_trees(self, name: str) -> bool:
        """Return whether a tree holds a module of this name: then no library is missing."""
        both: tuple[Side, ...] = ("base", "head")
        roots = [Path(root) for side in both for root in self._suite.roots(self.trees.path(side))]
        places = (place for root in roots for place in (root / name, root / f"{name}.py"))
        return not self.installed and any(place.exists() for place in places)

    @property
    def package(self) -> str:
        """The package that must come from the trees; "" where each interpreter may have its own."""
        if self.installed or self.pythons["base"] != self.pythons["head"]:
            return ""
        return self._suite.project.lower().replace("-", "_")

    def _as_known(self, answer: Answer) -> Answer:
        """Return the answer with its reason as users read it, and the file that it is about."""
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
        self.own[side] = self.own.get(side, False) or answer.own
        if self.installed:
            self._check_installed(side, answer)
        elif answer.foreign:
            raise UserError(
                f"{side.upper()} imported {with_tilde(answer.foreign[0])}, which is not its tree: "
                "uninstall the project from this environment, or build it into the tree"
            )

    def _check_installed(self, side: Side, answer: Answer) -> None:
        foreign = answer.foreign[0] if answer.foreign else "its tree" if answer.own else None
        if foreign is not None:
            raise UserError(
                f"{self.how}: {side.upper()} imported {with_tilde(foreign)}, a checkout: keep that "
                f"out of PYTHONPATH, and install the project in {self.interpreters.where(side)}"
            )
        content = answer.content.get("code")
        if content is not None:
            self.code[side] = Code(**content)


def start_seconds(left: float) -> float:
    """Return what an import may take of the seconds that are left."""
    return min(START_SECONDS, max(_LEAST_SECONDS, left // 2))
