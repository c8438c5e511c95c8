"""The product is asked as a user asks it, with what it is to know and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import perceptron
from benchmarks.validation.fastest.asking import Product
from benchmarks.validation.fastest.plan import FastestPlan
from benchmarks.validation.fastest.record import CACHED, COLD, COLD_DEFAULT, NOW
from benchmarks.validation.fastest.shapes import Training, draw
from perceptron.analysis.fastest import Advice
from perceptron.records.store import load_run
from perceptron.studies.fastest import cache, here
from perceptron.studies.fastest.cache import FOLDER, Known, KnownBackend
from tests.made import FACTS


class Asked:
    """Stands in for `perceptron.fastest`: what it was asked, and what its cache held."""

    def __init__(self) -> None:
        self.questions: list[dict[str, Any]] = []
        self.known: list[Known] = []

    def __call__(self, **question: Any) -> Advice:
        assert list(question.pop("results").iterdir()) == []
        self.questions.append(question)
        self.known.append(cache.load(cache.cache_file()))
        return Advice(
            backend="numpy",
            device="cpu",
            seconds=1.0,
            low=0.9,
            high=1.1,
            why="",
            sure=True,
            source="measured",
            measured=None,
            stale=None,
            candidates=(),
        )


@pytest.fixture
def fastest(monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    asked = Asked()
    monkeypatch.setattr(perceptron, "fastest", asked, raising=False)
    monkeypatch.setenv(FOLDER, "/own")
    backend = KnownBackend(device="cpu", unavailable=None, modules=(), libraries={})
    monkeypatch.setattr(here, "ask_elsewhere", lambda names, _: dict.fromkeys(names, backend))
    yield asked
    assert os.environ[FOLDER] == "/own"


def test_it_is_asked_for_what_is_trained(fastest: Asked, plan: FastestPlan) -> None:
    ask = Product(plan, [], FACTS)
    pick = ask(Training("mlp:100x4x8:3c:10b:adam:5m", 7), COLD)
    assert (pick.backend, pick.seconds, pick.epochs, pick.way) == ("numpy", 1.0, 7, COLD)
    assert fastest.questions == [
        {
            "rows": 100,
            "features": 4,
            "hidden": (8,),
            "classes": 3,
            "batch": 10,
            "models": 5,
            "optimizer": "adam",
            "epochs": 7,
            "measure": "now",
            "seconds": 5.0,
            "threads": 1,
            "dtype": "float32",
            "among": ("numpy", "numba"),
        }
    ]
    ask(Training("mlp:100x4", 7), COLD_DEFAULT)
    assert fastest.questions[1]["among"] is None


def test_it_knows_the_others_or_nothing(
    fastest: Asked, plan: FastestPlan, finished_run: Path
) -> None:
    """Neither rows of what is asked about nor the user's own cache may answer."""
    _, environment, rows = load_run(finished_run)
    ask = Product(plan, rows, environment)
    training = draw(1, plan.seed)[0]
    for way in (CACHED, NOW, COLD):
        ask(training, way)
    assert [question["measure"] for question in fastest.questions] == ["cached", "now", "now"]
    cached, now, cold = fastest.known
    shapes = {known.row.work.shape for known in cached.rows}
    assert len(shapes) == plan.trainings - 1
    assert set(cached.backends) == set(plan.backends)
    assert set(cached.curves_of(plan.dtype, plan.threads) or {}) == set(plan.backends)
    assert now == cached
    assert (cold.rows, cold.curves, cold.backends) == ((), (), {})


def test_the_users_cache_is_there_again(
    fastest: Asked, plan: FastestPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(FOLDER)
    Product(plan, [], FACTS)(Training("mlp:100x4", 7), COLD)
    assert FOLDER not in os.environ
    monkeypatch.setenv(FOLDER, "/own")
