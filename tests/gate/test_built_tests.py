"""Tests of pytest inside a package that is built, in a project that has no asv.conf.json.

Their clock counts work, so nothing here depends on how fast the machine is. Nothing is downloaded.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gate.conftest import COUNTED, Repository, rows, run
from tests.wheels import offer, pack_installed

pytestmark = pytest.mark.slow

PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "toy"
version = "1.0"

[tool.setuptools]
packages = ["toy", "toy.suite"]
"""
FILES = {
    "pyproject.toml": PROJECT,
    "toy/suite/__init__.py": "",
    "toy/suite/conftest.py": "import pytest\n@pytest.fixture\ndef amount(): return 100\n",
    "toy/suite/core.py": "def work(): return 1\n",
    "toy/suite/bench/__init__.py": "",
    "toy/suite/bench/test_toy.py": """
import pytest
import toy

@pytest.mark.benchmark(timer=toy.clock)
def test_toy(benchmark, amount):
    benchmark(toy.work, amount)
""",
    "toy/suite/test_core.py": """
import toy.suite.core

def test_core(benchmark):
    benchmark(toy.suite.core.work)
""",
}


@pytest.fixture
def packaged(toy: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A package with tests inside, some of which its build leaves out."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for name in ("setuptools", "pytest", "iniconfig", "packaging", "pluggy", "pygments"):
        pack_installed(wheels, name)
    offer(wheels, monkeypatch)
    toy.git("rm", "--quiet", "-r", "benchmarks", "asv.conf.json")
    for name, text in FILES.items():
        toy.write(name, text)
    toy.commit("base")
    return toy


def test_tests_inside_the_package_measure_what_each_revision_builds(packaged: Repository) -> None:
    slower = COUNTED.replace("amount * 1e-6", "amount * 1.05e-6")
    packaged.commit("head", "toy/__init__.py", slower)
    comparison = run("base", "head", pytest="toy/suite/bench", build=True, reasons=False)
    assert comparison.verdict == "regression", comparison.reason
    assert rows(comparison)["test_toy"].change == pytest.approx(0.05)
    assert "site-packages/toy" in (comparison.environment.head_code or "")


def test_code_beside_tests_that_both_sides_take_from_head_is_not_clean_when_built(
    packaged: Repository,
) -> None:
    packaged.commit("head", "toy/suite/core.py", "def work(): return sum(range(10_000))\n")
    comparison = run("base", "head", pytest="toy/suite", build=True, always=False)
    assert comparison.verdict == "inconclusive"
    assert comparison.reason.startswith("HEAD's toy/suite/core.py served both")
