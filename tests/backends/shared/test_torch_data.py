"""How batches come to a GPU from host memory."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from perceptron.backends import registry
from perceptron.backends.shared.torch_data import BUFFERS, TrainingData
from tests.backends.batched import SHORT_LAST

if registry.reason_unavailable("torch-cpu"):
    pytest.skip(f"torch-cpu: {registry.reason_unavailable('torch-cpu')}", allow_module_level=True)

import torch


def test_a_buffer_is_written_to_only_after_its_last_copy() -> None:
    """Buffers take turns, each waits for its own copy, and none has the memory of another.

    On a CPU a copy is the buffer itself: what was given stays until its buffer is next.
    """
    log: list[str] = []
    numbers = iter(range(BUFFERS))

    def event() -> SimpleNamespace:
        """Stand in for a GPU's event: note what it is asked."""
        number = next(numbers)
        return SimpleNamespace(
            record=lambda: log.append(f"copied from {number}"),
            synchronize=lambda: log.append(f"waited for {number}"),
        )

    data = TrainingData(SHORT_LAST, torch.float64, torch.device("cpu"), classes=True)
    assert data.batches is not None
    feed = data.from_host(data.batches.size, event, pin=False)
    spans = list(data.batches.spans(0, BUFFERS + 2))
    given = [feed(begin, end) for begin, end in spans]
    turns = [0, 1, 2, 0, 1]
    assert log == [
        word for number in turns for word in (f"waited for {number}", f"copied from {number}")
    ]
    for (begin, end), (inputs, targets) in list(zip(spans, given, strict=True))[-BUFFERS:]:
        rows = data.orders[begin:end]
        assert torch.equal(inputs, data.inputs[rows])
        assert torch.equal(targets, data.targets[rows])
