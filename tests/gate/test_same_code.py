"""Two revisions that run the same code are clean at once; whatever a benchmark may see is measured.

What looks inert is watched while each benchmark runs: who reads it is measured.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from perceptron.gate import compare
from perceptron.gate.checkout.same_code import differing, inert
from perceptron.gate.checkout.suite import Suite
from perceptron.gate.sampling import sides
from perceptron.records.comparison import Comparison
from perceptron.report.pull_request.comment import comment
from perceptron.report.tables import comparison as table
from tests.gate.conftest import (
    COUNTED,
    Interrupted,
    Repository,
    interpreter,
    rows,
    run,
    until,
    write,
)
from tests.gate.conftest import (
    SUITE as PLAIN,
)

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
    "toy/__init__.py": COUNTED,
    SUITE: f"import toy.core\n{PLAIN}",
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
    """Whether it sets out to measure; else what it answers without is clean."""

    def report(_done: int, _total: int, message: str) -> None:
        if message.startswith(("to be measured: ", "trying every benchmark")):
            raise Interrupted

    try:
        comparison = run(always=False, progress=report, **options)
    except Interrupted:
        return True
    assert (comparison.verdict, comparison.blocks) == ("clean", []), comparison.reason
    return False


def test_same_code_ignores_files_that_no_benchmark_reads(documented: Repository) -> None:
    """Docstrings, comments, types, prose, tests: the answer says so in all its forms."""
    text = MODULE.replace("Work.", "Work, harder.").replace('    """A tool."""', "    pass")
    text = text.replace("  # done", "").replace("return {", "return {\n        ")
    documented.write("toy/core.py", '"""New."""\n' + text.replace("pass", '"""A: one."""'))
    for name in ("core.pyi", "py.typed", "tests/test_core.py", "tests/conftest.py"):
        documented.write(f"toy/{name}", "import os\n")
    others = "README.md docs/conf.py doc/data.json news/1.rst .github/a.yml typing_tests/ok.py"
    for name in others.split():
        documented.write(name, "new\n")
    documented.commit("second")
    for head in ("second", "."):
        comparison = run(head=head, always=False)
        assert (comparison.verdict, comparison.rows, comparison.blocks) == ("clean", [], [])
        assert comparison.reason.startswith("the same code: 11 files differ")
    assert msgspec.convert(msgspec.to_builtins(comparison), type=Comparison) == comparison
    assert all(part in comment(comparison) for part in comparison.reason.split(": "))
    table.show(comparison)


LIBRARIES = '''
import collections, dataclasses, enum, functools, inspect, logging, typing, warnings
import numpy

@dataclasses.dataclass
class Data:
    """Data."""
    size: int = 1

class Kind(enum.Enum):
    """A kind."""
    ONE = 1

class Pair(typing.NamedTuple):
    """A pair."""
    size: int

@functools.lru_cache
def work():
    """Work."""
    return 1

@functools.wraps(work)
def more():
    """More."""

inspect.signature(more)
logging.warning("one")
warnings.warn("two")
collections.namedtuple("Other", "x")
'''


def test_same_code_ignores_docstring_use_of_libraries(toy: Repository) -> None:
    toy.write(SUITE, f"import toy.core\n{PLAIN}")
    toy.commit("first", "toy/core.py", LIBRARIES)
    toy.commit("second", "toy/core.py", LIBRARIES.replace('."""', ', harder.\n\n    So."""'))
    assert not measures()


def test_same_code_measures_builds_that_read_files(documented: Repository) -> None:
    documented.commit("second", "README.md", "new\n")

    def building(_done: int, _total: int, message: str) -> None:
        if message.startswith("building"):
            raise Interrupted

    with pytest.raises(Interrupted):
        run(build=True, always=False, progress=building)
    assert run(head="first", build=True, always=False).verdict == "clean"


@pytest.mark.slow
def test_documentation_beside_tests_of_pytest_is_the_same_code(
    documented: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever pytest itself lists and looks at, and if a plug-in asks git, as one does."""
    write(Path(os.environ["PYTHONPATH"], "asks.py"), "import os\nos.system('git --version')\n")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # others take a second each time
    monkeypatch.setenv("PYTEST_PLUGINS", "asks")
    documented.write(
        "speed/test_it.py", "import toy\ndef test_it(benchmark):\n    benchmark(toy.work, 1)\n"
    )
    documented.commit("first")
    documented.write("README.md", "new\n")
    documented.write("toy/core.py", HARDER)
    documented.commit("second", "toy/tests/test_core.py", "import os\n")
    assert not measures(pytest="speed")
    test = (
        "import toy\nfrom pathlib import Path\nREADME = Path(__file__).parents[1] / 'README.md'\n"
        "def test_it(benchmark):\n    benchmark(README.read_text)\n"
    )
    documented.commit("second", "speed/test_it.py", test)
    assert measures(pytest="speed")


READS = "(Path(__file__).parents[1] / '{}').read_text()"
OF_PACKAGE = "from pathlib import Path\nN = len(" + READS + ")\n"
VALUE = "import toy.reader\ndef track_it():\n    return toy.reader.N\n"
LATE = "import toy.reader\ndef track_it():\n    return toy.reader.work()\n"
LONG, SHORT = "123456", "12"
WORK = 'def work():\n    """{}"""\n    return 1\n'
BELOW = "# why\n# so\ndef work():\n    return 1\n"
CHILD = """
import subprocess, sys
from pathlib import Path
README = Path(__file__).parents[1] / "README.md"
def work():
    code = f"print(len(open({str(README)!r}).read()))"
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True).stdout)
"""
COMPILED = """
import ctypes
from pathlib import Path
README = Path(__file__).parents[1] / "README.md"
def work():
    libc, text = ctypes.CDLL(None), ctypes.create_string_buffer(100)
    return libc.read(libc.open(bytes(README), 0), text, 100)
"""
SPAWNED = """
import multiprocessing
from pathlib import Path
README = Path(__file__).parents[1] / "README.md"
def put(queue):
    queue.put(len(README.read_text()))
def work():
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    process = context.Process(target=put, args=(queue,))
    process.start()
    process.join()
    return queue.get()
"""
BY_DESCRIPTOR = """
import os
folder = os.open(os.path.dirname(__file__) + "/..", os.O_RDONLY)
N = len(os.read(os.open("README.md", os.O_RDONLY, dir_fd=folder), 100))
"""
DISARMED = f"""
import json, os, sys
from pathlib import Path
if "_perceptron_gate.gate.runner.watching" in sys.modules:
    vars(sys.modules["_perceptron_gate.gate.runner.watching"]).clear()
    os.write = json.dumps = os._exit = print
N = len({READS.format("README.md")})
"""
README = {"README.md": SHORT}, {"README.md": LONG}
DOCSTRING = {"toy/core.py": WORK.format("Work.")}, {"toy/core.py": WORK.format("Work, so long.")}
COMMENT = {"toy/core.py": "def work():\n    return 1\n"}, {"toy/core.py": BELOW}
# What differs on BASE and on HEAD, what of the package reads it, and the suite.
TRIES = {
    "a docstring that another module reads": (
        *DOCSTRING,
        "from toy import core\nN = len(core.work.__doc__)\n",
        VALUE,
    ),
    "a docstring, by inspect": (
        *DOCSTRING,
        "import inspect\nfrom toy import core\nN = len(inspect.getdoc(core.work))\n",
        VALUE,
    ),
    "a docstring, by its path": (
        *DOCSTRING,
        "from operator import attrgetter\nimport toy.core\n"
        "N = len(attrgetter('core.work.__doc__')(toy))\n",
        VALUE,
    ),
    "source": (
        *COMMENT,
        "import linecache\nfrom toy import core\nN = len(linecache.getlines(core.__file__))\n",
        VALUE,
    ),
    "where a function stands": (
        *COMMENT,
        "from operator import attrgetter\nfrom toy import core\n"
        "N = attrgetter('__code__.co_' + 'firstlineno')(core.work)\n",
        VALUE,
    ),
    "a line, by an exception": (
        {"toy/core.py": "def work():\n    return 1 / 0\n"},
        {"toy/core.py": BELOW.replace("1", "1 / 0")},
        "from toy import core\ntry:\n    core.work()\nexcept ZeroDivisionError as error:\n"
        "    N = error.__traceback__.tb_next.tb_lineno\n",
        VALUE,
    ),
    "a module of tests": (
        {"toy/tests/__init__.py": "", "toy/tests/test_core.py": f"N = {SHORT}\n"},
        {"toy/tests/test_core.py": f"N = {LONG}\n"},
        "from toy.tests.test_core import N\n",
        VALUE,
    ),
    "a module of tests in no package": (
        {"typing_tests/more.py": f"N = {SHORT}\n"},
        {"typing_tests/more.py": f"N = {LONG}\n"},
        "from typing_tests.more import N\n",
        VALUE,
    ),
    "types": (
        {"toy/core.pyi": SHORT},
        {"toy/core.pyi": LONG},
        OF_PACKAGE.format("toy/core.pyi"),
        VALUE,
    ),
    "a README": (*README, OF_PACKAGE.format("README.md"), VALUE),
    "data beside documentation, late": (
        {"docs/table.json": SHORT},
        {"docs/table.json": LONG},
        "from pathlib import Path\ndef work():\n    return len("
        + READS.format("docs/table.json")
        + ")\n",
        LATE,
    ),
    "the suite's settings": (
        {"asv.conf.json": "{}"},
        {"asv.conf.json": '{"show_commit_url": "elsewhere"}'},
        OF_PACKAGE.format("asv.conf.json"),
        VALUE,
    ),
    "how long a file is": (
        *README,
        "import os\nfrom toy import core\n"
        "N = os.path.getsize(os.path.dirname(__file__) + '/../README.md')\n",
        VALUE,
    ),
    "how many files there are": (
        {"docs/a.md": ""},
        {"docs/b.md": "", "docs/c.md": ""},
        "import os\nN = len(os.listdir(os.path.dirname(__file__) + '/../docs'))\n",
        VALUE,
    ),
    "what a cache is set up from": (
        *README,
        "",
        "import toy.reader\nfrom pathlib import Path\ndef setup_cache():\n"
        "    return len((Path(toy.__file__).parents[1] / 'README.md').read_text())\n"
        "def track_it(cache):\n    return cache\n",
    ),
    "a child of Python": (*README, CHILD, LATE),
    "a child of multiprocessing": (*README, SPAWNED, LATE),
    "a README in a folder that is open": (*README, BY_DESCRIPTOR, VALUE),
    "compiled code": (*README, COMPILED, LATE),
    "what disarms the watch": (*README, DISARMED, VALUE),
}


def tried(toy: Repository, name: str) -> None:
    """Commit a try: what differs between ``first`` and ``second`` is read."""
    base, head, reader, suite = TRIES[name]
    files = {"toy/core.py": "", **base, "toy/reader.py": reader, SUITE: suite}
    for file, text in files.items():
        toy.write(file, text)
    toy.commit("first")
    for file, text in head.items():
        toy.write(file, text)
    toy.commit("second")


@pytest.mark.parametrize("name", TRIES)
def test_same_code_measures_files_that_benchmark_reads(toy: Repository, name: str) -> None:
    tried(toy, name)
    if name == "compiled code" and not keeps_access_times(toy.folder / "README.md"):
        pytest.skip("this file system does not keep when a file was read")
    assert measures()


def keeps_access_times(file: Path) -> bool:
    os.utime(file, ns=(0, file.stat().st_mtime_ns))
    before = file.stat().st_atime_ns
    file.read_text()
    return file.stat().st_atime_ns != before


def test_same_code_readme_read_by_benchmark_is_a_finding(toy: Repository) -> None:
    tried(toy, "a README")
    comparison = run(always=False)
    assert comparison.verdict == "regression"
    assert rows(comparison)["track_it"].verdict == "slower"


# A suite of which not all is known: what does not run may read anything.
UNKNOWN = {
    "a module that does not load": "raise RuntimeError\n",
    "a benchmark that fails": f"{PLAIN}\ndef track_other():\n    raise RuntimeError\n",
    "a benchmark that ends its process": f"{PLAIN}\ndef time_other():\n    toy.os._exit(0)\n",
    "a benchmark that cannot be measured": f"{PLAIN}\nasync def time_other():\n    pass\n",
}


@pytest.mark.parametrize("suite", UNKNOWN)
def test_same_code_does_not_skip_unloadable_suite(toy: Repository, suite: str) -> None:
    toy.write("toy/__init__.py", f"import os\n{COUNTED}")
    toy.write("benchmarks/other.py", UNKNOWN[suite])
    toy.commit("first")
    toy.commit("second", "README.md", "new\n")
    assert measures()


def test_same_code_ignores_unmeasured_benchmarks(toy: Repository) -> None:
    toy.commit("first", SUITE, f"{PLAIN}\ndef timeraw_other():\n    return ''\n")
    toy.commit("second", "README.md", "new\n")
    assert not measures()
    toy.commit("less", SUITE, PLAIN)
    assert not measures(head="less")


def test_same_code_hanging_import_costs_its_check_only(
    toy: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once both sides have told of their benchmarks."""
    monkeypatch.setattr(sides, "_LEAST_SECONDS", 5.0)
    monkeypatch.setattr(compare, "_LEAST_LOOK_SECONDS", 10.0)
    hangs = f"""
import os, time
with open({str(tmp_path / "imports")!r}, "a") as imports:
    imports.write("1")
if os.path.getsize(imports.name) > 2:
    time.sleep(1000)
"""
    toy.commit("first", SUITE, hangs + PLAIN)
    toy.commit("second", "README.md", "new\n")
    messages: list[str] = []

    def report(_done: int, _total: int, message: str) -> None:
        messages.append(message)
        if message == "discovering benchmarks":
            raise Interrupted

    with pytest.raises(Interrupted):
        run(always=False, progress=report, budget_minutes=0.2)
    (why,) = [message for message in messages if message.startswith("to be measured: ")]
    seconds = re.search(r"no answer within (\d+) s", why)
    assert seconds is not None, why
    assert int(seconds[1]) < 10


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
# What is inert by no kind. Files that HEAD has, or what it does otherwise; its benchmarks serve
# both.
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
    "beside the suite": {
        ".asv/benchmarks/suite.py": "raise RuntimeError('imported')\n",
        ".asv/table.json": "1",
    },
}


@pytest.mark.parametrize("change", SEEN)
def test_same_code_measures_files_of_other_kinds(tmp_path: Path, change: str) -> None:
    base, head = trees = tmp_path / "base", tmp_path / "head"
    folder = ".asv/benchmarks" if change == "beside the suite" else "benchmarks"
    suite = Suite("asv.conf.json", folder, ".", "toy")
    for name, text in FILES.items():
        write(base / name, text)
        write(head / name, text)
    assert inert([], trees, suite) is not None
    makes = SEEN[change]
    if isinstance(makes, dict):
        for name, text in makes.items():
            for tree in trees if name.startswith(folder) else [head]:
                write(tree / name, text)
        names = [*makes]
    else:
        names = [makes(base, head)]
    assert inert(differing(names, trees), trees, suite) is None


def test_same_code_measures_two_environments_and_on_request(
    documented: Repository, tmp_path: Path
) -> None:
    other = interpreter(tmp_path / "python", sys.executable)
    assert not measures(head="first")
    assert measures(head="first", head_python=other)
    assert not measures(head="first", base_python=other, head_python=other)
    documented.commit("second", "toy/core.py", HARDER)
    assert not measures()
    assert not measures(base_python=other, head_python=other)
    assert measures(python=interpreter(tmp_path / "later", sys.executable, "4.0.1"))
    installed = {"base_python": other, "head_python": other, "installed": True}
    for options in ({"always": True}, {"always": False, **installed}):
        with pytest.raises(Interrupted):
            run(head="first", progress=until("discovering benchmarks"), **options)
