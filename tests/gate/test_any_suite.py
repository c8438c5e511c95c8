"""Suites as they are: old Pythons, interpreters that lack something, modules that fail."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from perceptron.errors import UserError
from tests.gate.conftest import COUNTED, Repository, interpreter, run

RUNNER = Path(__file__).parents[2] / "perceptron" / "gate" / "runner"


def python(version: str) -> str:
    """Return an interpreter of this version, such as 3.9; skip the test where there is none."""
    built = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    candidates = [str(path) for path in built] + [shutil.which(f"python{version}") or ""]
    for candidate in filter(None, candidates):
        # pyenv's own shims are there for versions that are not.
        tried = subprocess.run([candidate, "-c", ""], capture_output=True, check=False)
        if tried.returncode == 0:
            return candidate
    pytest.skip(f"no Python {version} on this machine")


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
    """Whether a module needs it, or the whole suite."""
    bare = interpreter(tmp_path / "python", f"{sys.executable} -S")
    toy.commit("first", "benchmarks/needy.py", "import msgspec\n\ndef time_it():\n    pass\n")
    for _ in range(2):
        with pytest.raises(UserError) as caught:
            run("first", "first", base_python=bare)
        said = str(caught.value)
        assert "\n" not in said
        assert all(name in said for name in ("BASE", "benchmarks/needy.py", "'msgspec'", bare))
        toy.git("rm", "--quiet", "benchmarks/suite.py")
        toy.commit("first")


def test_a_suite_most_of_which_does_not_load_is_not_clean(toy: Repository) -> None:
    """But it is where only what loads was asked for."""
    for number in range(5):
        toy.write(f"benchmarks/broken{number}.py", "import nothing_called_so\n")
    toy.commit("second")
    comparison = run(benchmarks="track|broken")
    assert comparison.verdict == "inconclusive"
    assert comparison.reason.startswith("only 1 of 6 benchmarks could be judged")
    assert run(benchmarks="track").verdict == "clean"
