"""What PyTorch trains on: in which form, where it lies, and how a batch of it comes."""

from __future__ import annotations

import pytest

from perceptron.backends import registry
from perceptron.backends.shared import torch_data, torch_feed
from perceptron.problems.batches import Batches
from tests.backends.batched import SHORT_LAST, SQUARES

if registry.reason_unavailable("torch-cpu"):
    pytest.skip(f"torch-cpu: {registry.reason_unavailable('torch-cpu')}", allow_module_level=True)

import torch


def data(problem=SHORT_LAST, device: str = "cpu", classes: bool = True) -> torch_data.TrainingData:  # type: ignore[no-untyped-def]
    return torch_data.TrainingData(problem, torch.float32, torch.device(device), classes=classes)


def test_targets_are_classes_where_the_loss_takes_them() -> None:
    """Gradients derived by hand, and every other loss, take one value for each output."""
    rows = SHORT_LAST.dataset.rows
    assert (data().targets.shape, data().targets.dtype) == ((rows,), torch.int64)
    assert data(classes=False).targets.shape == (rows, 4)
    assert data(SQUARES).targets.shape == (rows, 4)


BATCHES = Batches(rows=23, size=5)


INPUTS = torch.arange(46.0).reshape(23, 2)


TARGETS = torch.arange(23)


ORDERS = torch.from_numpy(BATCHES.orders)


class Copies:
    """A device that is behind: what it was told to copy lies in the buffer until it is waited for.

    It stands in for a GPU's events, and keeps what each one was asked in turn.
    """

    def __init__(self) -> None:
        self.log: list[str] = []
        self._made = 0

    def event(self) -> torch_feed.Event:
        copies, number = self, self._made
        self._made += 1

        class Event:
            def record(self) -> None:
                copies.log.append(f"copied from {number}")

            def synchronize(self) -> None:
                copies.log.append(f"waited for {number}")

        return Event()


def from_host(copies: Copies) -> torch_feed.FromHost:
    return torch_feed.FromHost(
        INPUTS, TARGETS, ORDERS, BATCHES.size, torch.device("cpu"), copies.event, pin=False
    )


@pytest.mark.parametrize("feed", [torch_feed.Resident(INPUTS, TARGETS, ORDERS), None])
def test_a_batch_is_the_rows_of_the_order(feed: torch_feed.Feed | None) -> None:
    """The last, shorter one of an epoch too, and those of the next epoch."""
    feed = feed or from_host(Copies())
    for begin, end in BATCHES.spans(0, 12):
        inputs, targets = feed(begin, end)
        rows = ORDERS[begin:end]
        assert torch.equal(inputs, INPUTS[rows])
        assert torch.equal(targets, TARGETS[rows])


def test_a_buffer_is_written_to_only_after_its_last_copy() -> None:
    """Buffers take turns, and each waits for its own copy: not for those that came after."""
    copies = Copies()
    feed = from_host(copies)
    for begin, end in BATCHES.spans(0, 5):
        feed(begin, end)
    turns = [0, 1, 2, 0, 1]
    assert copies.log == [
        word for number in turns for word in (f"waited for {number}", f"copied from {number}")
    ]


def test_batches_under_way_do_not_share_memory() -> None:
    """On a CPU a copy is the buffer itself: what was given stays until its buffer is next."""
    feed = from_host(Copies())
    spans = list(BATCHES.spans(0, torch_feed.BUFFERS))
    given = [feed(begin, end) for begin, end in spans]
    for (begin, end), (inputs, _) in zip(spans, given, strict=True):
        assert torch.equal(inputs, INPUTS[ORDERS[begin:end]])
