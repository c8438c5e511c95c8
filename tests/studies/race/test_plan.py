from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from perceptron.problems import catalogue
from perceptron.problems.problem import Problem
from perceptron.studies.race.plan import RacePlan
from tests.made_race import HELD_OUT


@pytest.fixture(scope="module")
def digits() -> Problem:
    return catalogue.find("digits")


def plan(problem: Problem, **changes: Any) -> RacePlan:
    return RacePlan(problem=problem, **({"backends": ("numpy",), "threads": 1} | changes))


def test_looking_must_not_outweigh_training(digits: Problem, tmp_path: Path) -> None:
    """Once an epoch; where that is one iteration, a few hundred times in all."""
    assert plan(digits).check_iterations == 38
    assert plan(digits).epochs == 30
    file = tmp_path / "whole.toml"
    file.write_text(HELD_OUT)
    whole = plan(catalogue.find(str(file)), target="loss=0.1")
    assert (whole.epochs, whole.check_iterations) == (10_000, 50)
    assert plan(catalogue.find(str(file)), target="loss=0.1", epochs=20).check_iterations == 1
