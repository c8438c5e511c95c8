"""`--build`: an environment of each revision, made as its own asv.conf.json says."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import which

import msgspec

from perceptron.errors import UserError
from perceptron.gate.checkout.python import version_of
from perceptron.gate.checkout.request import Case
from perceptron.gate.checkout.same_code import bounded
from perceptron.gate.checkout.snapshot import snapshot
from perceptron.gate.checkout.worktrees import with_tilde
from perceptron.gate.environments import build_cache, interpreters
from perceptron.gate.environments.build_cache import Place
from perceptron.gate.environments.installation import install
from perceptron.gate.environments.metadata import project_names
from perceptron.gate.environments.recipe import Recipe, read
from perceptron.gate.environments.source import Source
from perceptron.processes.this_process import variables_set
from perceptron.records.block import PAIR, Side
from perceptron.records.files.write import cannot_write
from perceptron.records.warning import MeasurementWarning
from perceptron.untrusted_text import label

# asv's runner measures benchmarks of object sizes by pympler.
_OF_OBJECTS = re.compile(rb"\b(def mem_|class Mem)")
_LONGEST_LINE = 300
# A compiler's message about a line.
_DIAGNOSTIC = re.compile(r"\S+:\d+(:\d+)?: (fatal )?error: ")
_ERROR = re.compile(r"\b(\w*Error|error|ERROR)\b ?[:\[]|\bERROR\b")
# Messages that only report an earlier error.
_GENERIC = re.compile(
    r"subprocess-exited-with-error|Failed building wheel|Failed to build|metadata-generation-failed"
    r"|failed-wheel-build|CalledProcessError|failed with exit (code|status)"
)


class HeadDoesNotBuild(Exception):
    """BASE builds and HEAD does not: a finding. Its message is one line."""

    def __init__(self, problem: str, log: Path) -> None:
        super().__init__(f"HEAD does not build: {problem}; its log: {log}")
        self.log = log


def check(case: Case) -> None:
    """Raise `UserError` for a request that cannot be built, before anything is checked out."""
    request = case.request
    if request.base_python or request.head_python or request.installed:
        raise UserError(
            "--build makes environments of its own: leave out --base-python, --head-python and "
            "--installed"
        )
    _named_recipe(case, case.pythons["head"])


@contextmanager
def built(
    case: Case, trees: Mapping[Side, Path], progress: Callable[[int, int, str], None]
) -> Iterator[tuple[dict[Side, str], list[MeasurementWarning]]]:
    """Yield the interpreters of environments locked for this comparison, and warnings.

    ``trees`` holds the checkouts. The matrix's variables are set in this process meanwhile, as asv
    sets them for benchmarks. Raises `HeadDoesNotBuild`, and `UserError` if BASE does not build
    either.
    """
    with ExitStack() as locks:
        builder = _Builder(case, trees, progress, locks)
        locks.callback(builder.forget_written)
        builder.make()
        build_cache.drop_oldest()
        pythons = {side: str(side_build.place.python) for side, side_build in builder.sides.items()}
        recipe = builder.sides["head"].recipe
        warnings = _warnings(recipe)
        if differing := builder.differing():
            warnings.append(interpreters.other_dependencies(differing))
        with variables_set(recipe.variables):
            yield {**pythons, "control": pythons["base"]}, warnings


@dataclass(frozen=True)
class _Own:
    """The source, recipe and place of a side's build."""

    source: Source
    recipe: Recipe
    folder: Path
    """The folder of asv's file: in the revision, or absolute if the file is elsewhere."""
    place: Place


class _Builder:
    """Makes the environments in turn."""

    def __init__(
        self,
        case: Case,
        trees: Mapping[Side, Path],
        progress: Callable[[int, int, str], None],
        locks: ExitStack,
    ) -> None:
        self._case = case
        self._progress = progress
        self._built_now: set[Side] = set()
        self._names = {name for side in PAIR for name in project_names(case.suite, trees[side])}
        # HEAD's benchmarks run on both.
        needs = ["pytest"] if case.suite.kind == "pytest" else []
        if _measures_objects(trees["head"] / case.suite.benchmarks):
            needs.append("pympler")
        self.sides: dict[Side, _Own] = {}
        for side in PAIR:
            # Each revision's own: a matrix with another pin is a change like any other.
            recipe, folder = _recipe(case, side, trees[side])
            recipe = replace(recipe, requirements=(*recipe.requirements, *needs))
            source = Source(case.repository, getattr(case, side), trees[side])
            place = build_cache.take(_digest(recipe), source.key, side)
            locks.callback(place.lock.close)
            self.sides[side] = _Own(source, recipe, folder, place)

    def make(self) -> None:
        """Make the environments that are not in the cache.

        A cached one is rebuilt if the other, built now, has different dependencies.
        """
        for side in PAIR:
            if not self._is_there(side):
                self._build(side)
        if len(self._built_now) == 1 and self.differing():
            (cached,) = set(PAIR) - self._built_now
            self._build(cached, "again, as its dependencies are older, ")

    def _is_there(self, side: Side) -> bool:
        """Return whether the environment is there, and take its snapshot before any of its code
        runs."""
        place = self.sides[side].place
        if place.is_made:
            self._case.environments[side] = (
                place.environment,
                snapshot(place.environment, linked=True),
            )
        return place.is_made

    def forget_written(self) -> None:
        """Discard environments that were written to: the next comparison builds them again."""
        for side, (folder, before) in self._case.environments.items():
            if before.written(folder) is not None:
                self.sides[side].place.made_file.unlink(missing_ok=True)

    def differing(self) -> list[str]:
        """Return the dependencies that differ between the environments."""
        base, head = (
            interpreters.versions(str(self.sides[side].place.python), self._names) for side in PAIR
        )
        return interpreters.differences(base, head)

    def _build(self, side: Side, why: str = "") -> None:
        """Build it, and once more with pip if that fails: the network may have failed, or pip may
        have settings that uv lacks.

        A BASE from an earlier day is rebuilt if HEAD fails: this machine may have changed.
        """
        uv = which("uv") or which("uv", path=os.path.dirname(sys.executable))
        if self._try(side, why, uv) or self._try(side, "again, ", None):
            return
        message, log = self._keep_log(self.sides[side])
        if side == "base":
            raise UserError(f"BASE does not build: {message}: the log: {log}")
        if "base" not in self._built_now:
            self._build("base", "again, ")
        raise HeadDoesNotBuild(message, log)

    def _try(self, side: Side, why: str, uv: str | None) -> bool:
        self._progress(0, 1, f"building {side.upper()}, {why}beside the budget; kept for next time")
        build = self.sides[side]
        build.place.empty()
        if not install(build.place, build.source, build.recipe, build.folder, uv):
            return False
        build.place.made_file.touch()
        self._built_now.add(side)
        return self._is_there(side)

    def _keep_log(self, build: _Own) -> tuple[str, Path]:
        """Return the error, and a copy of the log in the results folder: cache folders are reused.

        The project's files are named as in its repository.
        """
        log = build.place.log.read_text(encoding="utf-8", errors="replace")
        reason = problem(with_tilde(log.replace(f"{build.place.environment}/project/", "")))
        name = f"{build.source.key[:12]}-{build.place.folder.parent.name}.log"
        copy = self._case.request.results / "gate" / "builds" / name
        try:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(build.place.log, copy)
        except OSError as error:
            raise cannot_write(self._case.request.results, error) from None
        return reason, copy


def _recipe(case: Case, side: Side, tree: Path) -> tuple[Recipe, Path]:
    """Return the recipe in a revision's own file of asv, and that file's folder in the revision; or
    the named file's, if the revision has none or the file lies elsewhere."""
    file, python = case.suite.configuration, case.pythons[side]
    if case.suite.origin is None and (tree / file).is_file():
        return read(tree / file, f"{file} of {side.upper()}", python), Path(file).parent
    return _named_recipe(case, python), case.request.suite.resolve().parent


def _named_recipe(case: Case, python: str) -> Recipe:
    """Return the recipe in the named file; tests of pytest need no file."""
    file = case.request.suite
    is_needed = case.suite.kind == "asv" or file.exists()
    return read(file if is_needed else None, f"--suite {file}", python)


def _measures_objects(folder: Path) -> bool:
    return any(_OF_OBJECTS.search(bounded(file) or b"") for file in folder.rglob("*.py"))


def _digest(recipe: Recipe) -> str:
    """Return a digest that differs for environments made in different ways."""
    how = [recipe, version_of(recipe.python), os.path.realpath(recipe.python)]
    return hashlib.sha256(msgspec.json.encode(how, order="sorted")).hexdigest()[:12]


def _warnings(recipe: Recipe) -> list[MeasurementWarning]:
    if not recipe.others:
        return []
    return [
        MeasurementWarning(
            code="one environment",
            message=f"of {recipe.others + 1} environments that the suite names, {recipe.name} was "
            "built",
            advice="put another one first in pythons and matrix to compare in that",
        )
    ]


def problem(log: str) -> str:
    """Return the last line of the log that explains the failure, in a readable form."""
    # Without colours and indentation.
    plain = (label(re.sub(r"\x1b\[[\d;]*m", "", line)).strip() for line in log.splitlines())
    lines = [line for line in plain if line]
    errors = [line for line in lines if _ERROR.search(line)]
    telling = [line for line in errors if not _GENERIC.search(line)]
    exact = [line for line in errors if _DIAGNOSTIC.search(line)]
    return (exact or telling or errors or lines or ["it printed nothing"])[-1][:_LONGEST_LINE]
