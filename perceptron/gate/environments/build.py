"""`--build`: an environment of each revision, made by asv as asv.conf.json says."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from perceptron.errors import UserError
from perceptron.gate.checkout import asv_config
from perceptron.gate.checkout.request import CompareRequest, ResolvedRequest
from perceptron.gate.environments import build_cache, build_log
from perceptron.gate.environments.asv_process import install
from perceptron.gate.environments.build_cache import Made, Place
from perceptron.gate.environments.source import Source
from perceptron.optional import missing
from perceptron.records.block import Arm
from perceptron.records.files.append import cannot_write
from perceptron.records.warning import MeasurementWarning

# What decides how a commit is built; the rest of the file says what is measured and shown.
_FIELDS = (
    "build_command",
    "conda_channels",
    "conda_environment_file",
    "environment_type",
    "exclude",
    "include",
    "install_command",
    "install_timeout",
    "matrix",
    "plugins",
    "project",
    "pythons",
    "repo_subdir",
    "uninstall_command",
)
_DEFAULT_TYPE = "virtualenv"


class HeadDoesNotBuild(Exception):
    """BASE builds and HEAD does not: a finding. Its message is one line."""

    def __init__(self, problem: str, log: Path) -> None:
        super().__init__(f"HEAD does not build: {problem}; its log: {log}")
        self.log = log


@dataclass(frozen=True)
class Environments:
    """What the arms run in."""

    pythons: dict[Arm, str]
    warnings: list[MeasurementWarning]


def check(request: CompareRequest) -> None:
    """Raise `UserError` for a request that cannot be built, before anything is checked out."""
    absent = missing("pages", "asv")
    if absent is not None:
        raise UserError(f"--build: {absent}")
    if request.base_python or request.head_python or request.installed:
        raise UserError(
            "--build makes environments of its own: leave out --base-python, --head-python and "
            "--installed"
        )
    content = asv_config.load(request.suite)
    pythons = content.get("pythons") or []
    if content.get("environment_type") == "existing" or pythons == ["same"]:
        raise UserError(
            f"--suite {request.suite}: its environment_type is existing, which builds nothing: set "
            f"it to {_DEFAULT_TYPE}, or leave out --build"
        )


@contextmanager
def built(
    request: CompareRequest,
    resolved: ResolvedRequest,
    trees: Mapping[Arm, Path],
    home: Path,
    progress: Callable[[int, int, str], None],
) -> Iterator[Environments]:
    """Yield environments of BASE and HEAD, which nobody else changes meanwhile.

    ``trees`` holds the checkouts, ``home`` is a folder that goes away with them. The matrix's
    variables are those of this process meanwhile, as asv sets them for benchmarks. Raises
    `HeadDoesNotBuild`, and `UserError` if BASE does not build either.
    """
    builder = _Builder(request, resolved, trees, home, progress)
    with ExitStack() as taken:
        base = builder.make("base", taken)
        head = builder.make("head", taken)
        build_cache.drop_oldest()
        pythons: dict[Arm, str] = {
            "base": base.python,
            "head": head.python,
            "control": base.python,
        }
        with _set(head.variables):
            yield Environments(pythons, _warnings(head))


class _Builder:
    """Makes one environment after the other."""

    def __init__(
        self,
        request: CompareRequest,
        resolved: ResolvedRequest,
        trees: Mapping[Arm, Path],
        home: Path,
        progress: Callable[[int, int, str], None],
    ) -> None:
        self._results = request.results
        self._progress = progress
        self._source = Source(home / "source.git", resolved.repository)
        self._commits: dict[Arm, str] = {
            "base": self._source.add("perceptron-base", resolved.base, trees["base"]),
            "head": self._source.add("perceptron-head", resolved.head, trees["head"]),
        }
        # asv stands in the folder of its file: HEAD's, as its benchmarks serve both arms too.
        place = trees["head"] / resolved.suite.file
        inside = resolved.suite.kind == "asv" and resolved.suite.origin is None
        outside = not inside or not place.parent.is_dir()
        self._folder = request.suite.resolve().parent if outside else place.parent
        self._content = asv_config.load(request.suite)
        self._digest = _digest(self._content, self._folder)
        self._builds_here = False

    def make(self, arm: Arm, taken: ExitStack) -> Made:
        """Return the environment of the arm, kept from before or made now."""
        place = build_cache.take(self._digest, self._commits[arm])
        taken.callback(place.close)
        made = place.made() or self._build(arm, place)
        if made is not None:
            return made
        log = place.log.read_text(encoding="utf-8", errors="replace")
        kept = self._keep(arm, place)
        if arm == "base":
            raise _does_not_build("BASE does", log, kept)
        if not self._builds_here:  # BASE was built another day, and this machine may have changed
            again = build_cache.take(self._digest, self._commits["base"], new=True)
            taken.callback(again.close)
            if self._build("base", again) is None:
                raise _does_not_build("neither BASE nor HEAD does", log, kept)
        raise HeadDoesNotBuild(build_log.problem(log), kept)

    def _build(self, arm: Arm, place: Place) -> Made | None:
        self._progress(0, 1, f"building {arm.upper()}, beside the budget; kept for next time")
        place.empty()
        config = {
            "environment_type": _DEFAULT_TYPE,
            **self._content,
            "repo": str(self._source.folder),
            "dvcs": "git",
            "env_dir": str(place.folder / "env"),
        }
        job = {
            "folder": str(self._folder),
            "config": config,
            "commit": self._commits[arm],
            "made": str(place.folder / "made.json.new"),
        }
        if not install(job, place.log):
            return None
        (place.folder / "made.json.new").rename(place.made_file)
        self._builds_here = True
        return place.made()

    def _keep(self, arm: Arm, place: Place) -> Path:
        """Copy the log to where results are: a place is used again."""
        kept = self._results / "builds" / f"{self._commits[arm][:12]}-{self._digest}.log"
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(place.log, kept)
        except OSError as error:
            raise cannot_write(self._results, error) from None
        return kept


def _does_not_build(who: str, log: str, kept: Path) -> UserError:
    advice = "install a compiler; " if build_log.lacks_compiler(log) else ""
    return UserError(f"{who} not build: {build_log.problem(log)}: {advice}the log: {kept}")


def _digest(content: Mapping[str, object], folder: Path) -> str:
    """Return what tells environments apart that are made in different ways."""
    how: dict[str, Any] = {field: content.get(field) for field in _FIELDS}
    how["interpreter"] = [sys.version, os.path.realpath(sys.executable)]
    how["asv"] = version("asv")
    with suppress(OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
        how["build-system"] = project.get("build-system")  # asv installs what it requires
    return hashlib.sha256(msgspec.json.encode(how, order="sorted")).hexdigest()[:12]


def _warnings(made: Made) -> list[MeasurementWarning]:
    if not made.others:
        return []
    return [
        MeasurementWarning(
            code="one environment",
            message=f"of {len(made.others) + 1} environments that the suite names, {made.name} was "
            "built",
            advice="put another one first in pythons and matrix to compare in that",
        )
    ]


@contextmanager
def _set(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables of the environment for a while."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
