"""PyTorch's own step, recorded once as a CUDA graph and replayed: Python launches no kernels.

What is recorded is the step of `torch-cuda`, optimizer included. A replay repeats the recorded
kernels on the recorded addresses, so data, parameters and the optimizer's state stay where they
are, and nothing in a step may ask the device for a value. Which rows are next the device counts
itself: a graph ends by moving the place at which the next one begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

from perceptron.backends.accelerators.torch_accelerator import TorchAccelerator
from perceptron.backends.protocol import LadderStep
from perceptron.backends.shared.threads import thread_variables
from perceptron.backends.torch_eager import CUDA, TorchTrainer
from perceptron.problems.batches import Batches
from perceptron.problems.optimizer import Adam
from perceptron.problems.problem import DType, Problem
from perceptron.rehearsal import device_here, is_rehearsal

if TYPE_CHECKING:
    import torch

# In one graph; the check before timing takes ten iterations, so it replays what is timed.
STEPS = 10
# Until cuBLAS has its workspaces and the allocator its blocks; PyTorch's notes on CUDA graphs
# take three.
_WARM_UP_CALLS = 3

Work = Callable[[], None]
# some steps → a function that does the same, without launching them one by one
Record = Callable[[Work], Work]


class Kind(NamedTuple):
    """What a graph does: ``steps`` steps, on ``rows`` rows each."""

    steps: int
    rows: int


class GraphTrainer(TorchTrainer):
    """``record`` is what makes a graph: `record_cuda_graph`, or in tests something for a CPU.

    Of ``resident`` data batches are gathered in the graph. Of ``host`` data those of a whole graph
    are gathered and copied at once, as `torch-cuda` does with each, to where the graph reads them.
    """

    _batches_at_once = STEPS

    def __init__(self, problem: Problem, dtype: DType, device: str, record: Record) -> None:
        import torch

        self._place = torch.zeros(1, dtype=torch.int64, device=device)  # in the orders
        super().__init__(problem, dtype, device, capturable=device == "cuda")
        self._is_staged = problem.feed == "host"
        if self._batches is not None:
            rows = STEPS * self._batches.size
            self._ahead = torch.arange(rows, device=self._device)
            if self._is_staged:
                self._staged = [
                    torch.zeros((rows, *values.shape[1:]), dtype=values.dtype, device=self._device)
                    for values in (self._inputs, self._targets)
                ]
        if isinstance(problem.optimizer, Adam):
            self._keep_adam_state()
        self._graphs = {
            kind: record(partial(self._steps, kind))
            for kind in kinds(self._batches, len(self._inputs))
        }
        self.reset()

    def queue(self, iterations: int) -> None:
        """Train without waiting for the device."""
        graphs = self._graphs
        for begin, kind in self._runs(iterations):
            if self._is_staged:
                self._stage(begin, begin + kind.steps * kind.rows)
            graphs[kind]()
        self._iteration += iterations

    def reset(self) -> None:
        self._place.zero_()
        super().reset()

    def _runs(self, iterations: int) -> Iterator[tuple[int, Kind]]:
        if self._batches is None:
            return runs_of_all(len(self._inputs), iterations)
        return runs(self._batches, self._iteration, iterations)

    def _steps(self, kind: Kind) -> None:
        """Take the steps of a graph: what is recorded."""
        for inputs, targets in self._recorded_batches(kind):
            # Gradients are None when `backward` begins, so that it stores them instead of adding;
            # their memory belongs to the graph.
            self._optimizer.zero_grad(set_to_none=True)
            self._loss(self._model(inputs), targets).backward()
            self._optimizer.step()

    def _recorded_batches(self, kind: Kind) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        if self._batches is None:
            yield from repeat((self._inputs, self._targets), kind.steps)
        elif self._is_staged:
            inputs, targets = (values[: kind.steps * kind.rows] for values in self._staged)
            yield from zip(inputs.chunk(kind.steps), targets.chunk(kind.steps), strict=True)
        else:
            count = kind.steps * kind.rows
            places = (self._place + self._ahead[:count]).remainder_(len(self._orders))
            self._place.add_(count)
            for batch in self._orders.index_select(0, places).chunk(kind.steps):
                yield self._inputs.index_select(0, batch), self._targets.index_select(0, batch)

    def _stage(self, begin: int, end: int) -> None:
        """Copy the next batches to where the graphs expect them."""
        for staged, values in zip(self._staged, self._feed(begin, end), strict=True):
            staged[: end - begin].copy_(values)

    def _keep_adam_state(self) -> None:
        """Make Adam's arrays as it would itself, but count its steps in the parameters' dtype.

        A captured step corrects its bias on the device, from a count that PyTorch makes float32:
        with five digits, which is too few for float64.
        """
        import torch

        for parameter in self._model.parameters():
            self._optimizer.state[parameter] = {
                "step": torch.zeros((), dtype=self._dtype, device=self._device),
                "exp_avg": torch.zeros_like(parameter, memory_format=torch.preserve_format),
                "exp_avg_sq": torch.zeros_like(parameter, memory_format=torch.preserve_format),
            }


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


def record_cuda_graph(work: Work) -> Work:
    """Record ``work`` on the present device; warming up changes parameters and places."""
    import torch

    # Capture is forbidden on the default stream. Autograd keeps to the stream on which it first
    # saw a parameter, so warming up and capturing share one.
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(_WARM_UP_CALLS):
            work()
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        work()
    replay: Work = graph.replay
    return replay


def recorder() -> Record:
    """Return what makes a graph; in a rehearsal, on the CPU, what calls the work again."""
    return record_nothing if is_rehearsal() else record_cuda_graph


def record_nothing(work: Work) -> Work:
    """Return the work itself, done once as recording does: what stands in where nothing records."""
    work()
    return work


class GraphBackend:
    """What `torch-cuda` computes, kernel for kernel."""

    name = "torch-cuda-graph"
    device = "cuda"
    summary = f"PyTorch on a CUDA GPU: {STEPS} steps, optimizer included, in one CUDA graph"
    rung = LadderStep("launches from Python: recorded steps, replayed", after="torch-cuda")
    imports = ("torch",)
    accelerator = TorchAccelerator("cuda")

    def unavailable(self) -> str | None:
        return CUDA.unavailable()

    def environment(self, threads: int) -> dict[str, str]:
        return thread_variables(threads)

    def prepare(self, problem: Problem, dtype: DType) -> GraphTrainer:
        trainer = GraphTrainer(problem, dtype, device_here(self.device), recorder())
        for replay in trainer._graphs.values():  # warm up: the first replay of a graph uploads it
            replay()
        trainer.reset()
        return trainer


BACKEND = GraphBackend()
