"""A project whose compiled code was not built: pure Python ran, and that alone is not clean."""

from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.gate.checkout.request import Case, CompareRequest
from perceptron.gate.checkout.revisions import Revision
from perceptron.gate.checkout.suite import Suite
from perceptron.gate.compiled_code import NotBuilt, not_built, with_warning
from tests.gate.conftest import COUNTED, Repository, run
from tests.made_comparison import comparison, row, slower

EXTENSION = "from setuptools import Extension, setup\nsetup(ext_modules=[Extension()])\n"


def test_compiled_code_that_changed_and_was_not_built_is_never_clean(toy: Repository) -> None:
    """What the tests hold is none of it. What is measured was repaired, which needs no blocks."""
    toy.write("benchmarks/suite.py", "import toy\n\ndef track_it():\n    return toy.MORE\n")
    toy.write("setup.py", EXTENSION)
    toy.commit("first", "toy/_core.c", "int turns = 1;")
    toy.write("setup.py", EXTENSION.replace("()", "(define_macros=[])"))
    toy.write("toy/_core.c", "int turns = 20;")
    toy.write("toy/_core.pyx.in", "")
    toy.write("toy/__init__.py", COUNTED + "MORE = 1\n")
    toy.commit("second", "toy/tests/data.c", "")
    comparison = run(always=False)
    assert [row.verdict for row in comparison.rows] == ["faster"]
    assert comparison.verdict == "inconclusive"
    assert comparison.reason == (
        "compiled code changed (setup.py and 2 more) and was not built: compare with --build or "
        "--installed"
    )


def test_compiled_code_unbuilt_is_a_warning_beside_regression() -> None:
    declared: NotBuilt = [], "setup.py names Extension"
    changed: NotBuilt = ["toy/_core.c"], None
    for unbuilt, cause in ((declared, "setup.py"), (changed, "toy/_core.c")):
        warned = with_warning(comparison(slower(), verdict="regression"), unbuilt)
        (warning,) = warned.warnings
        assert (warned.verdict, warning.code) == ("regression", "not built")
        assert cause in warning.message
        assert "--build" in warning.advice
    assert with_warning(comparison(row()), declared).verdict == "clean"


BUILDS = '[build-system]\nrequires = [{requires}]\nbuild-backend = "{backend}"\n'


@pytest.mark.parametrize(
    ("name", "text", "declares"),
    [
        ("pyproject.toml", BUILDS.format(requires="", backend="mesonpy"), True),
        ("pyproject.toml", BUILDS.format(requires="'Cython >= 3'", backend="own"), True),
        ("pyproject.toml", "# Extension, cythonize, mesonpy\n", False),
        ("pyproject.toml", "[build-system]\nbuild-backend = 3\nrequires = 'x'\n", False),
        ("pyproject.toml", "a = " + "[" * 5000, False),
        ("setup.py", "from Cython.Build import cythonize\nsetup(**kwargs)\n", True),
        ("setup.py", "# Extension, cythonize, mesonpy\n", False),
    ],
)
def test_compiled_code_is_recognised_by_build_files(
    tmp_path: Path, name: str, text: str, declares: bool
) -> None:
    """It may be BASE's alone; where what is installed is compared, it was built."""
    trees = tmp_path / "base", tmp_path / "head"
    for tree in trees:
        tree.mkdir()
    (trees[0] / name).write_text(text)
    sign = not_built([], trees, case(tmp_path))[1]
    assert (sign or "").startswith(name) is declares
    assert not_built([name], trees, case(tmp_path, installed=True)) == ([], None)


def case(repository: Path, installed: bool = False) -> Case:
    revision = Revision("first", "a" * 40)
    suite = Suite("asv.conf.json", "benchmarks", ".", "toy")
    return Case(CompareRequest("", ""), repository, revision, revision, suite, {}, installed)
