"""The suite: asv's configuration file and the entries used here, or tests; and the repository whose
code it measures: its own, or that of asv's ``repo``.

HEAD's files of pytest serve all revisions.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath

from perceptron.errors import UserError
from perceptron.gate.checkout.revisions import repository
from perceptron.records.comparison import SuiteKind
from perceptron.untrusted_text import read_asv_json, read_toml

# The folder in each tree for benchmarks of another repository: a name that no project has.
_GUEST = ".perceptron-suite"
# Code in these folders is no code of the project, even inside its package.
_TESTS = re.compile(r"_?tests?", re.IGNORECASE)
# An address of a repository that is no URL.
_SSH = re.compile(r"[\w.-]+@[\w.-]+:")
# In the folders above the tests. Settings of pytest in pyproject.toml and setup.cfg stay those of
# each revision, because these files describe the project too.
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
    """The folder of the measured code: the root, or asv's ``repo_subdir``."""
    project: str = ""
    """asv's name of the project, usually the name of its package."""
    origin: Path | None = None
    """The folder of benchmarks from another repository, if they lie there: all trees get a copy."""
    state: str | None = None
    """A digest of the benchmarks in that repository."""
    kind: SuiteKind = "asv"
    tests: str = ""
    """For pytest, the folder or file in ``benchmarks`` whose tests are run."""
    test: str = ""
    """pytest's id of the requested test, function or class."""
    beside: tuple[str, ...] = ()
    """Files outside ``benchmarks`` that belong to the suite."""

    @property
    def configuration(self) -> str:
        """asv's configuration file, which builds use whether benchmarks are asv's or tests."""
        return self.file if self.kind == "asv" else "asv.conf.json"

    @property
    def runner(self) -> str:
        """The package that an interpreter needs to run it."""
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

    def own(self, tree: Path) -> Suite | None:
        """Return the suite as the revision in the tree has it; None where it has none.

        Settings may differ between revisions. Raises `UserError` for an unreadable file.
        """
        if self.origin is not None:
            return self
        if self.kind == "pytest":
            return self if (tree / self.tests).exists() else None
        file = tree / self.file
        return _of_asv(file, self.file, f"--suite {self.file}") if file.is_file() else None

    def holds(self, name: str) -> bool:
        """Return whether a file of the repository is part of the suite or its configuration."""
        if self.origin is not None:
            return False
        inside = PurePosixPath(name).is_relative_to(self.benchmarks)
        return inside or name in self.beside or name == self.file

    def entries(self) -> dict[str, object]:
        """Return the entries that identify the suite, apart from its location."""
        return asdict(replace(self, origin=None))

    def roots(self, tree: Path) -> list[str]:
        """Return the folders to import from, in this order."""
        code = tree / self.code
        return [str(folder) for folder in (code / "src", code) if folder.is_dir()]


def read_suite(file: Path, repository: Path) -> Suite:
    """Read the file as a suite of the repository; it may lie in another one.

    Raises `UserError` naming file and field.
    """
    home = _root_of(file.resolve().parent) or file.resolve().parent
    suite = _of_asv(file, file.resolve().relative_to(home).as_posix(), f"--suite {file}")
    if home == repository.resolve():
        return suite
    origin = home / suite.benchmarks
    if not origin.is_dir():
        raise UserError(f"--suite {file}: its benchmark_dir is not there: {origin}")
    return replace(
        suite,
        file=os.path.relpath(file.resolve(), repository.resolve()),
        benchmarks=f"{_GUEST}/{origin.name}",
        origin=origin,
        state=_state(origin),
    )


def _of_asv(file: Path, location: str, named: str) -> Suite:
    """Return the suite of a configuration file whose place in the tree is ``location``.

    Raises `UserError` naming the file as ``named``, and the field.
    """
    content = load_asv(file, named)
    folder = _text(named, content, "benchmark_dir", "benchmarks")
    benchmarks = _inside(named, "benchmark_dir", PurePosixPath(location).parent / folder)
    if benchmarks == ".":
        raise UserError(f"{named}: benchmark_dir must be a folder inside the repository")
    subfolder = PurePosixPath(_text(named, content, "repo_subdir", ""))
    code = _inside(named, "repo_subdir", subfolder)
    return Suite(location, benchmarks, code, _text(named, content, "project", ""))


def own_file(file: str | None) -> str | None:
    """Return a file of a tree; None if it lies in another repository."""
    return None if file is None or file.startswith(f"{_GUEST}/") else file


def _state(origin: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(origin.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            content = file.read_bytes()
            name = file.relative_to(origin).as_posix()
            digest.update(f"{name}\0{len(content)}\0".encode(errors="surrogateescape") + content)
    return digest.hexdigest()[:16]


def read_pytest_suite(named: str, repository: Path) -> Suite:
    """Return the tests in a folder or file of the repository, or the named ones of a file.

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
    """Return the outermost folder of tests that contains ``tests``: all of it may be imported.

    Folders of other names, such as ``testing`` and ``bench``, may be packages of the project, of
    which each revision has its own.
    """
    for number, part in enumerate(tests.parts):
        if _TESTS.fullmatch(part):
            return str(PurePosixPath(*tests.parts[: number + 1]))
    return str(tests)


def _project(root: Path) -> str:
    """Return the project's name, "" if pyproject.toml has none."""
    try:
        content = read_toml(root / "pyproject.toml")
    except UserError:
        return ""
    project = content.get("project")
    name = project.get("name") if isinstance(project, dict) else None
    return name if isinstance(name, str) else ""


def load_asv(file: Path, named: str | None = None) -> dict[str, object]:
    """Return the file's entries. Raises `UserError` naming the file if it is invalid."""
    named = named or f"--suite {file}"
    if not file.exists():
        raise UserError(f"{named}: no such file; name the asv.conf.json of your suite")
    try:
        content = read_asv_json(file)
    except UserError as error:
        raise UserError(f"{named}: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{named}: must hold one JSON object")
    return content


def _text(named: str, content: dict[str, object], field: str, default: str) -> str:
    """Return an entry that is text; raises `UserError` naming file and field."""
    value = content.get(field, default)
    if not isinstance(value, str):
        raise UserError(f"{named}: {field} must be text, got {value!r}")
    return value


def _inside(named: str, field: str, path: PurePosixPath) -> str:
    """Return the path without dots; raises `UserError` if it leads out of the repository."""
    inside = os.path.normpath(path)
    if path.is_absolute() or inside.split("/")[0] == "..":
        raise UserError(f"{named}: {field} leads out of the repository")
    return inside


def code_repository(file: Path, folder: Path) -> Path:
    """Return the root of the repository whose revisions are compared.

    It is the repository at the path ``repo``, relative to the file; else, as for a URL, the one
    that contains ``folder``. Raises `UserError` naming file and field.
    """
    path_of_repo = _text(f"--suite {file}", load_asv(file), "repo", "").removeprefix("file://")
    if not path_of_repo or "://" in path_of_repo or _SSH.match(path_of_repo):
        return repository(folder)
    path = (file.resolve().parent / path_of_repo).resolve()
    root = _root_of(path) if path.is_dir() else None
    if root is None:
        raise UserError(f"--suite {file}: its repo {path_of_repo} is no git repository: {path}")
    return root


def _root_of(folder: Path) -> Path | None:
    """Return the root of the working tree that holds the folder, None if there is none."""
    try:
        return repository(folder)
    except UserError:
        return None
