"""Suites as they are: modules that fail, projects that read their own metadata, old Pythons."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from perceptron.errors import UserError
from tests.gate.conftest import COUNTED, Repository, first_blocks, interpreter, run
from tests.gate.old_pythons import python

RUNNER = Path(__file__).parents[2] / "perceptron" / "gate" / "runner"


def assert_told(message: str, *names: str) -> None:
    """One line names all of these."""
    assert "\n" not in message
    assert [name for name in names if name not in message] == []


ELSEWHERE = """
import toy

def timeraw_import():
    return "from toy import library"

async def time_async():
    pass

def track_it():
    return toy.work(1)
"""


def test_what_is_not_measured_says_so(toy: Repository) -> None:
    toy.commit("first", "benchmarks/suite.py", ELSEWHERE)
    toy.commit("second")
    left_out = {row.benchmark: row.reason for row in run().plan.left_out}
    assert left_out.keys() == {"suite.timeraw_import", "suite.time_async"}
    assert "timeraw_ is not measured" in left_out["suite.timeraw_import"]
    assert "it is async" in left_out["suite.time_async"]


OWN_VERSION = "from importlib import metadata\n__version__ = metadata.version('toy-project')\n"
STATIC = '[project]\nname = "toy-project"\nversion = "{version}"\n'
DYNAMIC = '[project]\nname = "toy-project"\ndynamic = ["version"]\n'


def test_a_project_that_is_not_installed_has_the_metadata_of_its_files(
    toy: Repository, tmp_path: Path
) -> None:
    """A computed version is a late one; what is installed goes first, for both."""
    toy.write("toy/__init__.py", OWN_VERSION + COUNTED)
    read = "import toy\n\ndef track_version():\n    return len(toy.__version__)\n"
    toy.write("benchmarks/suite.py", read)
    toy.commit("first", "pyproject.toml", DYNAMIC)
    toy.commit("second", "pyproject.toml", STATIC.format(version="1.0.1"))
    block = first_blocks()["track_version"]
    assert (block.base.value, block.head.value) == (len("9999"), len("1.0.1"))
    info = tmp_path / "without pympler" / "toy_project-77.77.77.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-project\nVersion: 77.77.77\n")
    block = first_blocks(seed=2)["track_version"]
    assert (block.base.value, block.head.value) == (len("77.77.77"), len("77.77.77"))


def test_the_program_loads_on_an_old_python() -> None:
    """Each of its modules, in a package of another name, as the program itself does; what imports
    pytest, which is not there, compiles."""
    code = """
import pathlib, sys
folder = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(folder.parent))
for file in folder.glob("*.py"):
    if "import pytest" in file.read_text():
        compile(file.read_text(), str(file), "exec")
    else:
        __import__("runner." + file.stem)
        print(file.stem)
"""
    command = [python("3.9"), "-c", code, str(RUNNER)]
    loaded = subprocess.run(command, capture_output=True, text=True, check=False)
    assert loaded.returncode == 0, loaded.stderr
    assert {"program", "timing"} < set(loaded.stdout.split())


def test_an_old_python_without_the_runner_is_lent_ours(toy: Repository) -> None:
    """The suite runs on it from end to end; the document says which it was."""
    old = python("3.9")
    toy.write("toy/__init__.py", "import sys\nassert sys.version_info < (3, 10)\n" + COUNTED)
    toy.commit("first")
    toy.commit("second")
    comparison = run(base_python=old, head_python=old)
    assert comparison.verdict == "clean"
    assert comparison.environment.base["python"].startswith("CPython 3.9")


def test_an_interpreter_that_lacks_a_dependency_is_one_line(
    toy: Repository, tmp_path: Path
) -> None:
    """Whether the whole suite needs it, or a module."""
    bare = interpreter(tmp_path / "python", f"{sys.executable} -S")
    toy.commit("first", "benchmarks/needy.py", "import msgspec\n\ndef time_it():\n    pass\n")
    toy.commit("second")
    with pytest.raises(UserError) as caught:
        run(base_python=bare)
    assert_told(str(caught.value), "BASE", "benchmarks/needy.py", "'msgspec'", bare)
    toy.git("rm", "--quiet", "benchmarks/suite.py")
    toy.commit("second")
    with pytest.raises(UserError) as caught:
        run(base="second", base_python=bare)
    assert_told(str(caught.value), "BASE", "benchmarks/needy.py", "'msgspec'", bare)


def test_a_suite_most_of_which_does_not_load_is_not_clean(toy: Repository) -> None:
    """But it is where only what loads was asked for."""
    for number in range(5):
        toy.write(f"benchmarks/broken{number}.py", "import nothing_called_so\n")
    toy.commit("second")
    comparison = run(benchmarks="track|broken")
    assert comparison.verdict == "inconclusive"
    assert comparison.reason.startswith("only 1 of 6 benchmarks could be judged")
    assert run(benchmarks="track").verdict == "clean"
