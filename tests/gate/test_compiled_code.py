"""A project whose compiled code was not built: pure Python ran, and that alone is not clean."""

from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.gate.checkout.request import Case, CompareRequest
from perceptron.gate.checkout.revisions import Revision
from perceptron.gate.checkout.suite import Suite
from perceptron.gate.compiled_code import not_built
from perceptron.records.block import Side
from tests.gate.conftest import COUNTED, Repository, run

SETUP = """
from setuptools import Extension, setup
setup(name="toy", ext_modules=[Extension("toy._core", ["toy/_core.c"])])
"""
FALLBACK = "try:\n    from toy._core import work\nexcept ImportError:\n    pass\n"


@pytest.fixture
def compiled(toy: Repository) -> Repository:
    """In its tree the pure-Python code runs."""
    toy.write("setup.py", SETUP)
    toy.write("toy/_core.c", "int turns = 1;")
    toy.commit("first", "toy/__init__.py", COUNTED + FALLBACK)
    return toy


def test_compiled_code_that_changed_and_was_not_built_is_never_clean(compiled: Repository) -> None:
    """A regression stays one."""
    compiled.write("toy/_core.c", "int turns = 20;")
    compiled.write("toy/_core.pyx.in", "")
    compiled.commit("second", "toy/tests/data.c", "")
    comparison = run(always=False)
    assert comparison.verdict == "inconclusive"
    assert comparison.reason.startswith(
        "compiled code changed (toy/_core.c and 1 more) and was not built: compare with --build"
    )
    assert [row.verdict for row in comparison.rows] == ["no change"]
    compiled.commit("second", "setup.py", SETUP.replace('_core.c"]', '_core.c"], define_macros=[]'))
    assert run(always=False).reason.startswith("compiled code changed (setup.py and 2 more)")
    compiled.write("toy/__init__.py", COUNTED.replace("return amount", "return 1.1 * amount"))
    compiled.commit("second")
    comparison = run()
    assert comparison.verdict == "regression"
    assert [warning.code for warning in comparison.warnings] == ["not built"]
    assert "setup.py and 2 more" in comparison.warnings[0].message


def test_compiled_code_that_did_not_change_is_a_warning(compiled: Repository) -> None:
    compiled.commit("second", "toy/__init__.py", COUNTED + FALLBACK + "MORE = 1\n")
    comparison = run(always=False)
    assert comparison.verdict == "clean"
    (warning,) = comparison.warnings
    assert (warning.code, "setup.py" in warning.message) == ("not built", True)
    assert "--build" in warning.advice


def case(trees: tuple[Path, Path], installed: bool = False) -> Case:
    revision = Revision("first", "a" * 40)
    suite = Suite("asv.conf.json", "benchmarks", ".", "toy")
    python = str(trees[0].parent / "environment" / "bin" / "python")
    pythons: dict[Side, str] = {"base": python, "head": python, "control": python}
    return Case(CompareRequest("", ""), trees[0], revision, revision, suite, pythons, installed)


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    both = tmp_path / "base", tmp_path / "head"
    for tree in both:
        tree.mkdir()
    return both


BUILDS = '[build-system]\nrequires = [{requires}]\nbuild-backend = "{backend}"\n'


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", BUILDS.format(requires="", backend="mesonpy")),
        ("pyproject.toml", BUILDS.format(requires="'setuptools_rust>=1'", backend="setuptools")),
        ("pyproject.toml", BUILDS.format(requires="'Cython >= 3'", backend="own")),
        ("setup.py", "from Cython.Build import cythonize\nsetup(**kwargs)\n"),
    ],
)
def test_a_build_that_compiles_is_known_by_its_files(
    trees: tuple[Path, Path], name: str, text: str
) -> None:
    """Nothing of a name that is only mentioned; and it may be BASE's alone."""
    assert not_built([], trees, case(trees))[1] is None
    (trees[0] / name).write_text(text)
    (trees[1] / name).write_text("# Extension, cythonize, mesonpy\n")
    sign = not_built([], trees, case(trees))[1]
    assert sign is not None
    assert sign.startswith(name)
    assert not_built([name], trees, case(trees, installed=True))[1] is None


@pytest.mark.parametrize(
    "text",
    [
        "[build-system]\nbuild-backend = 3\nrequires = 'x'\n",
        "a = " + "[" * 5000,
    ],
)
def test_a_file_that_makes_no_sense_declares_nothing(trees: tuple[Path, Path], text: str) -> None:
    for name in ("pyproject.toml", "setup.py"):
        (trees[1] / name).write_text(text)
    assert not_built([], trees, case(trees))[1] is None
