"""The suite: asv's configuration file, and the few of its entries that matter here."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath

from perceptron.errors import UserError
from perceptron.gate.checkout import asv_config
from perceptron.gate.checkout.code_repository import root_of
from perceptron.gate.checkout.revisions import git
from perceptron.records.comparison import SuiteKind

# Where benchmarks of another repository are put in each tree: a name that no project has.
_GUEST = ".perceptron-suite"


@dataclass(frozen=True)
class Suite:
    """Paths relative to the root of the repository."""

    file: str
    benchmarks: str
    """The folder of the benchmarks, a package, in each tree."""
    code: str
    """The folder whose code is measured: the root, or asv's ``repo_subdir``."""
    project: str = ""
    """What asv calls the project, usually the name of its package."""
    origin: Path | None = None
    """Where the benchmarks lie, if that is another repository: all trees get a copy."""
    state: str | None = None
    """The commit of that repository and a digest of the benchmarks as they lie there."""
    kind: SuiteKind = "asv"
    tests: str = ""
    """Of pytest: the folder or file whose tests are run, in ``benchmarks``."""
    test: str = ""
    """pytest's id of the one test, or of its function or class, that was asked for."""
    beside: tuple[str, ...] = ()
    """Files outside ``benchmarks`` that belong to the suite."""

    @property
    def runner(self) -> str:
        """What an interpreter needs to run it."""
        return "pytest" if self.kind == "pytest" else "asv_runner"

    def check(self, tree: Path, head: str) -> None:
        """Raise `UserError` unless HEAD's tree holds it."""
        if self.kind == "pytest" and not (tree / self.tests).exists():
            raise UserError(
                f"--pytest {self.file}: no such file or folder in {head}: commit it, or compare "
                "with ."
            )
        if self.kind == "asv" and not (tree / self.benchmarks).is_dir():
            raise UserError(
                f"--suite {self.file}: its benchmark_dir {self.benchmarks} is not in {head}: "
                "commit it, or compare with ."
            )

    def entries(self) -> dict[str, object]:
        """Return what makes it another suite, wherever it lies: with one changed, others run."""
        return asdict(replace(self, origin=None))

    def roots(self, tree: Path) -> list[str]:
        """Return the folders to import from, in this order."""
        code = tree / self.code
        return [str(folder) for folder in (code / "src", code) if folder.is_dir()]


def read_suite(file: Path, repository: Path) -> Suite:
    """Read the file as a suite of the repository; it may lie in another one.

    Raises `UserError` naming file and field.
    """
    content = asv_config.load(file)
    path = file.resolve()
    home = root_of(path.parent) or path.parent
    relative = PurePosixPath(path.relative_to(home).as_posix())
    folder = asv_config.text(file, content, "benchmark_dir", "benchmarks")
    benchmarks = asv_config.inside(file, "benchmark_dir", relative.parent / folder)
    if benchmarks == ".":
        raise UserError(f"--suite {file}: benchmark_dir must be a folder inside the repository")
    subfolder = PurePosixPath(asv_config.text(file, content, "repo_subdir", ""))
    code = asv_config.inside(file, "repo_subdir", subfolder)
    project = asv_config.text(file, content, "project", "")
    if home == repository.resolve():
        return Suite(str(relative), benchmarks, code, project)
    origin = home / benchmarks
    if not origin.is_dir():
        raise UserError(f"--suite {file}: its benchmark_dir {folder} is not there: {origin}")
    return Suite(
        os.path.relpath(path, repository.resolve()),
        f"{_GUEST}/{origin.name}",
        code,
        project,
        origin,
        _state(home, origin),
    )


def own_file(file: str | None) -> str | None:
    """Return a file of a tree, None if it is a guest there: no file of the repository."""
    return None if file is None or file.startswith(f"{_GUEST}/") else file


def _state(home: Path, origin: Path) -> str:
    try:
        commit = git(home, "rev-parse", "--short=12", "HEAD").strip()
    except UserError:  # no repository, or one without commits
        commit = "no commit"
    digest = hashlib.sha256()
    for file in _copied(origin):
        name = file.relative_to(origin).as_posix()
        digest.update(f"{name}\0{file.stat().st_size}\0".encode(errors="surrogateescape"))
        digest.update(file.read_bytes())
    return f"{commit}, benchmarks {digest.hexdigest()[:16]}"


def _copied(origin: Path) -> Iterator[Path]:
    """Yield the files that each tree gets a copy of, in linked folders too, in a fixed order."""
    for folder, inner, names in os.walk(origin, followlinks=True):
        inner[:] = sorted(set(inner) - {"__pycache__"})
        yield from (file for name in sorted(names) if (file := Path(folder, name)).is_file())
