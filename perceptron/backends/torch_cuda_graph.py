"""PyTorch's step, recorded once as a CUDA graph and replayed: Python launches no kernels.

The recorded step is that of `torch-cuda` or of `torch-cuda-manual`, optimizer included. For several
models it is that of `torch-cuda`, which vmap traces only while it is recorded, or that of
`torch-cuda-bmm`. The steps of several models have never run on a GPU.

A replay repeats the recorded kernels on the recorded addresses, so data, parameters and the
optimizer's state keep their memory, and nothing in a step may read a value from the device. The
device counts rows itself: a graph ends by advancing the offset at which the next one begins.

Autograd keeps to the stream on which it first saw a parameter, and PyTorch's allocator keeps the
memory of each stream apart. So a trainer does everything on one stream: it makes its tensors, warms
up, records, replays and is evaluated there.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache, partial
from typing import Any, ClassVar, NamedTuple

from perceptron.backends.accelerators.protocol import device_type
from perceptron.backends.accelerators.torch_accelerator import TorchAccelerator
from perceptron.backends.protocol import Evaluation, LadderStep, Unsupported
from perceptron.backends.shared.evaluation import Scored
from perceptron.backends.shared.kernels import Kernel, trace
from perceptron.backends.shared.torch_backend import OnTorch, Pair
from perceptron.backends.torch_eager import EnsembleTrainer, ModuleTrainer, TorchTrainer
from perceptron.backends.torch_manual import BmmTrainer, ManualTrainer
from perceptron.errors import in_one_line
from perceptron.problems.batches import Batches
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem

Work = Callable[[], None]

# Until cuBLAS has its workspaces and the allocator its blocks; PyTorch's notes on CUDA graphs
# warm up three times.
WARM_UP_CALLS = 3


class CudaCapture:
    """Records CUDA graphs, all on one stream and in one pool of memory.

    Graphs may share a pool, in whatever order they are replayed, because no graph reads what
    another left in it: tensors that outlive a graph were made before the first graph.

    ``cuda`` has what `torch.cuda` has.
    """

    def __init__(self, cuda: Any) -> None:
        self._cuda = cuda
        self._stream = _stream(cuda)
        self._pool = cuda.graph_pool_handle()

    @contextmanager
    def on_stream(self) -> Iterator[None]:
        """Make the stream the current one.

        Its work begins after all work queued before, and ends before work queued afterwards.
        """
        outside = self._cuda.current_stream()
        self._stream.wait_stream(outside)
        with self._cuda.stream(self._stream):
            yield
        outside.wait_stream(self._stream)

    def record(self, work: Work) -> Work:
        """Return a function that repeats ``work`` in a single launch.

        Call this on the stream. Warming up and recording do the work several times. Raises
        `RuntimeError`, in one line with all errors in order, if the work cannot be recorded.
        """
        for _ in range(WARM_UP_CALLS):
            work()
        self._stream.synchronize()
        graph = self._cuda.CUDAGraph()
        try:
            with (
                _no_collection(),
                self._cuda.graph(graph, pool=self._pool, stream=self._stream),
            ):
                work()
        except RuntimeError as error:
            # Ending a failed recording raises another error, which hides the cause.
            raised: list[BaseException] = [error]
            while (before := raised[0].__context__) is not None:
                raised.insert(0, before)
            messages = "; then ".join(map(in_one_line, raised))
            raise RuntimeError(f"a CUDA graph could not be recorded: {messages}") from raised[0]
        replay: Work = graph.replay
        return replay


@cache
def _stream(cuda: Any) -> Any:
    """Return the stream of all recordings in this process: the default one cannot be recorded.

    There is one, because cuBLAS keeps a workspace on each stream, of 32 MiB on Hopper.
    """
    return cuda.Stream()


@contextmanager
def _no_collection() -> Iterator[None]:
    """Disable garbage collection: a graph destroyed while another is recorded spoils the other."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class Repeating:
    """Replaces `CudaCapture` where the CPU stands in for a GPU: repeats the work."""

    def on_stream(self) -> AbstractContextManager[None]:
        return nullcontext()

    def record(self, work: Work) -> Work:
        return work


def capture(device_type: str) -> CudaCapture | Repeating:
    """Return the recorder of graphs for a device type, ``cuda`` or ``cpu``."""
    if device_type == "cpu":
        return Repeating()
    import torch

    return CudaCapture(torch.cuda)


# In a graph; the check before timing takes ten iterations, so it replays what is timed.
STEPS = 10

Recordable = ModuleTrainer | ManualTrainer


class Kind(NamedTuple):
    """A kind of graph: ``steps`` steps, on ``rows`` rows each."""

    steps: int
    rows: int


class RecordedTrainer(Scored):
    """Records the steps of a trainer that ``make`` makes, and replays them, all on one stream.

    Batches are gathered in the graph.
    """

    def __init__(self, make: Callable[[], Recordable], capture: CudaCapture | Repeating) -> None:
        import torch

        self._capture, self._iteration = capture, 0
        with capture.on_stream():
            self.trainer = make()
            self._data = data = self.trainer.data
            self._batches = batches = data.batches
            self._place = torch.zeros(1, dtype=torch.int64, device=data.device)  # in the orders
            if batches is not None:
                self._ahead = torch.arange(STEPS * batches.size, device=data.device)
            self.graphs: dict[Kind, Work] = {
                kind: capture.record(partial(self._steps, kind))
                for kind in dict.fromkeys(kinds(batches, data.rows))
            }
            for replay in self.graphs.values():  # warm up: the first replay of a graph uploads it
                replay()
        self.reset()

    def train(self, iterations: int) -> None:
        self.queue(iterations)
        TorchAccelerator(self._data.device.type).synchronize()

    def queue(self, iterations: int) -> None:
        graphs = self.graphs
        with self._capture.on_stream():
            for kind in runs(self._batches, self._data.rows, self._iteration, iterations):
                graphs[kind]()
        self._iteration += iterations

    def reset(self) -> None:
        with self._capture.on_stream():
            self._place.zero_()
            self.trainer.reset()
        self._iteration = 0

    def evaluate(self) -> Evaluation:
        with self._capture.on_stream():
            return self.trainer.evaluate()

    def parameters(self) -> list[Array]:
        with self._capture.on_stream():
            return self.trainer.parameters()

    def _steps(self, kind: Kind) -> None:
        """Take the steps of a graph, while it is recorded."""
        batches = None if self._batches is None else self._recorded_batches(kind)
        self.trainer.take_recorded(kind.steps, batches)

    def _recorded_batches(self, kind: Kind) -> Iterator[Pair]:
        count, data, axis = kind.steps * kind.rows, self._data, self._data.axis
        places = (self._place + self._ahead[:count]).remainder_(len(data.orders))
        self._place.add_(count)
        for batch in data.orders.index_select(0, places).chunk(kind.steps):
            yield data.inputs.index_select(axis, batch), data.targets.index_select(axis, batch)


def kinds(batches: Batches | None, rows: int) -> tuple[Kind, Kind, Kind]:
    """Return the kinds of graph of a training on ``rows`` rows.

    They have several steps, one step, and one step on an epoch's short batch; two may be the same.
    """
    if batches is None:
        return Kind(STEPS, rows), Kind(1, rows), Kind(1, rows)
    several = Kind(min(STEPS, batches.full_from(0)), batches.size)
    return several, Kind(1, batches.size), Kind(1, batches.shortest)


def runs(batches: Batches | None, rows: int, iteration: int, iterations: int) -> Iterator[Kind]:
    """Yield the kinds of graph for the next ``iterations`` batches.

    The batches of a graph have the same length and are adjacent: no graph reaches past a short
    batch, nor past the end of all orders.
    """
    several, single, short = kinds(batches, rows)
    while iterations:
        full = iterations if batches is None else min(batches.full_from(iteration), iterations)
        kind = (several if full >= several.steps else single) if full else short
        yield kind
        iteration += kind.steps
        iterations -= kind.steps


class GraphBackend(OnTorch):
    """Computes what a backend of these trainers computes, kernel for kernel."""

    # An optimizer's first step would import the last of these.
    imports = ("torch", "torch._dynamo")
    trainer: ClassVar[Any] = TorchTrainer
    of_several: ClassVar[Any] = EnsembleTrainer
    at_once: ClassVar[dict[str, bool]] = {"foreach": True}
    """Options of the trainer on the meta device, whose default takes parameters one by one."""

    def require(self, problem: Problem, dtype: DType) -> None:
        """Raise `Unsupported` for batches from the host."""
        if problem.feed == "host":
            raise Unsupported('feed = "host": a recorded graph gathers batches on the device')

    def prepare(self, problem: Problem, dtype: DType) -> RecordedTrainer:
        self.require(problem, dtype)
        device = device_type(self)
        make = partial(self._trainer, problem, dtype, device, recorded=STEPS)
        return RecordedTrainer(make, capture(device))

    def kernels(self, problem: Problem, dtype: DType) -> list[Kernel]:
        """Return the kernels of a recorded step, without those that count rows; see `trace`.

        A recorded optimizer launches more: the device computes what the host would.
        """
        make = partial(self._trainer, problem, dtype, "meta", recorded=STEPS, **self.at_once)
        return trace(make, counts_host=False)


class ManualGraphBackend(GraphBackend):
    """Graphs of gradients derived by hand."""

    trainer, of_several = ManualTrainer, BmmTrainer
    at_once: ClassVar[dict[str, bool]] = {}


_REPLAYED = "launches from Python: recorded steps, replayed"
BACKEND = GraphBackend(
    "torch-cuda-graph",
    "cuda",
    f"PyTorch on a CUDA GPU: {STEPS} steps, optimizer included, in one CUDA graph",
    LadderStep(_REPLAYED, after="torch-cuda"),
)
MANUAL = ManualGraphBackend(
    "torch-cuda-manual-graph",
    "cuda",
    f"PyTorch on a CUDA GPU: as torch-cuda-manual, {STEPS} steps in one CUDA graph",
    LadderStep(_REPLAYED, after="torch-cuda-manual"),
    LadderStep(_REPLAYED, after="torch-cuda-bmm"),
)
