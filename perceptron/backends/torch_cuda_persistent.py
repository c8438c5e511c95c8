"""The whole training in one kernel: a loop inside a Triton kernel, on one block of the GPU.

A launch takes a GPU longer than a tiny model's iteration. Here `train` launches once, whatever the
number of iterations: parameters are read into registers, stay there from step to step, and are
written back at the end. A block runs on one multiprocessor, so the rest of the GPU is idle, and
data, parameters and an iteration's values must fit into the registers of that multiprocessor.

Without a GPU Triton's interpreter runs the kernel, at milliseconds an iteration.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from types import ModuleType

from perceptron import optional
from perceptron.backends.accelerators.protocol import device_type
from perceptron.backends.protocol import LadderStep, Unsupported, thread_variables
from perceptron.backends.shared.compilers import INTERPRET, triton_unavailable
from perceptron.backends.shared.flat_trainer import FlatTrainer
from perceptron.backends.shared.gradient import activations_of, outputs_of, step_scale
from perceptron.backends.shared.torch_backend import DeviceTrainer, OnTorch
from perceptron.backends.torch_manual import matrices
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem

# A longer training is several launches: a GPU that also draws a screen kills a kernel that blocks
# drawing for seconds. The walk-through's training is one launch.
ITERATIONS_IN_A_LAUNCH = 10_000

MOST_LAYERS = 3
# Half of a multiprocessor's registers, of which NVIDIA's have 64 Ki of four bytes. Compiled for
# Turing and Hopper, kernels up to this size keep all but a few values in registers and copies
# between threads in 64 KiB of shared memory; larger ones do neither.
MOST_BYTES = 128 * 1024
# All terms of a product are computed at once and then summed.
MOST_TERMS = 8 * 1024
_TERMS_OF_A_WARP = 1024  # 32 for each thread
_MOST_WARPS = 8


@dataclass(frozen=True)
class Block:
    """Sizes of a kernel: (rows, features, width of each layer), ``real`` and ``padded``."""

    real: tuple[int, ...]
    padded: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes of data, parameters and gradients, and of each layer's outputs and slopes."""
        rows, *widths = self.padded
        values = rows * (widths[0] + widths[-1])
        values += sum(2 * (rows + fan_in + 1) * fan_out for fan_in, fan_out in pairwise(widths))
        return 4 * values

    @property
    def warps(self) -> int:
        """Number of warps of 32 threads that share the work."""
        return min(_MOST_WARPS, max(1, self.terms // _TERMS_OF_A_WARP))

    @property
    def terms(self) -> int:
        """Number of terms in all sums of the largest matrix product."""
        rows, *widths = self.padded
        return max(rows * prod(layer) for layer in pairwise(widths))


def block_of(problem: Problem) -> Block:
    """Return the kernel's sizes for a problem, whether or not they fit."""
    real = (problem.dataset.rows, *problem.widths)
    return Block(real, tuple(_power_of_two(size) for size in real))


def fitting(problem: Problem, dtype: DType) -> Block:
    """Return the kernel's sizes for a problem; raises `Unsupported` if they do not fit."""
    if dtype != "float32":
        raise Unsupported(f"trains in float32 only, not in {dtype}")
    if problem.batch is not None:
        raise Unsupported("trains on all rows at once, not on batches")
    if not problem.optimizer.is_plain:
        raise Unsupported(f"trains by plain sgd only, not by {problem.optimizer.kind}")
    if len(problem.layers) > MOST_LAYERS:
        raise Unsupported(f"trains up to {MOST_LAYERS} layers, not {len(problem.layers)}")
    block = block_of(problem)
    if block.size > MOST_BYTES:
        raise Unsupported(
            f"needs {-(-block.size // 1024):,} KiB of one block's registers, "
            f"at most {MOST_BYTES // 1024} KiB are used"
        )
    if block.terms > MOST_TERMS:
        raise Unsupported(f"sums up to {MOST_TERMS:,} terms of a product, not {block.terms:,}")
    return block


def _power_of_two(size: int) -> int:
    """Return the least power of two that is at least ``size``."""
    return 1 << (size - 1).bit_length()


class PersistentTrainer(DeviceTrainer, FlatTrainer):
    """Trains by launches of the kernel, which read and write the flat parameters."""

    def __init__(self, problem: Problem, dtype: DType, device: str) -> None:
        import torch

        self._block = fitting(problem, dtype)
        super().__init__(problem, dtype, device, classes=False)
        self._kernel = kernel()
        self._lay_out(torch)
        self._rate = step_scale(problem, self.data.rows, with_rate=True)

    def queue(self, iterations: int) -> None:
        problem, launch = self._problem, self._kernel.launch
        for begin in range(0, iterations, ITERATIONS_IN_A_LAUNCH):
            launch(
                self._parameters,
                self.data.inputs,
                self.data.targets,
                min(ITERATIONS_IN_A_LAUNCH, iterations - begin),
                self._rate,
                self._block,
                activations_of(problem),
                problem.loss,
            )

    def reset(self) -> None:
        super().reset()
        self._accelerator.synchronize()

    def _predict(self, inputs: Array) -> Array:
        arrays, values = self._views(self._parameters), self._put(inputs)
        return self._host(outputs_of(self._problem, matrices(), arrays, values))


def kernel() -> ModuleType:
    """Import Triton and return the module of the kernel; without a GPU the CPU interprets it."""
    if device_type(BACKEND) == "cpu":
        os.environ.setdefault(INTERPRET, "1")
    from perceptron.backends.shared import persistent_kernel

    return persistent_kernel


class PersistentBackend(OnTorch):
    """Trains problems that fit into one block, by plain gradient descent in float32."""

    imports = ("torch", "triton")
    compiles = True
    one_model = True

    def unavailable(self) -> str | None:
        if reason := super().unavailable():
            return reason
        is_interpreted = device_type(self) == "cpu"
        return optional.missing("triton") if is_interpreted else triton_unavailable()

    def environment(self, threads: int) -> dict[str, str]:
        return thread_variables(threads) | ({INTERPRET: "1"} if device_type(self) == "cpu" else {})

    def require(self, problem: Problem, dtype: DType) -> None:
        """Raise `Unsupported` for a problem that does not fit into one block."""
        fitting(problem, dtype)

    def prepare(self, problem: Problem, dtype: DType) -> PersistentTrainer:
        trainer = PersistentTrainer(problem, dtype, device_type(self))
        try:
            trainer.train(2)  # compiles
        except trainer._kernel.OutOfResources as error:
            raise Unsupported(f"does not fit into one block of this GPU: {error}") from error
        trainer.reset()
        return trainer


BACKEND = PersistentBackend(
    "torch-cuda-persistent",
    "cuda",
    "Triton on a CUDA GPU: the whole loop in one kernel, on one block",
    LadderStep("launches: the whole loop is one kernel", after="torch-cuda-graph"),
)
