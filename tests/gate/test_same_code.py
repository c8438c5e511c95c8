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
LAZY = "import lazy_loader\n__getattr__, *_ = lazy_loader.attach_stub(__name__, __file__)\n"


PROGRAM = """import os
def main():
    return os.listdir("toy/tests")

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def documented(toy: Repository) -> Repository:
    """Its last commit is ``first``."""
    toy.write("benchmarks/suite.py", "raise RuntimeError('imported')\n")
    toy.write("toy/core.py", MODULE)
    toy.write("toy/help.py", '"""Usage: help."""\nTEXT = __doc__\n')
    toy.write("toy/lazy.py", LAZY)
    toy.write("toy/tests/test_core.py", "")
    toy.write("toy/notes.md", "")
    toy.write("toy/old.py", "")
    toy.write("toy/ahead.py", "from __future__ import annotations\n")
    toy.write("toy/lines.py", "from inspect import getsourcelines\n")
    toy.write("bare/core.py", "")
    toy.write("docs/read/index.rst", "")
    (toy.folder / "toy" / "text").symlink_to("../docs/read")
    (toy.folder / "tests").mkdir()
    (toy.folder / "tests" / "all.rst").symlink_to("../README.md")
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
    documented.write("benchmarks/mutants.py", PROGRAM)
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


def imported_test(toy: Repository) -> None:
    toy.write("toy/tests/test_core.py", "import os\n")
    toy.write("benchmarks/suite.py", "from toy.tests import test_core\n")


def imported_by_a_test(toy: Repository) -> None:
    """That the suite imports."""
    toy.write("toy/tests/test_suite.py", "from toy.tests import test_core\n")
    toy.write("benchmarks/suite.py", "from toy.tests import test_suite\n")
    toy.commit("first")
    toy.write("toy/tests/test_core.py", "import os\n")


def read_by_the_suite(toy: Repository) -> None:
    toy.write("benchmarks/suite.py", "TEXT = open('README.md').read()\n")
    toy.write("README.md", "new\n")


def read_by_a_program_of_the_suite(toy: Repository) -> None:
    """That a benchmark may call, too."""
    toy.write("benchmarks/mutants.py", PROGRAM)
    toy.write("benchmarks/another.py", "from . import mutants\n")
    toy.write("toy/tests/test_core.py", "import os\n")


def read_by_benchmarks_of_a_program(toy: Repository) -> None:
    toy.write("benchmarks/mutants.py", PROGRAM + "\nclass Read:\n    time_it = main\n")
    toy.write("toy/tests/test_core.py", "import os\n")


def docstrings_of_the_suite(toy: Repository) -> None:
    toy.write("benchmarks/suite.py", "import toy.core\nFILE = toy.core.__file__\n")
    toy.write("toy/core.py", MODULE.replace("Work.", "Work, harder."))


def docstrings_read_by_place(toy: Repository) -> None:
    toy.write("benchmarks/suite.py", "FILE = Path(toy.__file__).parent / 'core.py'\n")
    toy.write("toy/core.py", MODULE.replace("Work.", "Work, harder."))


def beside_the_suite(toy: Repository) -> None:
    toy.write(".asv/benchmarks/suite.py", "raise RuntimeError('imported')\n")
    toy.write("asv.conf.json", '{"project": "toy", "benchmark_dir": ".asv/benchmarks"}')
    toy.write(".asv/table.json", "1")


def written(name: str, text: str) -> Callable[[Repository], None]:
    def change(toy: Repository) -> None:
        toy.write(name, text)

    return change


@pytest.mark.parametrize(
    "change",
    [
        written("toy/core.py", MODULE.replace("amount}", "amount + 0}")),
        written("toy/core.py", MODULE.replace('"amount"', '"Amount"')),
        written("toy/core.py", MODULE + "(\n"),
        written("toy/core.py", MODULE + "1 + " * 1500 + "1"),
        written("toy/core.py", MODULE + "#" * 2_000_000),
        written("toy/help.py", '"""Usage: help me."""\nTEXT = __doc__\n'),
        written("toy/lazy.pyi", "from .core import work\n"),
        written("toy/table.json", "1"),
        written("toy/notes.md", "read by toy"),
        written("toy/tests/helpers.py", ""),
        written("docs/__init__.py", ""),
        written("requirements.txt", ""),
        written("pyproject.toml", ""),
        written(".cargo/config.toml", ""),
        written("toy/new.py", ""),
        linked,
        executable,
        deleted,
        submodule,
        imported_test,
        imported_by_a_test,
        read_by_the_suite,
        read_by_a_program_of_the_suite,
        read_by_benchmarks_of_a_program,
        docstrings_of_the_suite,
        docstrings_read_by_place,
        beside_the_suite,
        written("toy/ahead.py", "1\nfrom __future__ import annotations\n"),
        written("toy/lines.py", "from inspect import getsourcelines  # new\n"),
        written("bare/notes.md", "read by bare"),
        written("docs/read/index.rst", "read by toy, through a link"),
    ],
)
def test_what_a_benchmark_may_see_is_measured(
    documented: Repository, change: Callable[[Repository], None]
) -> None:
    assert not measures(head="first")
    change(documented)
    documented.commit("second")
    assert measures()


def test_a_suite_that_reads_data_beside_a_module_reads_no_docstring(
    documented: Repository,
) -> None:
    """As that of pint does, whose commits of prose would be measured for ten minutes."""
    documented.write("benchmarks/suite.py", "DATA = Path(toy.__file__).parent / 'units.txt'\n")
    documented.commit("first")
    documented.write("toy/core.py", MODULE.replace("Work.", "Work, harder."))
    documented.commit("second")
    assert not measures()


def test_the_same_code_is_measured_in_two_environments_and_where_asked(
    documented: Repository,
) -> None:
    other = python("3.9")
    assert measures(head="first", head_python=other)
    assert measures(head="first", base_python=other, head_python=other, installed=True)
    assert not measures(head="first", base_python=other, head_python=other)
    documented.write("toy/core.py", MODULE.replace("Work.", "Work, harder."))
    documented.commit("second")
    assert not measures()
    assert measures(base_python=other, head_python=other)  # it may know another Python
    with pytest.raises(UserError, match="imported"):
        run(head="first", always=True)
