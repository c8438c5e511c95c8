"""Which files count as changed code, and by which names a program knows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.gate.checkout.changed_files import ChangedFiles, changed_files, importable
from perceptron.gate.checkout.revisions import resolve
from perceptron.gate.checkout.suite import Suite
from tests.gate.conftest import COUNTED, Repository

SUITE = Suite("asv.conf.json", "benchmarks", ".", "toy")


def changed(toy: Repository, tmp_path: Path, base: str = "first", head: str = ".") -> ChangedFiles:
    """Compare the commit with the working tree, each in a folder."""
    results = tmp_path / "results"
    revisions = [resolve(toy.folder, name, results) for name in (base, head)]
    tree = tmp_path / "base"
    toy.git("worktree", "add", "--quiet", "--detach", str(tree), base)
    trees = (tree, toy.folder)
    return changed_files(toy.folder, revisions[0], revisions[1], trees, SUITE)


def test_code_counts_and_what_no_benchmark_runs_does_not(toy: Repository, tmp_path: Path) -> None:
    """Committed since or not; what is as before in the end has not changed."""
    toy.write("toy/__init__.py", COUNTED.replace("range(200)", "range(300)"))
    toy.write("toy/added.py", "def f(): pass\n")
    tests = ["test_all.py", "all_test.py", "conftest.py"]
    for name in tests:
        toy.write(f"toy/tests/{name}", "print(3)\n")
    toy.write("benchmarks/suite.py", "")
    toy.write("asv.conf.json", "{}")
    for name in ("README.md", "docs/conf.py", ".github/w.yml", "toy/core.pyi", "toy/gone.c"):
        toy.write(name, "")
    toy.commit("second")
    toy.write("toy/added.py", "def g(): pass\n")
    (toy.folder / "toy/gone.c").unlink()
    python = ("toy/__init__.py", "toy/added.py", *sorted(f"toy/tests/{name}" for name in tests))
    assert changed(toy, tmp_path) == ChangedFiles(python, ())


@pytest.mark.parametrize(
    "name", ["toy/core.c", "pyproject.toml", "toy/table.json", "toy/tests/table.json"]
)
def test_what_is_no_python_is_hidden(toy: Repository, tmp_path: Path, name: str) -> None:
    toy.write(name, "1")
    assert changed(toy, tmp_path) == ChangedFiles((), (name,))


@pytest.mark.parametrize("name", ["toy/tests/helpers.py", "toy/test_all.py"])
def test_helpers_among_tests_are_code_as_any(toy: Repository, tmp_path: Path, name: str) -> None:
    """A benchmark may import them; so is what is only called like a test."""
    toy.write(name, "print(3)\n")
    assert changed(toy, tmp_path) == ChangedFiles((name,), (name,))


def test_a_changed_constant_and_a_deleted_module_are_hidden(
    toy: Repository, tmp_path: Path
) -> None:
    toy.write("toy/old.py", "")
    toy.commit("second")
    toy.write("toy/__init__.py", COUNTED.replace("DONE = 0.0", "DONE = 1.0"))
    (toy.folder / "toy/old.py").unlink()
    both = ("toy/__init__.py", "toy/old.py")
    assert changed(toy, tmp_path, "second") == ChangedFiles(both, both)


def test_files_are_named_from_where_they_are_imported() -> None:
    """As they are in an environment that the project is installed in."""
    names = ["src/toy/a.py", "toy/b.py"]
    assert importable(names, SUITE) == ["toy/a.py", "toy/b.py"]
    below = Suite("asv.conf.json", "benchmarks", "python", "toy")
    assert importable(["python/src/toy/a.py", "python/toy/b.py", "c.py"], below) == [
        "toy/a.py",
        "toy/b.py",
        "c.py",
    ]
