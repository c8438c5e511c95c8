"""`perceptron walkthrough`: what its chapters print, draw and find out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perceptron.questions.walkthrough.figures import sigmoid_curve
from tests.conftest import Perceptron


def document_of(here: Perceptron, *typed: str) -> dict[str, Any]:
    process = here("walkthrough", *typed, "--json")
    assert process.returncode == 0, process.stderr
    document: dict[str, Any] = json.loads(process.stdout)
    return document


def test_identity_in_place_of_the_sigmoid_learns_nothing_of_the_or_gate(here: Perceptron) -> None:
    """Without it the gradients of the four observations cancel."""
    (run,) = document_of(here, "or-gate", "--backend", "numpy", "--activation", "identity")["runs"]
    assert run["errors"][-1][1] == pytest.approx(run["errors"][0][1], rel=0.01)


def test_walkthrough_sigmoid_agrees_with_framework() -> None:
    """What the figure shows, in numbers."""
    _, ours, framework = sigmoid_curve()
    if framework is None:
        pytest.skip("PyTorch is not installed")
    np.testing.assert_allclose(framework, ours, rtol=1e-12)


@pytest.mark.slow
def test_backends_give_one_curve_on_the_digits(here: Perceptron, tmp_path: Path) -> None:
    """NumPy and PyTorch from one start over one order of batches, whatever they compute in."""
    pytest.importorskip("sklearn")
    backends = ("--backend", "numpy", "torch-cpu", "numpy-published")
    document = document_of(here, "digits", *backends, "--save", "figures")
    assert (tmp_path / "figures" / "digits-mistakes.png").exists()
    assert "numpy-published" in {entry["backend"] for entry in document["skipped"]}
    numpy, *others = document["runs"]
    assert numpy["accuracy"]["test"] >= 0.96
    if not others:
        pytest.skip("torch is not installed")
    assert [(run["backend"], run["dtype"]) for run in document["runs"]] == [
        ("numpy", "float64"),
        ("torch-cpu", "float32"),
    ]
    for (_, ours), (_, theirs) in zip(numpy["errors"], others[0]["errors"], strict=True):
        assert theirs == pytest.approx(ours, rel=1e-3)
    assert others[0]["confusion"] == numpy["confusion"]
