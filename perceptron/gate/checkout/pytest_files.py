"""Which files are a suite of pytest: HEAD's serve all revisions."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from perceptron.config_file import read_toml
from perceptron.errors import UserError
from perceptron.gate.checkout.suite import Suite

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
