"""A suite in another repository than the code, from two commits of the code to a verdict."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from perceptron.errors import UserError
from tests.gate.conftest import COUNTED, Interrupted, Repository, run, until, write

SUITE = Path("../toy-benchmarks/asv.conf.json")
BENCHMARKS = """
import toy
from .amounts import ONE

def track_one():
    return toy.work(ONE)

def track_two():
    return toy.work(200)
"""


@pytest.fixture
def project(toy: Repository, tmp_path: Path) -> Repository:
    """The code alone; its suite lies beside it and holds what the code lacks: a helper."""
    suite = tmp_path / "toy-benchmarks"
    write(suite / "asv.conf.json", '{"project": "toy", "repo": "../repository"}')
    shutil.move(toy.folder / "benchmarks", suite / "benchmarks")
    write(suite / "benchmarks" / "amounts.py", "ONE = 100\n")
    write(suite / "benchmarks" / "suite.py", BENCHMARKS)
    (toy.folder / "asv.conf.json").unlink()
    toy.commit("base")
    return toy


def test_five_per_cent_are_found_and_no_file_of_the_project_is_blamed(project: Repository) -> None:
    """Not committed: neither copies of the benchmarks nor results are changes of the project."""
    slower = COUNTED.replace("return amount", "return amount * (1.05 if amount == 200 else 1)")
    project.write("toy/__init__.py", slower)
    comparison = run("base", ".", suite=SUITE, reasons=False)
    assert comparison.verdict == "regression", comparison.reason
    other, row = comparison.rows
    assert (row.benchmark, row.verdict) == ("suite.track_two", "slower")
    assert other.verdict == "no change"
    assert row.change == pytest.approx(0.05)
    assert row.file is None
    assert comparison.plan.head.changes is not None
    assert comparison.plan.suite == str(SUITE)
    assert f"--suite {SUITE}" in comparison.reproduce
    assert project.git("status", "--porcelain").split() == ["M", "toy/__init__.py"]


def test_external_suite_change_prevents_resume(project: Repository) -> None:
    """A file of benchmarks that does not load is named as its user knows it."""
    project.commit("head")
    amounts = SUITE.parent / "benchmarks" / "amounts.py"
    for number in (1, 2):
        amounts.write_text(f"ONE = {number}\n")
        with pytest.raises(Interrupted):
            run("base", "head", suite=SUITE, progress=until("trying every benchmark"))
    assert len([*Path("results/gate").iterdir()]) == 2
    amounts.write_text("import nowhere\n")
    with pytest.raises(UserError, match=r": \.\./toy-benchmarks/benchmarks/amounts\.py: Module"):
        run("base", "head", suite=SUITE)
