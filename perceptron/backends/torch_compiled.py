"""PyTorch compiled: many steps in one graph, by `torch.compile`'s compiler, TorchInductor.

On a CPU that writes C++, on a GPU kernels for Triton.

The traced graph goes to TorchInductor directly. `torch.compile` would add guards, which check at
every call whether the graph still fits; here it always does, and on four rows the checks took
longer than the ten steps. Batches are gathered inside the graph, by their indices.

Compiling takes seconds, all of them in `prepare`. TorchInductor caches compiled C++ on disk
(``TORCHINDUCTOR_CACHE_DIR``, by default below the temporary folder), and this module caches
finished graphs for the life of the process. So ``prepare_seconds`` is about half if the machine has
compiled the same graph before, and next to nothing for a second problem of the same shapes.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from itertools import pairwise, repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from perceptron.backends.accelerators.protocol import device_type
from perceptron.backends.protocol import LadderStep, Unsupported, thread_variables
from perceptron.backends.shared.compilers import cpp_unavailable, inductor_wrote, triton_unavailable
from perceptron.backends.shared.gradient import (
    Batch,
    Library,
    Network,
    activations_of,
    slope_scale,
    views,
)
from perceptron.backends.shared.torch_backend import OnTorch
from perceptron.backends.shared.update import adam_factors, update
from perceptron.backends.torch_manual import ManualTrainer
from perceptron.problems.cost import operations
from perceptron.problems.optimizer import Adam, Optimizer
from perceptron.problems.problem import Activation, DType, Loss, Problem

if TYPE_CHECKING:
    import torch

# Steps in one graph: divisors of ten, so that the ten iterations of the check before timing run
# nothing but the graph.
_UNROLLED = (10, 5, 2)
# Compiling takes about 0.5 s per layer and step.
_MOST_LAYERS_IN_A_GRAPH = 10
# From here up a step takes so long (over 50 µs) that avoiding a call saves a tenth of it at most,
# and compiling takes several times as long.
_FEW_OPERATIONS = 500_000


# Multiplications up to which a product is a loop inside the graph's one C++ function; a larger one
# is a call of BLAS, which costs a microsecond and splits the function.
_SMALL_PRODUCT = 4096

# (inputs, targets, rows, factors, parameters, *state) → [parameters, *state] after all steps. The
# ``rows`` are the indices of all batches, end to end, and the ``factors`` (steps, 2) those of Adam;
# empty where there are none.
Graph = Callable[..., "list[torch.Tensor]"]


class Model(NamedTuple):
    """Constants that are compiled into a graph; data and parameters are its arguments."""

    widths: tuple[int, ...]
    activations: tuple[Activation, ...]
    loss: Loss
    optimizer: Optimizer


@cache
def compiled(
    model: Model,
    steps: int,
    rows: int,
    batch: int | None,
    dtype: DType,
    threads: int,
    device: str,
) -> Graph:
    """Compile a graph for all problems of these shapes."""
    import torch
    from torch.fx.experimental.proxy_tensor import make_fx

    kind: Any = {"dtype": getattr(torch, dtype), "device": device}
    adam = isinstance(model.optimizer, Adam)
    parameters = sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(model.widths))
    flat = [torch.ones(parameters, **kind)] * (1 + model.optimizer.state_arrays)
    examples: list[Any] = [
        torch.ones((rows, model.widths[0]), **kind),
        torch.ones((rows, model.widths[-1]), **kind),
        torch.zeros(0 if batch is None else steps * batch, dtype=torch.int64, device=device),
        torch.ones((steps, 2) if adam else 0, **kind),
        *(tensor.clone() for tensor in flat),
    ]
    with torch.no_grad(), warnings.catch_warnings():
        # PyTorch 2.13 warns, while it imports its compiler, that it uses what it deprecates itself.
        warnings.simplefilter("ignore", DeprecationWarning)
        # On a GPU it advises TF32, which is not float32.
        warnings.filterwarnings("ignore", message="TensorFloat32", category=UserWarning)
        from torch._inductor import compile as compile_graph

        # The number of threads is in the generated code: as an option it is also part of the key
        # of the cache on disk.
        #
        # On a GPU PyTorch advises mode "reduce-overhead" for small steps: CUDA-graph trees. They
        # stay off, because a call of them is reported to cost 128 µs, and 176 µs more in Dynamo's
        # guards: more than launching the few kernels of a small step. Here many steps in a call
        # and fused kernels save launches; `torch-cuda-graph` shows what recording saves.
        options = {"cpp.threads": threads, "triton.cudagraphs": False}
        traced = make_fx(partial(train_steps, model, steps, batch))(*examples)
        graph: Graph = compile_graph(traced, examples, options)
        graph(*examples)  # the first call compiles the rest
    return graph


def train_steps(
    model: Model,
    steps: int,
    batch: int | None,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    rows: torch.Tensor,
    factors: torch.Tensor,
    parameters: torch.Tensor,
    *state: torch.Tensor,
) -> list[torch.Tensor]:
    """Take the steps of a graph while it is traced, without changing the arguments."""
    import torch

    widths, activations, loss, optimizer = model
    # Copies, because changes of views would be copied back.
    arrays, *states = (
        [array.clone() for array in views(flat, widths)] for flat in (parameters, *state)
    )
    gradients = [torch.empty_like(array) for array in arrays]
    network = Network(_library(), arrays, gradients, activations, loss)
    numbers: Iterator[Any] = iter(factors.unbind() if isinstance(optimizer, Adam) else repeat(None))

    def step() -> None:
        pair = next(numbers)
        for parameter, gradient, *state in zip(arrays, gradients, *states, strict=True):
            update(torch, optimizer, parameter, gradient, tuple(state), pair)

    count = inputs.shape[0] if batch is None else batch
    scale = inputs.new_full((), slope_scale(loss, count, widths[-1]))
    batches: Iterable[Batch]
    ones = inputs.new_ones(count)
    if batch is None:
        batches = repeat(network.whole_batch(inputs, targets, ones, scale), steps)
    else:
        batches = (
            network.batch(
                inputs.index_select(0, index), targets.index_select(0, index), ones, scale
            )
            for index in rows.reshape(steps, batch).unbind()
        )
    network.train(batches, step)
    return [torch.cat([array.reshape(-1) for array in trained]) for trained in (arrays, *states)]


def _library() -> Library:
    """Return PyTorch as a `Library` whose small products become loops in a graph."""
    import torch

    def matmul(
        left: torch.Tensor, right: torch.Tensor, out: torch.Tensor | None = None
    ) -> torch.Tensor:
        if left.numel() * right.shape[-1] > _SMALL_PRODUCT:
            product = left @ right
        else:
            product = (left.unsqueeze(-1) * right).sum(-2)
        return product if out is None else out.copy_(product)

    def layer(weights: torch.Tensor, bias: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
        return lambda values: matmul(values, weights).add_(bias)

    return Library(torch, layer, matmul, matmul, attrgetter("T"))


class CompiledTrainer(ManualTrainer):
    """Trains in whole graphs, and the remaining steps as `torch-cpu-manual` does.

    Those are the short batch of an epoch, and the few before it or at the end of a training.
    Batches are gathered by their indices in the graph: so the data lie on the device; if that is
    the host, the problem's ``feed`` makes no difference.
    """

    def __init__(self, problem: Problem, dtype: DType, device: str = "cpu") -> None:
        import torch

        super().__init__(problem, dtype, device)
        self._steps = unrolled(problem)
        model = Model(problem.widths, activations_of(problem), problem.loss, problem.optimizer)
        threads = torch.get_num_threads()
        self._graph = compiled(
            model, self._steps, problem.dataset.rows, problem.batch, dtype, threads, device
        )

    def queue(self, iterations: int) -> None:
        batches = self._batches
        while iterations:
            full = iterations if batches is None else batches.full_from(self._iteration)
            calls, remaining = divmod(min(full, iterations), self._steps)
            self._call(calls)
            if batches is not None and full < iterations and batches.shortest < batches.size:
                remaining += 1
            super().queue(remaining)
            iterations -= calls * self._steps + remaining

    def _call(self, calls: int) -> None:
        """Call the graph ``calls`` times, on the next full batches."""
        import torch

        graph, data = self._graph, (self.data.inputs, self.data.targets)
        arrays = start_arrays = [self._parameters, *self._state]
        with torch.inference_mode():
            for rows, factors in zip(self._rows(calls), self._factors_of(calls), strict=False):
                arrays = graph(*data, rows, factors, *arrays)
            for array, trained in zip(start_arrays, arrays, strict=True):
                array.copy_(trained)
        self._iteration += calls * self._steps

    def _rows(self, calls: int) -> Iterable[torch.Tensor]:
        """Return the row indices of each call."""
        if self._batches is None:
            return repeat(self.data.orders, calls)  # which is empty
        begin, _ = self._batches.bounds(self._iteration)
        count = self._steps * self._batches.size
        return self.data.orders[begin : begin + calls * count].reshape(calls, count).unbind()

    def _factors_of(self, calls: int) -> Iterable[torch.Tensor]:
        """Return Adam's factors (steps, 2) of each call; empty for other optimizers."""
        optimizer = self._problem.optimizer
        if not isinstance(optimizer, Adam):
            return repeat(self._start[:0], calls)
        steps = np.arange(1.0, calls * self._steps + 1.0) + self._iteration
        factors = np.stack(adam_factors(optimizer, steps), axis=1)
        return self._put(factors).reshape(calls, self._steps, 2).unbind()


def unrolled(problem: Problem) -> int:
    """Return the number of steps in a graph for this problem."""
    if operations(problem) > _FEW_OPERATIONS:
        return 1
    most = _MOST_LAYERS_IN_A_GRAPH // len(problem.layers)
    if problem.batches is not None:
        most = min(most, problem.batches.full_from(0))
    return next((steps for steps in _UNROLLED if steps <= most), 1)


class CompiledBackend(OnTorch):
    """Computes what `torch-cpu-manual` computes, with most calls from Python compiled away.

    On a CUDA GPU TorchInductor writes kernels for Triton instead of C++.
    """

    compiles = True
    one_model = True
    imports = ("torch", "torch._inductor.compile_fx", "torch.fx.experimental.proxy_tensor")
    _from_cache = False

    def unavailable(self) -> str | None:
        compiler = cpp_unavailable if device_type(self) == "cpu" else triton_unavailable
        return super().unavailable() or compiler()

    def environment(self, threads: int) -> dict[str, str]:
        # One kernel at a time needs no pool of compiling processes, idle beside the timed loop.
        return thread_variables(threads) | {"TORCHINDUCTOR_COMPILE_THREADS": "1"}

    def prepare(self, problem: Problem, dtype: DType) -> CompiledTrainer:
        if self.device != "cpu" and problem.feed == "host":
            raise Unsupported('feed = "host": a compiled graph gathers batches on the device')
        begin, before = time.time(), compiled.cache_info().misses
        trainer = CompiledTrainer(problem, dtype, device_type(self))
        trainer.train(trainer._steps)  # warm up: the thread pool
        trainer.reset()
        self._from_cache = compiled.cache_info().misses == before or not inductor_wrote(begin)
        return trainer

    def prepared_from_cache(self) -> bool:
        return self._from_cache


BACKEND = CompiledBackend(
    "torch-cpu-compiled",
    "cpu",
    f"PyTorch on the CPU: up to {_UNROLLED[0]} steps in one graph, compiled to C++",
    LadderStep("most calls from Python: many steps in one compiled graph", after="numpy-inplace"),
)
CUDA_BACKEND = CompiledBackend(
    "torch-cuda-compiled",
    "cuda",
    f"PyTorch on a CUDA GPU: up to {_UNROLLED[0]} steps in one graph, compiled by Triton",
    LadderStep(
        "most calls from Python and most launches: many steps in one compiled graph",
        after="torch-cuda",
    ),
)
