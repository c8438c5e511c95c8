"""Two revisions that run the same code are clean at once; whatever a benchmark may see is measured.

Whoever imports the suite here fails, so what has an answer has imported nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from perceptron.errors import UserError
from perceptron.gate.checkout.same_code import differing, same_code
from perceptron.gate.checkout.suite import Suite
from perceptron.records.comparison import Comparison
from perceptron.report.pull_request.comment import comment
from perceptron.report.tables import comparison as table
from tests.gate.conftest import Interrupted, Repository, interpreter, run, until, write

MODULE = '''
OLD = "\\d"

def work(amount):
    """Work."""
    return {"amount": amount}  # done

class Tool:
    """A tool."""

Tool.__doc__ = "Another."
'''


SUITE = "benchmarks/suite.py"
FILES = {
    "toy/__init__.py": "",
    SUITE: "raise RuntimeError('imported')\n",
    "toy/core.py": MODULE,
    "toy/help.py": '"""Usage: help."""\nTEXT = __doc__\n',
    "toy/tests/test_core.py": "",
    "toy/notes.md": "",
    "toy/old.py": "",
    "toy/lines.py": "from inspect import getsourcelines\n",
}


@pytest.fixture
def documented(toy: Repository) -> Repository:
    """Its last commit is ``first``."""
    for name, text in FILES.items():
        toy.write(name, text)
    toy.commit("first")
    return toy


def measures(**options: Any) -> bool:
    """Whether it goes on to look for benchmarks; else what it answers without is clean."""
    try:
        return run(always=False, progress=until("discovering benchmarks"), **options) is None
    except Interrupted:
        return True


def test_docstrings_comments_types_prose_and_tests_are_the_same_code(
    documented: Repository,
) -> None:
    """The answer says so in all its forms, and nothing is built either."""
    text = MODULE.replace("Work.", "Work, harder.").replace('    """A tool."""', "    pass")
    text = text.replace("  # done", "").replace("return {", "return {\n        ")
    documented.write("toy/core.py", '"""New."""\n' + text.replace("pass", '"""A: one."""'))
    for name in ("core.pyi", "py.typed", "tests/test_core.py", "tests/conftest.py"):
        documented.write(f"toy/{name}", "import os\n")
    for name in ("README.md", "docs/conf.py", "doc/data.json", "news/1.rst", ".github/a.yml"):
        documented.write(name, "new\n")
    documented.commit("second")
    for head in ("second", "."):
        for build in (False, True):
            comparison = run(head=head, build=build, always=False)
            assert (comparison.verdict, comparison.rows, comparison.blocks) == ("clean", [], [])
            assert comparison.reason.startswith("the same code: 10 files differ")
    assert msgspec.convert(msgspec.to_builtins(comparison), type=Comparison) == comparison
    assert all(part in comment(comparison) for part in comparison.reason.split(": "))
    table.show(comparison)
    with pytest.raises(UserError, match="imported"):
        run()


def linked(_base: Path, head: Path) -> str:
    (head / "README.md").symlink_to("toy/core.py")
    return "README.md"


def executable(_base: Path, head: Path) -> str:
    (head / "toy" / "core.py").chmod(0o755)
    return "toy/core.py"


def deleted(_base: Path, head: Path) -> str:
    (head / "toy" / "old.py").unlink()
    return "toy/old.py"


def submodule(*trees: Path) -> str:
    """Not checked out; it is there before, at another commit."""
    for tree in trees:
        (tree / "docs" / "theme").mkdir(parents=True)
    return "docs/theme"


HARDER = MODULE.replace("Work.", "Work, harder.")
NEW_TEST = {"toy/tests/test_core.py": "import os\n"}
# Files that HEAD has, or what it does otherwise; its benchmarks serve both.
SEEN: dict[str, dict[str, str] | Callable[[Path, Path], str]] = {
    "code": {"toy/core.py": MODULE.replace("amount}", "amount + 0}")},
    "a constant": {"toy/core.py": MODULE.replace('"amount"', '"Amount"')},
    "no syntax": {"toy/core.py": MODULE + "(\n"},
    "deep syntax": {"toy/core.py": MODULE + "1 + " * 1500 + "1"},
    "a large module": {"toy/core.py": MODULE + "#" * 2_000_000},
    "a docstring that is read": {"toy/help.py": '"""Usage: help me."""\nTEXT = __doc__\n'},
    "types that may be read": {"toy/__init__.pyi": "from .core import work\n"},
    "comments that are read": {"toy/lines.py": "from inspect import getsourcelines  # new\n"},
    "data": {"toy/table.json": "1"},
    "prose in a package": {"toy/notes.md": "read by toy"},
    "no test": {"toy/tests/helpers.py": ""},
    "docs that are a package": {"docs/__init__.py": ""},
    "requirements": {"requirements.txt": ""},
    "the project": {"pyproject.toml": ""},
    "settings of a compiler": {".cargo/config.toml": ""},
    "a new module": {"toy/new.py": ""},
    "a link": linked,
    "a mode": executable,
    "a module less": deleted,
    "a submodule": submodule,
    "a test that is imported": {**NEW_TEST, SUITE: "from toy.tests import test_core\n"},
    "read by the suite": {"README.md": "new\n", SUITE: "TEXT = open('README.md').read()\n"},
    "docstrings that the suite reads": {
        "toy/core.py": HARDER,
        SUITE: "import toy.core\nFILE = toy.core.__file__\n",
    },
    "beside the suite": {
        ".asv/benchmarks/suite.py": "raise RuntimeError('imported')\n",
        ".asv/table.json": "1",
    },
}


@pytest.mark.parametrize("change", SEEN)
def test_what_a_benchmark_may_see_is_measured(tmp_path: Path, change: str) -> None:
    base, head = trees = tmp_path / "base", tmp_path / "head"
    folder = ".asv/benchmarks" if change == "beside the suite" else "benchmarks"
    suite = Suite("asv.conf.json", folder, ".", "toy")
    for name, text in FILES.items():
        write(base / name, text)
        write(head / name, text)
    assert same_code([], trees, suite) is not None
    makes = SEEN[change]
    if isinstance(makes, dict):
        for name, text in makes.items():
            for tree in trees if name.startswith(folder) else [head]:
                write(tree / name, text)
        names = [*makes]
    else:
        names = [makes(base, head)]
    assert same_code(differing(names, trees, suite), trees, suite) is None


def test_the_same_code_is_measured_in_two_environments_and_where_asked(
    documented: Repository, tmp_path: Path
) -> None:
    other = interpreter(tmp_path / "python", sys.executable)
    assert not measures(head="first")
    assert measures(head="first", head_python=other)
    assert measures(head="first", base_python=other, head_python=other, installed=True)
    assert not measures(head="first", base_python=other, head_python=other)
    documented.commit("second", "toy/core.py", HARDER)
    assert not measures()
    assert measures(base_python=other, head_python=other)  # it may know another Python
    with pytest.raises(UserError, match="imported"):
        run(head="first", always=True)
