"""A fleet is found again by what it was asked."""

from __future__ import annotations

import shutil
from pathlib import Path

from perceptron.studies.fleet.plan import fleet_plan
from tests.conftest import ROOT
from tests.studies.fleet.conftest import plan


def test_equal_plans_are_one_fleet_and_others_are_not() -> None:
    assert plan().id == plan().id
    others = [
        plan(command=["bench"]),
        plan(commit="def"),
        plan(code="0123456789ab"),
        plan(where="local", host="box"),
        plan(where="local", host="other"),
        plan(nodes=2),
        plan(gpus=1),
        plan(sbatch=["constraint=v100"]),
    ]
    assert len({plan().id, *(other.id for other in others)}) == len(others) + 1


def test_a_model_that_was_edited_asks_something_else(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs" / "examples", tmp_path / "examples")
    model = tmp_path / "examples" / "points-width.toml"
    command = ["bench", "--problem", str(model)]

    def number() -> str:
        return fleet_plan(command, "slurm", 1, None, ()).id

    before = number()
    assert before == number()
    model.write_text(model.read_text() + "\n# edited\n")
    assert number() != before
