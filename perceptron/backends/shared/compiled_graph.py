"""Many steps of a training in one graph: traced by PyTorch, compiled by TorchInductor."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import cache, cached_property, partial
from itertools import pairwise, repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from perceptron.backends.shared.gradient import (
    Batch,
    Network,
    batch_of,
    slope_scale,
    train,
    views,
    whole_batch,
)
from perceptron.backends.shared.update import update
from perceptron.problems.optimizer import Adam, Optimizer
from perceptron.problems.problem import Activation, DType, Loss

if TYPE_CHECKING:
    import torch

# Multiplications up to which a product is a loop inside the graph's one C++ function; a larger one
# is a call of BLAS, which costs a microsecond and splits the function.
_SMALL_PRODUCT = 4096

# (inputs, targets, rows, factors, parameters, *state) → [parameters, *state] after all steps. The
# ``rows`` are the indices of all batches, end to end, and the ``factors`` (steps, 2) those of Adam;
# empty where there are none.
Graph = Callable[..., "list[torch.Tensor]"]


class Model(NamedTuple):
    """What is compiled into a graph; data and parameters are its arguments."""

    widths: tuple[int, ...]
    activations: tuple[Activation, ...]
    loss: Loss
    optimizer: Optimizer


class _Unpacked(Network):
    """The network inside a graph: arrays of their own, because views would be copied back."""

    @cached_property
    def arrays(self) -> list[torch.Tensor]:
        return [array.clone() for array in views(self.parameters, self.widths)]

    @cached_property
    def gradient_arrays(self) -> list[torch.Tensor]:
        import torch

        return [torch.empty_like(array) for array in self.arrays]


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
        # On a GPU it advises TF32, which is not what was asked for.
        warnings.filterwarnings("ignore", message="TensorFloat32", category=UserWarning)
        from torch._inductor import compile as compile_graph

        # The number of threads stands in the generated code: as an option it is also a part of the
        # key under which the code is kept on disk.
        #
        # On a GPU PyTorch advises mode "reduce-overhead" for small steps: CUDA-graph trees. They
        # stay off, because a call of them is reported to cost 128 µs, and 176 µs more in Dynamo's
        # guards: more than launching the few kernels of a small step. What saves launches here is
        # many steps in a call and fused kernels; `torch-cuda-graph` shows what recording saves.
        options = {"cpp.threads": threads, "triton.cudagraphs": False}
        traced = make_fx(partial(train_steps, model, steps, batch))(*examples)
        graph: Graph = compile_graph(traced, examples, options)
        graph(*examples)  # the first call compiles what is left
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
    """Take the steps of a graph: what is traced. Changes none of its arguments."""
    import torch

    widths, activations, loss, optimizer = model
    xp = _Functions()
    network = _Unpacked(parameters, None, widths, activations, loss)
    kept = [[array.clone() for array in views(flat, widths)] for flat in state]
    numbers: Iterator[Any] = iter(factors.unbind() if isinstance(optimizer, Adam) else repeat(None))

    def step() -> None:
        pair = next(numbers)
        for parameter, gradient, *own in zip(
            network.arrays, network.gradient_arrays, *kept, strict=True
        ):
            update(xp, optimizer, parameter, gradient, tuple(own), pair)

    count = inputs.shape[0] if batch is None else batch
    scale = inputs.new_full((), slope_scale(loss, count, widths[-1]))
    batches: Iterable[Batch]
    if batch is None:
        batches = repeat(whole_batch(network, inputs, targets, scale), steps)
    else:
        ones = inputs.new_ones(batch)
        batches = (
            batch_of(inputs.index_select(0, index), targets.index_select(0, index), ones, scale)
            for index in rows.reshape(steps, batch).unbind()
        )
    train(xp, network, batches, step)
    trained = [network.arrays, *kept]
    return [torch.cat([array.reshape(-1) for array in arrays]) for arrays in trained]


class _Functions:
    """torch's functions; only `matmul` is our own."""

    def __getattr__(self, name: str) -> Any:
        import torch

        return getattr(torch, name)

    @staticmethod
    def matmul(
        left: torch.Tensor, right: torch.Tensor, out: torch.Tensor | None = None
    ) -> torch.Tensor:
        if left.numel() * right.shape[-1] > _SMALL_PRODUCT:
            product = left @ right
        else:
            product = (left.unsqueeze(-1) * right).sum(-2)
        return product if out is None else out.copy_(product)
