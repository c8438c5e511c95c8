from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.validation.fastest.asking import ANSWERS, read_answers
from benchmarks.validation.fastest.measure import measure
from benchmarks.validation.fastest.plan import FastestPlan
from benchmarks.validation.fastest.record import WAYS, Pick, Way
from benchmarks.validation.fastest.shapes import Training, draw
from perceptron.backends import registry
from perceptron.errors import UserError
from perceptron.records.store import load_plan
from perceptron.studies.shared.progress import silent
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
    assert [(pick.way, pick.reference) for pick in read_answers(folder)] == [
        (way, training.reference) for way in WAYS for training in draw(plan.asked, plan.seed)
    ]


def test_what_was_interrupted_is_resumed(
    plan: FastestPlan, run_tasks: Measured, tmp_path: Path
) -> None:
    """Rows are not measured again, nor is asked again what was answered; half a line is cut off."""
    questions = []

    def interrupted(training: Training, way: Way) -> Pick:
        questions.append(training.reference)
        if len(questions) == 10:
            raise KeyboardInterrupt
        return ask(training, way)

    with pytest.raises(KeyboardInterrupt):
        measure(plan, "box", tmp_path, silent, ask=interrupted)
    (file,) = tmp_path.glob(f"runs/box/*/{ANSWERS}")
    with file.open("ab") as stream:
        stream.write(b'{"reference": "mlp')
    before = len(run_tasks.measured)
    folder = measure(plan, "box", tmp_path, silent, ask=interrupted)
    assert folder == file.parent
    assert len(run_tasks.measured) == before
    drawn = [own.reference for own in draw(6, 1)]
    assert questions[10:] == drawn[3:] + 2 * drawn
    assert len(read_answers(folder)) == len(WAYS) * plan.asked


def test_where_the_time_is_over_nobody_is_asked(
    plan: FastestPlan, run_tasks: Measured, tmp_path: Path
) -> None:
    folder = measure(plan, "box", tmp_path, silent, budget_seconds=1e-3, ask=ask)
    assert load_plan(folder).cut_short
    assert read_answers(folder) == []


def test_backends_that_cannot_run_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        registry, "reason_unavailable", lambda name: None if "numpy" in name else "not here"
    )
    assert FastestPlan(backends=("numpy", "numpy-inplace", "numba")).backends == (
        *("numpy", "numpy-inplace"),
    )
    with pytest.raises(UserError, match="fewer than two of numpy, torch-cpu"):
        FastestPlan()
