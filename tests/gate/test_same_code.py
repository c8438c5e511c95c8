"""Two revisions that run the same code are clean at once; whatever a benchmark may see is measured.

Whoever imports the suite here fails, so what has an answer has imported nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from perceptron.errors import UserError
from perceptron.records.comparison import Comparison
from perceptron.report.pull_request.comment import comment
from perceptron.report.tables import comparison as table
from tests.gate.conftest import Interrupted, Repository, run, until
from tests.gate.old_pythons import python

MODULE = '''
OLD = "\\d"

def work(amount):
    """Work."""
    return {"amount": amount}  # done

class Tool:
    """A tool."""

Tool.__doc__ = "Another."
'''


@pytest.fixture
def documented(toy: Repository) -> Repository:
    """Its last commit is ``first``."""
    toy.write("benchmarks/suite.py", "raise RuntimeError('imported')\n")
    toy.write("toy/core.py", MODULE)
    toy.write("toy/help.py", '"""Usage: help."""\nTEXT = __doc__\n')
    toy.write("toy/tests/test_core.py", "")
    toy.write("toy/notes.md", "")
    toy.write("toy/old.py", "")
    toy.write("toy/lines.py", "from inspect import getsourcelines\n")
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
    documented.write("benchmarks/another.py", "raise RuntimeError\n")
    documented.write("asv.conf.json", '{"project": "toy", "show_commit_url": "elsewhere"}')
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


def linked(toy: Repository) -> None:
    (toy.folder / "README.md").symlink_to("toy/core.py")


def executable(toy: Repository) -> None:
    (toy.folder / "toy" / "core.py").chmod(0o755)


def deleted(toy: Repository) -> None:
    (toy.folder / "toy" / "old.py").unlink()


def submodule(toy: Repository) -> None:
    """It is there before, at another commit."""
    for tag in ("first", "second"):
        commit = toy.git("rev-parse", "HEAD").strip()
        toy.git("update-index", "--add", "--cacheinfo", f"160000,{commit},docs/theme")
        (toy.folder / "docs" / "theme").mkdir(parents=True, exist_ok=True)
        toy.commit(tag)


SUITE = "benchmarks/suite.py"
HARDER = MODULE.replace("Work.", "Work, harder.")
NEW_TEST = {"toy/tests/test_core.py": "import os\n"}
# Files that HEAD has, or what it does otherwise.
SEEN: dict[str, dict[str, str] | Callable[[Repository], None]] = {
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
        "asv.conf.json": '{"project": "toy", "benchmark_dir": ".asv/benchmarks"}',
        ".asv/table.json": "1",
    },
}


@pytest.mark.parametrize("change", SEEN)
def test_what_a_benchmark_may_see_is_measured(documented: Repository, change: str) -> None:
    assert not measures(head="first")
    makes = SEEN[change]
    if callable(makes):
        makes(documented)
    else:
        for name, text in makes.items():
            documented.write(name, text)
    documented.commit("second")
    assert measures()


def test_the_same_code_is_measured_in_two_environments_and_where_asked(
    documented: Repository,
) -> None:
    other = python("3.9")
    assert measures(head="first", head_python=other)
    assert measures(head="first", base_python=other, head_python=other, installed=True)
    assert not measures(head="first", base_python=other, head_python=other)
    documented.commit("second", "toy/core.py", HARDER)
    assert not measures()
    assert measures(base_python=other, head_python=other)  # it may know another Python
    with pytest.raises(UserError, match="imported"):
        run(head="first", always=True)
