"""Which files of a repository are a suite of pytest."""

from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.gate.checkout.suite import read_pytest_suite


@pytest.mark.parametrize(
    ("path", "shared"),
    [
        ("tests/test_speed.py", "tests"),
        ("toy/testing/tests/speed", "toy/testing/tests"),
        ("toy/benchmarks/test_speed.py", "toy/benchmarks/test_speed.py"),
        ("test_speed.py", "test_speed.py"),
    ],
)
def test_all_tests_around_come_from_head(tmp_path: Path, path: str, shared: str) -> None:
    """Those that are run may import the others, and none of them is code of the project.

    What is called testing, bench or the like may be.
    """
    suite = read_pytest_suite(str(tmp_path / path), tmp_path)
    assert (suite.tests, suite.benchmarks, suite.kind) == (path, shared, "pytest")
    assert "conftest.py" in suite.beside
    assert not any(name.startswith(f"{shared}/") for name in suite.beside)


def test_what_configures_tests_in_all_folders_above_comes_from_head(tmp_path: Path) -> None:
    """What says what the project is does not. The project has the name that it gives itself."""
    named = f"{tmp_path}/python/toy/tests"
    beside = read_pytest_suite(named, tmp_path).beside
    folders = {name.rpartition("/")[0] for name in beside if name.endswith("/conftest.py")}
    assert folders == {"python", "python/toy"}
    assert "python/pytest.ini" in beside
    assert not any(name.endswith(("pyproject.toml", "setup.cfg")) for name in beside)
    for text, name in {
        '[project]\nname = "toy-box"\n': "toy-box",
        "[tool.other]\n": "",
        "project = 3\n": "",
        "[project]\nname = 3\n": "",
        "[project": "",
    }.items():
        (tmp_path / "pyproject.toml").write_text(text)
        assert read_pytest_suite(named, tmp_path).project == name
