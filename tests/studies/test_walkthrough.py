from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perceptron.errors import UserError
from perceptron.studies.shared.progress import silent
from perceptron.studies.walkthrough import contradictions, predictor, sigmoid_curve, walkthrough


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


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=12
    )
)
def test_contradictions_are_equal_inputs_with_different_targets(
    rows: list[tuple[int, int, int]],
) -> None:
    table = np.array(rows, dtype=float)
    groups = contradictions(table[:, :2], table[:, 2:])
    grouped = {index for group in groups for index in group}
    for first, (a, b, target) in enumerate(rows):
        clashes = any((a, b) == (c, d) and target != other for c, d, other in rows)
        assert (first in grouped) == clashes


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


def test_a_backend_that_does_not_take_the_problem_is_skipped() -> None:
    """The published arithmetic has no hidden layer."""
    walk = walkthrough("xor-hidden", ["numpy-published", "numpy"], None, silent)
    assert [run.backend for run in walk.runs] == ["numpy"]
    assert "trains one sigmoid" in walk.skipped[0][1]


@pytest.mark.parametrize(
    ("problem", "activation", "message"),
    [
        ("or-gat", None, "did you mean 'or-gate'"),
        ("mlp-width:8", None, "unknown problem"),
        ("or-gate", "sigmoidd", "unknown activation 'sigmoidd': did you mean 'sigmoid'"),
    ],
)
def test_unknown_names_are_refused(problem: str, activation: str | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        walkthrough(problem, ["numpy"], activation, silent)


def test_the_predictor_is_the_trained_model() -> None:
    """On the observations it gives the predictions of the table."""
    walk = walkthrough("xor-hidden", ["numpy"], None, silent)
    predictions = predictor(walk, None)(np.array(walk.inputs))
    np.testing.assert_allclose(predictions[:, 0], walk.runs[0].predictions)


def test_the_frameworks_sigmoid_is_ours() -> None:
    """What the figure shows, in numbers."""
    _, ours, framework = sigmoid_curve()
    if framework is None:
        pytest.skip("PyTorch is not installed")
    np.testing.assert_allclose(framework, ours, rtol=1e-12)
