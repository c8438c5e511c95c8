"""The chapter on digits: what is trained, what is told, and that backends give one curve."""

from __future__ import annotations

import pytest

from perceptron.records.walkthrough import ClassifierWalkthrough
from perceptron.studies.shared.progress import silent
from perceptron.studies.walkthrough_digits import walkthrough_digits

pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def walk() -> ClassifierWalkthrough:
    return walkthrough_digits(["numpy", "torch-cpu", "numpy-published"], silent)


def test_every_epoch_is_scored_and_the_last_is_right_about_most(
    walk: ClassifierWalkthrough,
) -> None:
    run = walk.runs[0]
    assert [score.epoch for score in run.epochs] == list(range(31))
    assert run.iterations == 30 * walk.iterations_per_epoch
    assert run.epochs[-1].test_accuracy >= 0.96
    assert run.epochs[0].test_accuracy < 0.5
    assert run.epochs[-1].train_loss < run.epochs[0].train_loss / 10


def test_numpy_and_torch_give_one_curve(walk: ClassifierWalkthrough) -> None:
    if len(walk.runs) < 2:
        pytest.skip("torch is not installed")
    assert [(run.backend, run.dtype) for run in walk.runs] == [
        ("numpy", "float64"),
        ("torch-cpu", "float32"),
    ]
    apart = walk.apart()
    assert apart is not None
    assert apart < 1e-3
    assert walk.runs[0].predicted == walk.runs[1].predicted
