from __future__ import annotations

import numpy as np
import pytest

from perceptron.studies.shared.progress import silent
from perceptron.studies.walkthrough import sigmoid_curve, walkthrough


def test_symptoms_three_and_six_contradict_each_other() -> None:
    """The code finds the two people whom the walk-through points out, and nobody else."""
    walk = walkthrough("symptoms", ["numpy"], None, silent)
    assert [[walk.row_labels[index] for index in group] for group in walk.contradictions] == [
        [3, 6]
    ]
    worst = max(
        range(8), key=lambda place: abs(walk.targets[place] - walk.runs[0].predictions[place])
    )
    assert walk.row_labels[worst] == 6


def test_identity_in_place_of_the_sigmoid_learns_nothing_of_the_or_gate() -> None:
    """Without it the gradients of the four observations cancel."""
    walk = walkthrough("or-gate", ["numpy"], "identity", silent)
    assert walk.activations == ["identity"]
    assert walk.runs[0].errors[-1][1] == pytest.approx(walk.runs[0].errors[0][1], rel=0.01)


def test_a_backend_that_cannot_run_is_skipped_with_its_reason() -> None:
    from perceptron.backends import registry

    reason = registry.reason_unavailable("torch-cuda")
    if reason is None:
        pytest.skip("there is a GPU here")
    walk = walkthrough("or-gate", ["torch-cuda"], None, silent)
    assert walk.skipped == [("torch-cuda", reason)]
    assert walk.runs == []


def test_the_frameworks_sigmoid_is_ours() -> None:
    """What the figure shows, in numbers."""
    _, ours, framework = sigmoid_curve()
    if framework is None:
        pytest.skip("PyTorch is not installed")
    np.testing.assert_allclose(framework, ours, rtol=1e-12)
