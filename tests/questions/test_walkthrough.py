"""What walk-throughs print and draw; the goldens have the whole texts of two."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from perceptron.problems import catalogue
from perceptron.questions.walkthrough.figures import pictures
from perceptron.questions.walkthrough.sentences import rendered
from perceptron.questions.walkthrough.training import (
    EpochScore,
    TrainingRun,
    Walkthrough,
    walkthrough,
)
from perceptron.report.tables import terminal
from tests.made import silent


def show(walk: Walkthrough) -> None:
    for part in rendered(walk):
        terminal.show(part)


def draw(walk: Walkthrough, folder: Path) -> list[Path]:
    from perceptron.report.charts import style  # imports matplotlib

    return [style.save(picture, folder) for picture in pictures(walk)]


@pytest.mark.parametrize(
    ("problem", "ending"),
    [
        ("xor", "No separating straight line was found"),
        ("symptoms", "person 3 and person 6 contradict each other"),
    ],
)
def test_walkthrough_ends_with_trained_model(
    problem: str, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show(walkthrough(problem, ["numpy"], None, silent))
    text = " ".join(capsys.readouterr().out.split())
    assert ending in text
    assert "Starting parameters" in text
    assert "10,000 iterations took" in text


def test_figures_are_written(tmp_path: Path) -> None:
    """One for each thing that the walk-through shows; all are pictures."""
    walk = walkthrough("or-gate", ["numpy"], None, silent)
    files = draw(walk, tmp_path)
    assert {file.name for file in files} == {
        "sigmoid.png",
        "or-gate-error.png",
        "or-gate-decision.png",
        "or-gate-lines.png",
        "or-gate-predictions.png",
    }
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)


def score(epoch: int, loss: float, right: float) -> EpochScore:
    return EpochScore(
        epoch=epoch,
        train_loss=loss,
        train_accuracy=right,
        test_loss=2 * loss,
        test_accuracy=right / 2,
    )


def run(backend: str, taken_for: list[int], last_loss: float = 0.5) -> TrainingRun:
    confidence = np.array([[0.9], [0.6], [0.8], [0.7]])
    return TrainingRun(
        backend=backend,
        dtype="float64",
        scores=[score(0, 2.0, 0.25), score(1, 1.0, 0.5), score(2, last_loss, 1.0)],
        parameters=[],
        predictions=np.where(np.eye(2)[taken_for] == 1.0, confidence, 1.0 - confidence),
        seconds=0.25,
    )


def made(*runs: TrainingRun) -> Walkthrough:
    digits = catalogue.find("digits")
    return Walkthrough(
        problem=replace(digits, dataset=replace(digits.dataset, class_names=("nought", "one"))),
        inputs=np.array([[0.0, 1.0, 0.5, 0.2]] * 4),
        targets=np.eye(2)[[0, 0, 1, 1]],
        runs=list(runs),
        skipped=[("torch-cuda", "no CUDA device found")],
    )


def test_curves_that_differ_are_said_to(capsys: pytest.CaptureFixture[str]) -> None:
    show(made(run("numpy", [0, 0, 1, 1]), run("torch-cpu", [0, 0, 1, 1], last_loss=0.6)))
    text = " ".join(capsys.readouterr().out.split())
    assert "The backends' curves differ: losses by up to 20.0%" in text
    assert "Every test image is right" in text


def test_walkthrough_without_run_lists_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    show(made())
    assert "skipped" in capsys.readouterr().out


def test_figures_of_digits_are_written(tmp_path: Path) -> None:
    files = draw(made(run("numpy", [0, 1, 0, 1])), tmp_path)
    assert [file.name for file in files] == [
        "digits-epochs.png",
        "digits-confusion.png",
        "digits-mistakes.png",
    ]
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)
    none_wrong = draw(made(run("numpy", [0, 0, 1, 1])), tmp_path)
    assert [file.name for file in none_wrong] == ["digits-epochs.png", "digits-confusion.png"]
