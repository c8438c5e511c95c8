"""The suite: asv's configuration file and the few of its entries that matter here, or tests.

HEAD's files of pytest serve all revisions.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath

from perceptron.config_file import read_toml
from perceptron.errors import UserError
from perceptron.gate.checkout import asv_config
from perceptron.gate.checkout.revisions import git
from perceptron.records.comparison import SuiteKind

# Where benchmarks of another repository are put in each tree: a name that no project has.
_GUEST = ".perceptron-suite"
# What these folders hold is no code of the project, wherever they lie: in its package, too.
_TESTS = re.compile(r"_?tests?", re.IGNORECASE)
# In the folders above the tests. What pyproject.toml and setup.cfg say of pytest stays that of
# each revision: they say what the project is, too.
_CONFIGURING = (
    "conftest.py",
    "pytest.toml",
    ".pytest.toml",
    "pytest.ini",
    ".pytest.ini",
    "tox.ini",
)


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
    home = asv_config.root_of(path.parent) or path.parent
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


def read_pytest_suite(named: str, repository: Path) -> Suite:
    """Return the tests in a folder or file of the repository, or what is named of a file's.

    ``named`` is a path, or an id of pytest such as ``file::test`` or ``file::Class::test[params]``.
    Raises `UserError`.
    """
    path, colons, test = named.partition("::")
    root = repository.resolve()
    file = Path(path).resolve()
    if not file.is_relative_to(root):
        raise UserError(f"--pytest {named}: not inside the repository {repository}")
    if file == root:
        raise UserError(
            f"--pytest {named}: name a folder or file inside the repository, such as tests: HEAD's "
            "serves both revisions"
        )
    tests = PurePosixPath(file.relative_to(root).as_posix())
    above = [folder.as_posix() for folder in reversed(tests.parents)]
    benchmarks = _outermost(tests)
    return Suite(
        file=f"{tests}{colons}{test}",
        benchmarks=benchmarks,
        code=".",
        project=_project(root),
        kind="pytest",
        tests=str(tests),
        test=f"{tests}::{test}" if test else "",
        beside=tuple(
            str(PurePosixPath(folder) / name)
            for folder in above
            for name in _CONFIGURING
            if not PurePosixPath(folder, name).is_relative_to(benchmarks)
        ),
    )


def _outermost(tests: PurePosixPath) -> str:
    """Return the outermost folder of tests that holds these: they may import from all of it.

    Folders of other names, such as ``testing`` and ``bench``, may be packages of the project, of
    which each revision has its own.
    """
    for number, part in enumerate(tests.parts):
        if _TESTS.fullmatch(part):
            return str(PurePosixPath(*tests.parts[: number + 1]))
    return str(tests)


def _project(root: Path) -> str:
    """Return the project's name, "" if pyproject.toml does not tell."""
    try:
        content = read_toml(root / "pyproject.toml")
    except UserError:
        return ""
    project = content.get("project")
    name = project.get("name") if isinstance(project, dict) else None
    return name if isinstance(name, str) else ""
