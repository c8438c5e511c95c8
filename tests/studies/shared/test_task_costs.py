from __future__ import annotations

import pytest

from perceptron.backends import registry
from perceptron.measure.timing import Effort
from perceptron.problems import catalogue
from perceptron.problems.problem import Problem
from perceptron.studies.shared.budget import unlimited
from perceptron.studies.shared.task import Task
from perceptron.studies.shared.task_costs import (
    expected_seconds,
    learn_seconds,
    least_seconds,
)

GATES = catalogue.find("many-or-gates:1024")
SINGLE, POOL, AT_ONCE = "numpy-one-by-one", "processes", "numpy"


def task(backend: str, problem: Problem = GATES) -> Task:
    return Task(problem, backend, "float32", 2, 0, "g", Effort())


def test_what_cannot_be_short_is_not_begun_as_if_it_were() -> None:
    """A thousand trainings one after the other: their samples alone take seconds."""
    budget = unlimited()
    assert expected_seconds(task(SINGLE), budget) == least_seconds(task(SINGLE)) > 7
    assert expected_seconds(task(AT_ONCE), budget) < 1
    assert least_seconds(task(AT_ONCE)) == 0
    few = task(SINGLE, catalogue.find("many-or-gates:4"))
    assert expected_seconds(few, budget) < 1


def test_the_first_of_a_backend_takes_as_long_as_others_whose_samples_are_as_long() -> None:
    """Beside a busy neighbour three times what it would; a check, which says nothing, as well."""
    budget = unlimited()
    learn_seconds(task(SINGLE), budget, "time", 30.0)
    learn_seconds(task(SINGLE), budget, "check", 12.0)
    assert expected_seconds(task(POOL), budget) == 30.0
    assert expected_seconds(task(POOL), budget, "check") == 12.0
    assert expected_seconds(task(AT_ONCE), budget) < 1
    learn_seconds(task(POOL), budget, "time", 9.0)
    assert expected_seconds(task(POOL), budget) == 9.0
    assert expected_seconds(task(SINGLE), budget) == 30.0


def test_what_others_take_says_nothing_about_those_whose_samples_are_short() -> None:
    budget = unlimited()
    learn_seconds(task(AT_ONCE), budget, "time", 0.3)
    assert expected_seconds(task(SINGLE), budget) == least_seconds(task(SINGLE))


def test_more_models_of_a_pool_take_no_longer() -> None:
    """Its samples are as long: by their operations sixteen would take most of a minute."""
    budget = unlimited()
    few, more = (catalogue.find(f"many-or-gates:{models}") for models in (1, 16))
    learn_seconds(task(POOL, few), budget, "time", 2.5)
    assert expected_seconds(task(POOL, more), budget) == pytest.approx(2.5)
    learn_seconds(task(SINGLE, few), budget, "time", 0.2)
    assert expected_seconds(task(SINGLE, more), budget) < 1
    assert expected_seconds(task(SINGLE), budget) > 7


def test_a_backend_that_cannot_be_asked_is_expected_as_any_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its own worker will say what is wrong with it."""

    class Broken:
        def least_seconds(self, problem: Problem) -> float:
            raise RuntimeError("out of order")

    monkeypatch.setattr(registry, "load", lambda name: Broken())
    assert least_seconds(task(AT_ONCE)) == 0
