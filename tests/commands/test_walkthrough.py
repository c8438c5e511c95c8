"""`perceptron walkthrough` as a process: its document, its words, its files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Perceptron


def test_the_walk_through_prints_the_contract(perceptron: Perceptron) -> None:
    """Ten errors at steps 0 … 9000, weights, bias, predictions and seconds for each backend."""
    process = perceptron("walkthrough", "or-gate", "--json")
    assert process.returncode == 0
    document = json.loads(process.stdout)
    assert document["problem"] == "or-gate"
    runs = {entry["backend"]: entry for entry in document["runs"]}
    numpy = runs["numpy"]
    assert numpy["dtype"] == "float64"
    assert [step for step, _ in numpy["errors"]] == list(range(0, 10_000, 1000))
    assert [f"{weight:.8f}" for weight in numpy["weights"]] == ["9.98578506", "9.98589032"]
    assert numpy["bias"] == pytest.approx(-4.52752860008788, abs=1e-11)
    assert [f"{entry:.6f}" for entry in numpy["predictions"]] == [
        "0.010692",
        "0.995758",
        "0.995757",
        "1.000000",
    ]
    assert numpy["seconds"] > 0
    if "torch-cpu" in runs:
        torch = runs["torch-cpu"]
        assert torch["dtype"] == "float32"
        assert torch["weights"] == pytest.approx([9.985788, 9.985894], abs=1e-5)
        assert torch["bias"] == pytest.approx(-4.52752685546875, abs=1e-5)
    reasons = {entry["backend"]: entry["reason"] for entry in document["skipped"]}
    assert set(reasons) | set(runs) == {"numpy", "torch-cpu", "torch-cuda"}


def test_figures_are_saved_where_asked_for(here: Perceptron, tmp_path: Path) -> None:
    process = here("walkthrough", "xor-hidden", "--backend", "numpy", "--save", "figures")
    assert process.returncode == 0
    assert (tmp_path / "figures" / "xor-hidden-decision.png").exists()


def test_the_chapter_on_digits_prints_the_contract(here: Perceptron, tmp_path: Path) -> None:
    """Accuracy on both parts in place of weights and predictions, errors by epoch."""
    pytest.importorskip("sklearn")
    process = here("walkthrough", "digits", "--backend", "numpy", "--json", "--save", "figures")
    assert process.returncode == 0, process.stderr
    document = json.loads(process.stdout)
    assert document["problem"] == "digits"
    (run,) = document["runs"]
    assert [epoch for epoch, _ in run["errors"]] == list(range(31))
    assert run["errors"][-1][1] < run["errors"][0][1] / 10
    assert run["accuracy"]["test"] >= 0.96
    assert set(run["accuracy"]) == {"train", "test"}
    assert run["seconds"] > 0
    assert (tmp_path / "figures" / "digits-mistakes.png").exists()
