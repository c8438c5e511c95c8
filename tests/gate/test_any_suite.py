"""Suites as they are: modules that fail, projects that read their own metadata, old Pythons."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from perceptron.errors import UserError
from perceptron.gate.checkout.request import CompareRequest
from perceptron.gate.checkout.revisions import resolve
from perceptron.gate.checkout.suite import read_suite
from perceptron.gate.checkout.worktrees import Worktrees, working_folder
from perceptron.gate.compare import compare
from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.suite_of_both import discover_both
from perceptron.gate.verdict.rule import Rule
from perceptron.records.block import Arm
from perceptron.records.comparison import Comparison, Row
from tests.gate.conftest import COUNTED, FEWEST, FOUR, Repository
from tests.gate.old_pythons import python

RUNNER = Path(__file__).parents[2] / "perceptron" / "gate" / "runner"


@pytest.fixture
def counted(toy: Repository) -> Repository:
    """The small repository, in which results are no change of the working tree."""
    toy.write(".gitignore", "results/\n__pycache__/\n*.egg-info/\n")
    return toy


def run(base: str = "first", head: str = "second", **options: Any) -> Comparison:
    options = {"results": Path("results"), "seed": 1, "count": "never", **options}
    return compare(CompareRequest(base, head, **options), lambda *_: None, Rule(**FEWEST))


def rows(comparison: Comparison) -> dict[str, Row]:
    return {row.benchmark.split(".")[-1]: row for row in comparison.rows}


def again(toy: Repository, tag: str = "first") -> None:
    """Commit everything as the revision that is compared with."""
    toy.git("tag", "--delete", tag)
    toy.commit(tag)


FAILING = {
    "raises": ("raise OSError('no network')", "OSError: no network"),
    "exits": ("raise SystemExit('not here')", "SystemExit: not here"),
    "skips": ("import pytest; pytest.skip('no GPU', allow_module_level=True)", "no GPU"),
    "dies": ("import os; os._exit(5)", "its process exited with 5"),
    "is no benchmark": ("class A:\n    def __init__(self): 1 / 0\n    def time_a(self): 0", "Zero"),
}


@pytest.mark.parametrize("how", FAILING)
def test_a_module_that_does_not_load_costs_itself_alone(counted: Repository, how: str) -> None:
    """It is named with its file, and so is a package of which nothing else is known then."""
    statement, reason = FAILING[how]
    counted.write("benchmarks/download.py", statement + "\n")
    counted.write("benchmarks/deep/__init__.py", statement + "\n")
    again(counted)
    first = resolve(counted.folder, "first", Path("results"))
    suite = read_suite(Path("asv.conf.json"), counted.folder)
    pythons: dict[Arm, str] = dict.fromkeys(("base", "head", "control"), sys.executable)
    with working_folder(counted.folder) as home:
        trees = Worktrees(counted.folder, home, first, first, suite)
        with closing(Arms(trees, suite, counted.folder, pythons)) as arms:
            found = discover_both(arms)
    assert [own.key for own in found.benchmarks if own.name.startswith("suite.Counted")] == [
        f"suite.Counted.time_{number}" for number in ("four", "one", "three", "two")
    ]
    assert [row.benchmark for row in found.left_out] == ["benchmarks.deep", "benchmarks.download"]
    assert found.left_out[1].reason.startswith("benchmarks/download.py cannot be imported: ")
    assert all(reason in row.reason for row in found.left_out)


def test_a_module_that_does_not_load_leaves_the_others_to_be_judged(counted: Repository) -> None:
    """Under a filter, too, and where a benchmark is found only by walking the whole suite."""
    counted.write("benchmarks/download.py", "raise OSError('no network')\n")
    counted.write(
        "benchmarks/zoo/__init__.py",
        "import toy\n\ndef time_it():\n    toy.work(10)\ntime_it.timer = toy.clock\n",
    )
    again(counted)
    counted.write("toy/__init__.py", COUNTED + "# a comment\n")
    counted.commit("second")
    comparison = run(benchmarks="zoo")
    assert comparison.verdict == "clean"
    assert [row.benchmark for row in comparison.rows] == ["zoo.time_it"]
    assert [row.benchmark for row in comparison.plan.left_out] == ["benchmarks.download"]


def test_a_module_that_head_does_not_load_broke(counted: Repository) -> None:
    """And what stands in the others is judged as ever."""
    counted.write("toy/more.py", "def extra():\n    pass\n")
    counted.write(
        "benchmarks/more.py", "from toy.more import extra\n\ndef time_more():\n    extra()\n"
    )
    again(counted)
    counted.write("toy/more.py", "")
    counted.commit("second")
    comparison = run(benchmarks="more|two")
    assert comparison.verdict == "regression"
    assert "broke on HEAD: ImportError" in (rows(comparison)["time_more"].reason or "")
    assert rows(comparison)["time_two"].verdict == "no change"
    back = run(base="second", head="first", benchmarks="more|two")
    assert back.verdict == "clean"
    assert "works on HEAD only" in (rows(back)["time_more"].reason or "")


def test_a_suite_of_which_no_module_loads_names_the_file(counted: Repository) -> None:
    for name in ("suite", "other"):
        counted.write(f"benchmarks/{name}.py", "import nowhere\n")
    again(counted)
    counted.commit("second")
    with pytest.raises(UserError) as caught:
        run()
    assert str(caught.value) == (
        "HEAD cannot be imported: benchmarks/other.py: ModuleNotFoundError: No module named "
        f"'nowhere'; install it in {sys.executable} (and 1 more fail)"
    )


def test_a_filter_that_only_fits_a_module_that_fails_names_it(counted: Repository) -> None:
    counted.write("benchmarks/download.py", "raise OSError('no network')\n")
    again(counted)
    counted.commit("second")
    with pytest.raises(UserError, match=r"none of the 4 .*benchmarks/download.py .*no network"):
        run(benchmarks="download")


RAW = """
def timeraw_library():
    return "from toy import library"

class Statements:
    params = [1, 2]

    def setup(self, n):
        self.n = n

    def timeraw_statement(self, n):
        return f"library.SECONDS and print({self.n})", "from toy import library"
"""


def test_code_in_a_process_of_its_own_is_measured(
    counted: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process a sample, however short; it proves what it imported, as nothing else does here.

    Its timer is replaced where every Python looks first, so that work is counted there too.
    """
    folder = tmp_path / "without pympler"
    (folder / "sitecustomize.py").write_text(
        "import sys, timeit\n"
        "def clock():\n"
        "    library = sys.modules.get('toy.library')\n"
        "    return library.SECONDS if library else 0.0\n"
        "timeit.default_timer = clock\n"
    )
    counted.write("benchmarks/suite.py", RAW)
    counted.write("toy/library.py", "SECONDS = 0.02\n")
    again(counted)
    counted.write("toy/library.py", "SECONDS = 0.03\n")
    counted.commit("second")
    comparison = run(benchmarks="library")
    assert comparison.verdict == "regression"
    assert rows(comparison)["timeraw_library"].change == pytest.approx(0.5)
    blocks = [block for block in comparison.blocks if block.stage == "screen"]
    assert {block.head.calls for block in blocks} == {1}
    assert not comparison.plan.left_out


def test_a_tree_gives_no_version_to_the_environment(
    counted: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What happens to be installed under its name is not what was measured."""
    folder = tmp_path / "without pympler"
    for name in ("toy", "helper"):
        info = folder / f"{name}-9.9.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.9\n")
    (folder / "helper.py").touch()
    counted.write("benchmarks/suite.py", "import helper\n" + FOUR.format(one=100))
    counted.commit("second")
    environment = run(benchmarks="two").environment
    assert environment.base["helper"] == environment.head["helper"] == "9.9"
    assert "toy" not in {*environment.base, *environment.head}


OWN_VERSION = "from importlib import metadata\n__version__ = metadata.version('toy-project')\n"
STATIC = '[project]\nname = "toy-project"\nversion = "{version}"\n'
BACKEND = """
import os
def prepare_metadata_for_build_wheel(folder, settings=None):
    print("this is no answer")
    made = "toy_project-1.dev3.dist-info"
    os.mkdir(os.path.join(folder, made))
    with open(os.path.join(folder, made, "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\\nName: toy-project\\nVersion: 1.dev3\\n")
    return made
"""
DYNAMIC = """
[project]
name = "toy-project"
dynamic = ["version"]
[build-system]
requires = []
build-backend = "toy_backend"
backend-path = ["build_backend"]
"""


def project(toy: Repository, pyproject: str) -> None:
    toy.write("pyproject.toml", pyproject)
    toy.write("build_backend/toy_backend.py", BACKEND)
    toy.write("toy/__init__.py", OWN_VERSION + COUNTED)
    toy.write(
        "benchmarks/suite.py",
        FOUR.format(one=100) + "\ndef track_version():\n    return len(toy.__version__)\n",
    )


@pytest.mark.parametrize("pyproject", [STATIC.format(version="1.dev3"), DYNAMIC])
def test_a_project_that_reads_its_own_metadata_is_judged(
    counted: Repository, pyproject: str
) -> None:
    """It is not installed, and a comment changes nothing."""
    project(counted, pyproject)
    again(counted)
    counted.write("toy/__init__.py", OWN_VERSION + COUNTED + "# a comment\n")
    counted.commit("second")
    comparison = run(benchmarks="two|version")
    assert comparison.verdict == "clean"
    assert rows(comparison)["track_version"].base == len("1.dev3")


def test_a_project_that_reads_its_own_metadata_and_became_slower_is_red(
    counted: Repository,
) -> None:
    project(counted, DYNAMIC)
    again(counted)
    slower = COUNTED.replace("amount * 1e-6", "amount * 1.05e-6")
    counted.write("toy/__init__.py", OWN_VERSION + slower)
    counted.commit("second")
    comparison = run(benchmarks="two|version")
    assert comparison.verdict == "regression"
    assert rows(comparison)["time_two"].change == pytest.approx(0.05)


def test_each_revision_has_its_own_metadata(counted: Repository, tmp_path: Path) -> None:
    """Even where another version is installed."""
    info = tmp_path / "without pympler" / "toy_project-77.77.77.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-project\nVersion: 77.77.77\n")
    project(counted, STATIC.format(version="1.0"))
    again(counted)
    counted.write("pyproject.toml", STATIC.format(version="1.0.1"))
    counted.commit("second")
    row = rows(run(benchmarks="version"))["track_version"]
    assert (row.base, row.head) == (len("1.0"), len("1.0.1"))


def test_a_backend_that_is_not_there_is_named_where_it_is_needed(counted: Repository) -> None:
    """A project that does not read its metadata is compared all the same."""
    pyproject = DYNAMIC.replace("toy_backend", "no_backend")
    counted.write("pyproject.toml", pyproject)
    again(counted)
    counted.commit("second")
    assert run(benchmarks="two").verdict == "clean"
    project(counted, pyproject)
    again(counted)
    with pytest.raises(UserError) as caught:
        run(base="first", head="first")
    assert "PackageNotFoundError" in str(caught.value)
    assert "No module named 'no_backend'" in str(caught.value)
    assert "pip install --no-deps" in str(caught.value)


def test_the_program_loads_on_an_old_python() -> None:
    """Each of its modules, by its path, as the program itself does; what imports pytest, which is
    not there, compiles."""
    old = python("3.9")
    code = """
import importlib.util, sys
for path in sys.argv[1:]:
    spec = importlib.util.spec_from_file_location("module", path)
    source = spec.loader.get_code("module")
    if "pytest" not in source.co_names:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
        print(path)
"""
    files = [str(file) for file in (*RUNNER.glob("*.py"), RUNNER.parents[1] / "waiting.py")]
    loaded = subprocess.run([old, "-c", code, *files], capture_output=True, text=True, check=False)
    assert loaded.returncode == 0, loaded.stderr
    assert {str(RUNNER / "program.py"), str(RUNNER / "timing.py")} < set(loaded.stdout.splitlines())


def test_an_old_python_without_the_runner_is_lent_ours(counted: Repository) -> None:
    """The suite runs on it from end to end; the document says which it was."""
    old = python("3.9")
    counted.write("toy/__init__.py", "import sys\nassert sys.version_info < (3, 10)\n" + COUNTED)
    again(counted)
    counted.commit("second")
    comparison = run(benchmarks="two", base_python=old, head_python=old)
    assert comparison.verdict == "clean"
    assert comparison.environment.base["python"].startswith("CPython 3.9")


def test_an_interpreter_that_lacks_a_dependency_is_one_line(
    counted: Repository, tmp_path: Path
) -> None:
    """Whether the whole suite needs it, or a module."""
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)
    counted.write("benchmarks/needy.py", "import msgspec\n\ndef time_it():\n    pass\n")
    again(counted)
    counted.commit("second")
    with pytest.raises(UserError) as caught:
        run(base_python=str(bare))
    assert str(caught.value) == (
        "BASE: benchmarks/needy.py cannot be imported: ModuleNotFoundError: No module named "
        f"'msgspec'; install it in {bare}"
    )
    counted.git("rm", "--quiet", "benchmarks/suite.py")
    again(counted, "second")
    with pytest.raises(UserError) as caught:
        run(base="second", base_python=str(bare))
    assert str(caught.value) == (
        "BASE cannot be imported: benchmarks/needy.py: ModuleNotFoundError: No module named "
        f"'msgspec'; install it in {bare}"
    )
