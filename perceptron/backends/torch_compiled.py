"""PyTorch compiled: many steps in one graph, turned into C++ by `torch.compile`'s own compiler.

The graph is handed to TorchInductor as it was traced. `torch.compile` would put guards in front of
it, which check at every call whether the graph still fits; here it always does, and on four rows
the checks took longer than the ten steps.

Compiling takes seconds, all of them in `prepare`. What the C++ compiler made stays in
TorchInductor's cache on disk (``TORCHINDUCTOR_CACHE_DIR``, by default below the temporary folder),
and a finished graph stays here for the life of the process. So ``prepare_seconds`` is about half
where the machine has compiled the same graph before, and next to nothing for a second problem of
the same shapes.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
import warnings
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perceptron.backends.protocol import LadderStep
from perceptron.backends.shared.gradient import Network, descend
from perceptron.backends.shared.threads import thread_variables
from perceptron.backends.torch_eager import CPU
from perceptron.backends.torch_manual import ManualTrainer
from perceptron.problems.cost import operations
from perceptron.problems.problem import Activation, DType, Loss, Problem

if TYPE_CHECKING:
    import torch

# Steps in one graph: divisors of ten, so that the ten iterations of the check before timing run
# nothing but the graph.
_UNROLLED = (10, 5, 2)
# Compiling takes about 0.5 s per layer and step.
_MOST_LAYERS_IN_A_GRAPH = 10
# From here up a step takes so long (over 100 µs) that a call more or less does not matter.
_FEW_OPERATIONS = 1_000_000
# Multiplications up to which a product is a loop inside the graph's one C++ function; a larger one
# is a call of BLAS, which costs a microsecond and splits the function.
_SMALL_PRODUCT = 4096

# (inputs, targets, ones, rate, *parameters) → parameters after the graph's steps
Graph = Callable[..., "list[torch.Tensor]"]


class CompiledTrainer(ManualTrainer):
    """Trains in whole graphs, and the remaining iterations as `torch-cpu-manual` does."""

    def __init__(self, problem: Problem, dtype: DType) -> None:
        import torch

        super().__init__(problem, dtype)
        network = self._network
        self._steps = unrolled(problem)
        self._graph = _compiled(
            self._steps,
            problem.dataset.rows,
            problem.widths,
            network.activations,
            network.loss,
            dtype,
            torch.get_num_threads(),
        )
        rate = torch.tensor(network.rate, dtype=network.inputs.dtype)
        self._constants = (network.inputs, network.targets, network.ones, rate)

    def train(self, iterations: int) -> None:
        import torch

        calls, rest = divmod(iterations, self._steps)
        graph, constants, parameters = self._graph, self._constants, self._network.parameters
        with torch.inference_mode():
            for _ in range(calls):
                parameters = graph(*constants, *parameters)
            for own, parameter in zip(self._network.parameters, parameters, strict=True):
                own.copy_(parameter)
        super().train(rest)


def unrolled(problem: Problem) -> int:
    """Return how many steps of this problem go into one graph."""
    if operations(problem) > _FEW_OPERATIONS:
        return 1
    layers = len(problem.layers)
    return next((steps for steps in _UNROLLED if steps * layers <= _MOST_LAYERS_IN_A_GRAPH), 1)


@cache
def _compiled(
    steps: int,
    rows: int,
    widths: tuple[int, ...],
    activations: tuple[Activation, ...],
    loss: Loss,
    dtype: DType,
    threads: int,
) -> Graph:
    """Compile a graph for all problems of these shapes: data, rate and parameters are arguments."""
    import torch
    from torch.fx.experimental.proxy_tensor import make_fx

    def train(
        inputs: torch.Tensor,
        targets: torch.Tensor,
        ones: torch.Tensor,
        rate: Any,
        *start: torch.Tensor,
    ) -> list[torch.Tensor]:
        parameters = [tensor.clone() for tensor in start]
        network = Network(inputs, targets, ones, parameters, activations, loss, rate)
        descend(_Functions(), network, steps)
        return parameters

    kind = getattr(torch, dtype)
    shapes = [(rows, widths[0]), (rows, 1), (rows,), ()]
    for fan_in, fan_out in pairwise(widths):
        shapes += [(fan_in, fan_out), (fan_out,)]
    examples: list[Any] = [torch.ones(shape, dtype=kind) for shape in shapes]
    with torch.no_grad(), warnings.catch_warnings():
        # PyTorch 2.13 warns, while it imports its compiler, that it uses what it deprecates itself.
        warnings.simplefilter("ignore", DeprecationWarning)
        from torch._inductor import compile as compile_graph

        # The number of threads stands in the generated code: as an option it is also a part of the
        # key under which the code is kept on disk.
        options = {"cpp.threads": threads}
        graph: Graph = compile_graph(make_fx(train)(*examples), examples, options)
        graph(*examples)  # the first call compiles what is left
    return graph


class _Functions:
    """torch's functions; only `matmul` is our own."""

    def __getattr__(self, name: str) -> Any:
        import torch

        return getattr(torch, name)

    @staticmethod
    def matmul(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        if left.numel() * right.shape[-1] > _SMALL_PRODUCT:
            return left @ right
        return (left.unsqueeze(-1) * right).sum(-2)


class CompiledBackend:
    """What `torch-cpu-manual` computes, with most of the calls from Python compiled away."""

    name = "torch-cpu-compiled"
    compiles = True
    device = "cpu"
    summary = f"PyTorch on the CPU: up to {_UNROLLED[0]} steps in one graph, compiled to C++"
    rung = LadderStep(
        "most calls from Python: many steps in one compiled graph", after="numpy-inplace"
    )
    imports = ("torch", "torch._inductor.compile_fx", "torch.fx.experimental.proxy_tensor")

    def unavailable(self) -> str | None:
        return CPU.unavailable() or _compiler_unavailable()

    def environment(self, threads: int) -> dict[str, str]:
        # One kernel at a time needs no pool of compiling processes, idle beside the timed loop.
        return thread_variables(threads) | {"TORCHINDUCTOR_COMPILE_THREADS": "1"}

    def prepare(self, problem: Problem, dtype: DType) -> CompiledTrainer:
        trainer = CompiledTrainer(problem, dtype)
        trainer.train(trainer._steps)  # warm up: the thread pool
        trainer.reset()
        return trainer


def _compiler_unavailable() -> str | None:
    default = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    compiler = os.environ.get("CXX", default)
    if shutil.which(compiler) is None:
        problem = "no C++ compiler found" if compiler == default else f"CXX={compiler} not found"
        return f"{problem}: install {default}"
    header = Path(sysconfig.get_path("include"), "Python.h")
    return None if header.exists() else f"{header.name} not found: install python3-dev"


BACKEND = CompiledBackend()
