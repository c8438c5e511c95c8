"""A module in its worker: trained as a program trains it, and again from where it started."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from perceptron.measure.modules import ModuleTraining
from perceptron.questions.fastest.of_model import of_model

torch = pytest.importorskip("torch")
nn = torch.nn


def made() -> Any:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.BatchNorm1d(6), nn.Linear(6, 2))


@pytest.mark.parametrize("is_trained_before", [False, True])
@pytest.mark.parametrize("kind", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "NAdam"])
def test_module_trainer_takes_steps_of_program(
    kind: str, is_trained_before: bool, tmp_path: Path
) -> None:
    """Also from an optimizer that has taken some: where it then stands is the same."""
    model, inputs, targets = made(), torch.rand(8, 4), torch.rand(8, 2)
    optimizer = getattr(torch.optim, kind)(model.parameters(), lr=0.01)

    def step() -> None:
        error = nn.functional.mse_loss(model(inputs), targets)
        optimizer.zero_grad()
        error.backward()
        optimizer.step()

    if is_trained_before:
        step()
    described: Any = of_model(model, inputs, targets, "mse", optimizer, None).training
    described.write(tmp_path / "module")
    training = ModuleTraining(tmp_path / "module", "cpu", is_compiled=False)
    begun = copy.deepcopy(model.state_dict())
    training.train(3)
    for _ in range(3):
        step()
    assert all(map(torch.equal, training._model.state_dict().values(), model.state_dict().values()))
    training.reset()
    assert all(map(torch.equal, training._model.state_dict().values(), begun.values()))
    first = training._model.state_dict()["0.weight"].clone()
    training.train(3)
    assert not torch.equal(training._model.state_dict()["0.weight"], first)
    again = training._model.state_dict()["0.weight"].clone()
    training.reset()
    training.train(3)
    assert torch.equal(training._model.state_dict()["0.weight"], again)
