"""What docs/fastest.md shows for models in hand, run as a reader would."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import perceptron
from perceptron import fastest
from perceptron.questions.fastest.cache import FOLDER
from tests.conftest import ROOT
from tests.test_docs import runnable

torch = pytest.importorskip("torch")


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """What the reader has: digits in a module's dtype. Nothing is known, and nothing measured."""
    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(perceptron, "fastest", partial(fastest, measure="never"), raising=False)
    nn = torch.nn
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    inputs = np.random.default_rng(0).random((300, 64), dtype=np.float32)
    targets = inputs[:, :10].argmax(axis=1)
    data = torch.utils.data.TensorDataset(torch.tensor(inputs), torch.tensor(targets))
    return {
        "model": model,
        "inputs": inputs,
        "targets": targets,
        "optimizer": torch.optim.Adam(model.parameters()),
        "loader": torch.utils.data.DataLoader(data, batch_size=100),
    }


def block(comment: str) -> str:
    (code,) = runnable(ROOT / "docs" / "fastest.md", comment)
    return code


def test_fastest_page_first_call_picks_device(names: dict[str, Any]) -> None:
    exec(block("run with: model, inputs, targets, optimizer"), names)  # noqa: S102 our own page
    assert (names["advice"].backend, names["advice"].device) == ("torch-cpu", "cpu")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("library", ["skorch", "lightning"])
def test_fastest_page_library_trains_on_advised_device(names: dict[str, Any], library: str) -> None:
    pytest.importorskip(library)
    exec(block(f"run where installed: {library}"), names)  # noqa: S102 our own page
    module = names["net"].module_ if library == "skorch" else names["module"]
    assert {parameter.device.type for parameter in module.parameters()} == {names["advice"].device}
