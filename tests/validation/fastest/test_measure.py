from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import perceptron
from perceptron.analysis.fastest import Advice
from perceptron.backends import registry
from perceptron.errors import UserError
from perceptron.records.store import load_plan
from perceptron.studies.fastest.cache import FOLDER
from perceptron.studies.shared.progress import silent
from perceptron.validation.fastest.measure import (
    ANSWERS,
    FastestPlan,
    ask_product,
    measure,
    read_answers,
)
from perceptron.validation.fastest.record import Pick
from perceptron.validation.fastest.shapes import Training, draw
from tests.made_fastest import Measured, ask


def test_every_training_is_measured_on_every_backend_in_every_process(
    plan: FastestPlan, run_tasks: Measured, tmp_path: Path
) -> None:
    folder = measure(plan, "box", tmp_path, silent, ask=ask)
    seen = {(task.problem.name, task.backend, task.process) for task in run_tasks.measured}
    assert len(seen) == len(run_tasks.measured) == 40 * 2 * 2
    run = load_plan(folder)
    assert run.finished is not None
    assert not run.cut_short
    assert run.plan["trainings"][0] == [draw(1, 1)[0].reference, draw(1, 1)[0].epochs]
    assert [pick.reference for pick in read_answers(folder)] == [
        training.reference for training in draw(plan.asked, plan.seed)
    ]


def test_what_was_interrupted_is_resumed(
    plan: FastestPlan, run_tasks: Measured, tmp_path: Path
) -> None:
    """Rows are not measured again, nor is asked again what was answered; half a line is cut off."""
    questions = []

    def interrupted(training: Training, plan: FastestPlan) -> Pick:
        questions.append(training.reference)
        if len(questions) == 4:
            raise KeyboardInterrupt
        return ask(training, plan)

    with pytest.raises(KeyboardInterrupt):
        measure(plan, "box", tmp_path, silent, ask=interrupted)
    (file,) = tmp_path.glob(f"runs/box/*/{ANSWERS}")
    with file.open("ab") as stream:
        stream.write(b'{"reference": "mlp')
    before = len(run_tasks.measured)
    folder = measure(plan, "box", tmp_path, silent, ask=interrupted)
    assert folder == file.parent
    assert len(run_tasks.measured) == before
    assert questions[4:] == questions[3:4] + [own.reference for own in draw(6, 1)[4:]]
    assert len(read_answers(folder)) == plan.asked


def test_where_the_time_is_over_nobody_is_asked(
    plan: FastestPlan, run_tasks: Measured, tmp_path: Path
) -> None:
    folder = measure(plan, "box", tmp_path, silent, budget_seconds=1e-3, ask=ask)
    assert load_plan(folder).cut_short
    assert read_answers(folder) == []


def test_the_product_is_asked_without_what_it_knows(
    plan: FastestPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither rows of this study nor its cache may answer; the cache is there again afterwards."""
    asked: dict[str, Any] = {}

    def fastest(**question: Any) -> Advice:
        asked.update(question, cache=os.environ[FOLDER], files=list(question["results"].iterdir()))
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

    monkeypatch.setattr(perceptron, "fastest", fastest, raising=False)
    monkeypatch.setenv(FOLDER, "/own")
    pick = ask_product(Training("mlp:100x4x8:3c:10b:adam:5m", 7), plan)
    assert (pick.backend, pick.seconds, pick.epochs) == ("numpy", 1.0, 7)
    assert os.environ[FOLDER] == "/own"
    assert asked["cache"] != "/own"
    assert asked.pop("files") == []
    expected = {
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
    assert {name: asked[name] for name in expected} == expected
    monkeypatch.delenv(FOLDER)
    ask_product(Training("mlp:100x4", 7), plan)
    assert FOLDER not in os.environ


def test_backends_that_cannot_run_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        registry, "reason_unavailable", lambda name: None if "numpy" in name else "not here"
    )
    assert FastestPlan(backends=("numpy", "numpy-inplace", "numba")).backends == (
        *("numpy", "numpy-inplace"),
    )
    with pytest.raises(UserError, match="fewer than two of numpy, torch-cpu"):
        FastestPlan()
