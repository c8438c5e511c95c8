"""A suite in another repository than the code, from two commits of the code to a verdict."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from perceptron.records.comparison import Comparison
from tests.gate.conftest import COUNTED, FOUR, Interrupted, Repository, run, until

SUITE = Path("../toy-benchmarks/asv.conf.json")


@pytest.fixture
def project(toy: Repository, tmp_path: Path) -> Repository:
    """The code alone; its suite lies beside it and holds what the code lacks: a helper."""
    suite = tmp_path / "toy-benchmarks"
    suite.mkdir()
    shutil.move(toy.folder / "benchmarks", suite / "benchmarks")
    (suite / "benchmarks" / "amounts.py").write_text("ONE = 100\n")
    (suite / "benchmarks" / "suite.py").write_text(
        "from .amounts import ONE\n" + FOUR.format(one="ONE")
    )
    (suite / "asv.conf.json").write_text('{"project": "toy", "repo": "../repository"}')
    (toy.folder / "asv.conf.json").unlink()
    toy.commit("base")
    return toy


def elsewhere(head: str = "head", **options: Any) -> Comparison:
    return run("base", head, suite=SUITE, **options)


def test_a_comment_is_clean(project: Repository) -> None:
    project.write("toy/__init__.py", COUNTED + "# a comment\n")
    project.commit("head")
    comparison = elsewhere(benchmarks="one|two")
    assert comparison.verdict == "clean", comparison.reason
    assert len(comparison.rows) == 2
    assert comparison.plan.suite == str(SUITE)
    assert comparison.plan.suite_state
    assert f"--suite {SUITE}" in comparison.reproduce


def test_five_per_cent_are_found_and_no_file_of_the_project_is_blamed(project: Repository) -> None:
    """Not committed: neither copies of the benchmarks nor results are changes of the project."""
    slower = COUNTED.replace("amount * 1e-6", "amount * (1.05 if amount == 200 else 1) * 1e-6")
    project.write("toy/__init__.py", slower)
    comparison = elsewhere(".", benchmarks="two|three")
    assert comparison.verdict == "regression", comparison.reason
    (row,) = [row for row in comparison.rows if row.verdict == "regression"]
    assert row.benchmark == "suite.Counted.time_two"
    assert row.change == pytest.approx(0.05)
    assert row.file is None
    assert project.git("status", "--porcelain").split() == ["M", "toy/__init__.py"]


def test_a_run_is_not_resumed_with_changed_benchmarks(project: Repository) -> None:
    project.commit("head")
    with pytest.raises(Interrupted):
        elsewhere(benchmarks="one", progress=until("screen, block 3"))
    amounts = SUITE.parent / "benchmarks" / "amounts.py"
    amounts.write_text("ONE = 150\n")
    (row,) = elsewhere(benchmarks="one").rows
    assert row.base_seconds == pytest.approx(150e-6)
    assert len(list(Path("results/gate").iterdir())) == 2
