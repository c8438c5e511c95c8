from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from perceptron.backends import registry
from perceptron.backends.shared import torch_data
from perceptron.backends.shared.torch_feed import FromHost, Resident
from tests.backends.batched import SHORT_LAST, SQUARES

if registry.reason_unavailable("torch-cpu"):
    pytest.skip(f"torch-cpu: {registry.reason_unavailable('torch-cpu')}", allow_module_level=True)

import torch

HOST_FED = replace(SHORT_LAST, feed="host")


def data(problem=SHORT_LAST, device: str = "cpu", classes: bool = True) -> torch_data.TrainingData:  # type: ignore[no-untyped-def]
    return torch_data.TrainingData(problem, torch.float32, torch.device(device), classes=classes)


def test_targets_are_classes_where_the_loss_takes_them() -> None:
    """Gradients derived by hand, and every other loss, take one value for each output."""
    rows = SHORT_LAST.dataset.rows
    assert (data().targets.shape, data().targets.dtype) == ((rows,), torch.int64)
    assert data(classes=False).targets.shape == (rows, 4)
    assert data(SQUARES).targets.shape == (rows, 4)


def test_data_that_are_fed_from_the_host_stay_there() -> None:
    """And what is resident lies on the device; where the host is the device nothing is copied."""
    fed, resident = (data(problem, "cpu") for problem in (HOST_FED, SHORT_LAST))
    assert not fed.is_copied
    assert isinstance(fed.feed(), Resident)
    assert isinstance(resident.feed(), Resident)
    assert {part.device.type for part in _parts(data(device="meta"))} == {"meta"}


def test_batches_are_copied_to_any_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the events of its own kind, of as many rows as are asked for at once."""
    made: list[int] = []
    monkeypatch.setattr(torch, "meta", SimpleNamespace(Event=lambda: made.append(1)), raising=False)
    monkeypatch.setattr(torch_data, "_IN_PLACE", ("cpu",))
    # Memory is pinned by a device's driver, and there is none.
    monkeypatch.setattr(torch_data, "FromHost", _unpinned)
    fed = data(HOST_FED, "meta")
    assert {part.device.type for part in _parts(fed)} == {"cpu"}
    feed = fed.feed(3)
    assert isinstance(feed, FromHost)
    assert len(made) == 3
    assert feed._device.type == "meta"


def test_rows_of_each_model_lie_along_the_second_axis() -> None:
    """Those of the folds that it trains on; of models that share their data there is one set."""
    shared = data(replace(SHORT_LAST, models=3))
    own = data(replace(SHORT_LAST, models=3, folds=True))
    assert (shared.axis, shared.rows, shared.inputs.shape) == (0, 120, (120, 12))
    assert (own.axis, own.rows, own.inputs.shape) == (1, 80, (3, 80, 12))
    assert own.targets.shape == (3, 80)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_what_numpy_has_no_type_for_comes_back_as_float32(dtype: torch.dtype) -> None:
    values = torch_data.to_host(torch.tensor([0.5, -2.0], dtype=dtype))
    assert values.tolist() == [0.5, -2.0]
    assert values.dtype == ("float64" if dtype == torch.float64 else "float32")


def _unpinned(*arguments: object, axis: int) -> FromHost:
    *_, rows, _, _ = arguments
    assert rows == 3 * 36
    return FromHost(*arguments, pin=False, axis=axis)  # type: ignore[arg-type]


def _parts(of: torch_data.TrainingData) -> list[torch.Tensor]:
    return [of.inputs, of.targets, of.orders]
