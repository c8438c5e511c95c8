"""Steps of a PyTorch trainer, recorded on the device and replayed: Python launches no kernels.

A replay repeats the recorded kernels on the recorded addresses, so data, parameters and the
optimizer's state stay where they are, and nothing in a step may ask the device for a value. Which
rows are next the device counts itself: a graph ends by moving the place at which the next one
begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple, Protocol

from perceptron.backends.accelerators.torch_accelerator import TorchAccelerator
from perceptron.backends.protocol import Evaluation, Trainer
from perceptron.backends.shared.torch_capture import Capture, Work
from perceptron.backends.shared.torch_data import TrainingData
from perceptron.backends.shared.torch_feed import Feed, Pair
from perceptron.problems.batches import Batches
from perceptron.problems.datasets import Array

if TYPE_CHECKING:
    import torch

# In one graph; the check before timing takes ten iterations, so it replays what is timed.
STEPS = 10


class Recordable(Trainer, Protocol):
    """A trainer whose steps can be recorded."""

    data: TrainingData
    feed: Feed
    """Of as many batches as a graph takes; absent where all rows are one batch."""

    def take_recorded(self, steps: int, batches: Iterable[Pair] | None) -> None:
        """Take so many steps, on these batches or on all rows, with nothing from the host in them.

        What changes from step to step the device must count itself.
        """

    @property
    def host_values(self) -> Sequence[torch.Tensor]:
        """What a step reads in host memory where the CPU stands in for a device; else nothing."""


class Kind(NamedTuple):
    """What a graph does: ``steps`` steps, on ``rows`` rows each."""

    steps: int
    rows: int


class RecordedTrainer:
    """``make`` makes the trainer whose steps are recorded; everything it does is on one stream.

    Of ``resident`` data batches are gathered in the graph. Of ``host`` data those of a whole graph
    are gathered and copied at once to where the graph reads them.
    """

    def __init__(self, make: Callable[[], Recordable], capture: Capture) -> None:
        import torch

        self._capture, self._iteration = capture, 0
        with capture.on_stream():
            self.trainer = make()
            self._data = data = self.trainer.data
            self._batches = batches = data.batches
            self._place = torch.zeros(1, dtype=torch.int64, device=data.device)  # in the orders
            self._is_staged = data.is_copied
            if batches is not None:
                rows, axis = STEPS * batches.size, data.axis
                self._ahead = torch.arange(rows, device=data.device)
                self._staged = [
                    torch.zeros(
                        (*values.shape[:axis], rows, *values.shape[axis + 1 :]),
                        dtype=values.dtype,
                        device=data.device,
                    )
                    for values in (data.inputs, data.targets)
                    if self._is_staged
                ]
            self.graphs: dict[Kind, Work] = {
                kind: capture.record(partial(self._steps, kind), self.trainer.host_values)
                for kind in kinds(batches, data.rows)
            }
            for replay in self.graphs.values():  # warm up: the first replay of a graph uploads it
                replay()
        self.reset()

    def train(self, iterations: int) -> None:
        self.queue(iterations)
        TorchAccelerator(self._data.device.type).synchronize()

    def queue(self, iterations: int) -> None:
        """Train without waiting for the device."""
        graphs = self.graphs
        with self._capture.on_stream():
            for begin, kind in self._runs(iterations):
                if self._is_staged:
                    self._stage(begin, begin + kind.steps * kind.rows)
                graphs[kind]()
        self._iteration += iterations

    def reset(self) -> None:
        with self._capture.on_stream():
            self._place.zero_()
            self.trainer.reset()
        self._iteration = 0

    def loss(self) -> float:
        return self.evaluate().train.loss

    def evaluate(self) -> Evaluation:
        with self._capture.on_stream():
            return self.trainer.evaluate()

    def parameters(self) -> list[Array]:
        with self._capture.on_stream():
            return self.trainer.parameters()

    def _runs(self, iterations: int) -> Iterator[tuple[int, Kind]]:
        if self._batches is None:
            return runs_of_all(self._data.rows, iterations)
        return runs(self._batches, self._iteration, iterations)

    def _steps(self, kind: Kind) -> None:
        """Take the steps of a graph: what is recorded."""
        batches = None if self._batches is None else self._recorded_batches(kind)
        self.trainer.take_recorded(kind.steps, batches)

    def _recorded_batches(self, kind: Kind) -> Iterator[Pair]:
        count, data, axis = kind.steps * kind.rows, self._data, self._data.axis
        if self._is_staged:
            inputs, targets = (
                values.narrow(axis, 0, count).chunk(kind.steps, axis) for values in self._staged
            )
            yield from zip(inputs, targets, strict=True)
            return
        places = (self._place + self._ahead[:count]).remainder_(len(data.orders))
        self._place.add_(count)
        for batch in data.orders.index_select(0, places).chunk(kind.steps):
            yield data.inputs.index_select(axis, batch), data.targets.index_select(axis, batch)

    def _stage(self, begin: int, end: int) -> None:
        """Copy the next batches to where the graphs expect them."""
        for staged, values in zip(self._staged, self.trainer.feed(begin, end), strict=True):
            staged.narrow(self._data.axis, 0, end - begin).copy_(values)


def kinds(batches: Batches | None, rows: int) -> list[Kind]:
    """Return the graphs that a training of so many rows is made of, the longest first."""
    if batches is None:
        return [Kind(STEPS, rows), Kind(1, rows)]
    many = Kind(min(STEPS, batches.full_from(0)), batches.size)
    return list(dict.fromkeys([many, Kind(1, batches.size), Kind(1, batches.shortest)]))


def runs_of_all(rows: int, iterations: int) -> Iterator[tuple[int, Kind]]:
    """Yield 0 and a graph for as many iterations as it has steps, all of them on all rows."""
    many, rest = divmod(iterations, STEPS)
    yield from repeat((0, Kind(STEPS, rows)), many)
    yield from repeat((0, Kind(1, rows)), rest)


def runs(batches: Batches, iteration: int, iterations: int) -> Iterator[tuple[int, Kind]]:
    """Yield where in `Batches.orders` the next batches begin, and the graph for them.

    The batches of a graph have one length and lie one behind the other: none reaches past a short
    batch, nor past the last of all orders.
    """
    many = Kind(min(STEPS, batches.full_from(0)), batches.size)
    one, short = Kind(1, batches.size), Kind(1, batches.shortest)
    while iterations:
        full = batches.full_from(iteration)
        kind = (many if min(full, iterations) >= many.steps else one) if full else short
        yield batches.bounds(iteration)[0], kind
        iteration += kind.steps
        iterations -= kind.steps
