"""How batches come to a GPU from host memory."""

from __future__ import annotations

import pytest

from perceptron.backends import registry
from perceptron.backends.shared import torch_data
from perceptron.problems.batches import Batches

if registry.reason_unavailable("torch-cpu"):
    pytest.skip(f"torch-cpu: {registry.reason_unavailable('torch-cpu')}", allow_module_level=True)

import torch


class Copies:
    """Stands in for a GPU's events, and keeps what each one was asked in turn."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self._made = 0

    def event(self) -> torch_data.Event:
        copies, number = self, self._made
        self._made += 1

        class Event:
            def record(self) -> None:
                copies.log.append(f"copied from {number}")

            def synchronize(self) -> None:
                copies.log.append(f"waited for {number}")

        return Event()


def test_a_buffer_is_written_to_only_after_its_last_copy() -> None:
    """Buffers take turns, each waits for its own copy, and none has the memory of another.

    On a CPU a copy is the buffer itself: what was given stays until its buffer is next.
    """
    inputs, batches, copies = torch.arange(46.0).reshape(23, 2), Batches(rows=23, size=5), Copies()
    orders = torch.from_numpy(batches.orders)
    feed = torch_data.FromHost(
        inputs, torch.arange(23), orders, 5, torch.device("cpu"), copies.event, pin=False
    )
    spans = list(batches.spans(0, torch_data.BUFFERS + 2))
    given = [feed(begin, end) for begin, end in spans]
    turns = [0, 1, 2, 0, 1]
    assert copies.log == [
        word for number in turns for word in (f"waited for {number}", f"copied from {number}")
    ]
    for (begin, end), pair in list(zip(spans, given, strict=True))[-torch_data.BUFFERS :]:
        rows = orders[begin:end]
        assert torch.equal(pair[0], inputs[rows])
        assert torch.equal(pair[1], rows)
