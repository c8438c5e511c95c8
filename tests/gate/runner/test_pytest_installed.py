"""Tests of a tree measure what is installed, whatever pytest puts first into the path."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from perceptron.gate.runner.pytest_suite import _AsPytestImports
from tests.gate.runner.test_pytest_suite import Answers, answers, outcomes, write

TESTS = """
import toy
from toy import _core
from {helper} import AMOUNT

def test_it(benchmark):
    benchmark(_core.work, AMOUNT)
"""
# pytest puts the root of the tree into the path for both.
LAYOUTS = {
    "tests are a package": ("tests/__init__.py", "tests.helper"),
    "a conftest in the root": ("conftest.py", "helper"),
}
INSTALLED: dict[str, object] = {"roots": [], "installed": ["toy"], "project": ""}


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree whose package lacks what the installed one has: what its build makes."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    installed = tmp_path / "environment" / "site-packages"
    monkeypatch.setenv("PYTHONPATH", str(installed))
    write(installed / "toy" / "__init__.py", "")
    write(installed / "toy" / "_core.py", "def work(amount):\n    return amount\n")
    write(tmp_path / "tree" / "toy" / "__init__.py", "raise OSError('not built')\n")
    write(tmp_path / "tree" / "tests" / "conftest.py", "")
    write(tmp_path / "tree" / "tests" / "helper.py", "AMOUNT = 3\n")
    return tmp_path


def measured(built: Path, layout: str) -> Answers:
    tree = built / "tree"
    extra, helper = LAYOUTS[layout]
    write(tree / extra, "")
    write(tree / "tests" / "test_toy.py", TESTS.format(helper=helper))
    facts = {**INSTALLED, "tests": "tests"}
    return answers(tree, "measure", ["tests/test_toy.py::test_it"], facts=facts)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_tree_does_not_hide_what_is_installed(built: Path, layout: str) -> None:
    """It gives the tests with their helpers, and no code."""
    given = measured(built, layout)
    assert outcomes(given) == {"test_it": ("ok", None)}
    assert (given[-1]["kind"], given[-1]["own"], given[-1]["foreign"]) == ("end", False, [])
    assert given[-1]["code"]["place"] == str(built / "environment" / "site-packages" / "toy")


def test_what_is_not_installed_is_missing_and_not_taken_from_the_tree(built: Path) -> None:
    (built / "environment" / "site-packages" / "toy").rename(built / "gone")
    found = outcomes(measured(built, "tests are a package"))
    assert found == {"test_it": ("failed", "ModuleNotFoundError: No module named 'toy'")}


@pytest.fixture
def find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[str, ...]]:
    """Find a module where the root of the tree comes first; return where it or its folders lie."""
    finder = _AsPytestImports(str(tmp_path / "tree"), str(tmp_path / "tree" / "tests"))
    path = [str(tmp_path / "tree"), str(tmp_path / "tree" / "tests"), str(tmp_path / "installed")]
    monkeypatch.setattr(sys, "path", path)
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])

    def find(name: str) -> tuple[str, ...]:
        spec = finder.find_spec(name)
        if spec is None:
            return ()
        places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())
        return tuple(str(Path(str(place)).relative_to(tmp_path)) for place in places)

    return find


def test_folders_without_files_of_their_own_are_told_apart_too(
    tmp_path: Path, find: Callable[[str], tuple[str, ...]]
) -> None:
    """Even when the path has changed since."""
    for folder in ("tree/toy", "tree/tests", "installed/toy"):
        write(tmp_path / folder / "inner.py", "")
    assert find("toy") == ("installed/toy",)
    sys.path.insert(0, str(tmp_path / "tree"))
    assert find("toy") == ("installed/toy",)
    assert find("tests") == ()  # as ever: it is of the suite


def test_what_other_finders_know_is_found(
    tmp_path: Path, find: Callable[[str], tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an editable install of another checkout is."""
    write(tmp_path / "tree" / "toy.py", "")
    with pytest.raises(ModuleNotFoundError, match="No module named 'toy'"):
        find("toy")
    write(tmp_path / "elsewhere" / "toy.py", "")
    other = _AsPytestImports(str(tmp_path / "elsewhere"))

    class Editable:
        """Knows one place."""

        def find_spec(self, name: str, path: object = None, target: object = None) -> object:
            del path, target
            sys.path.insert(0, str(tmp_path / "elsewhere"))
            try:
                return other.find_spec(name)
            finally:
                del sys.path[0]

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Editable()])
    assert find("toy") == ("elsewhere/toy.py",)
