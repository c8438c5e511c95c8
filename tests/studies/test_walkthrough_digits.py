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


def test_the_confusion_matrix_counts_each_held_out_row_once(walk: ClassifierWalkthrough) -> None:
    """Its diagonal is the accuracy, and its other entries are the mistakes."""
    run = walk.runs[0]
    counts = walk.confusion(run)
    total = sum(map(sum, counts))
    right = sum(counts[index][index] for index in range(10))
    assert total == len(walk.test_classes) == len(walk.test_inputs)
    assert right / total == pytest.approx(run.epochs[-1].test_accuracy)
    wrong = walk.wrong(run)
    assert len(wrong) == total - right >= 10
    assert all(run.predicted[row] != walk.test_classes[row] for row in wrong)
    assert [run.confidence[row] for row in wrong] == sorted(
        (run.confidence[row] for row in wrong), reverse=True
    )


def test_a_backend_that_does_not_take_batches_is_skipped(walk: ClassifierWalkthrough) -> None:
    assert "numpy-published" in {backend for backend, _ in walk.skipped}
