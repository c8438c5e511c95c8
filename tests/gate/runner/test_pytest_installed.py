"""Tests of a tree measure what is installed, whatever pytest puts first into the path."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gate.runner.conftest import Answers, outcomes
from tests.gate.runner.test_pytest_suite import answers, write

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
