"""Which problems one block of a GPU can train by itself, and with which sizes.

One block of threads runs on one multiprocessor. A training that stays in it must have its data,
its parameters and what an iteration computes in that one's registers. Triton's arrays have powers
of two as sizes, so everything is padded to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod

from perceptron.backends.protocol import Unsupported
from perceptron.problems.problem import DType, Problem

MOST_LAYERS = 3
# Half of a multiprocessor's registers, of which NVIDIA's have 64 Ki of four bytes. Compiled for
# Turing and Hopper, what takes less keeps all but a few values in registers and its copies between
# threads in 64 KiB of shared memory; what takes more does neither.
MOST_BYTES = 128 * 1024
# All terms of a product are made at once and summed.
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
        """Terms of all sums of the largest product."""
        rows, *widths = self.padded
        return max(rows * prod(layer) for layer in pairwise(widths))


def block_of(problem: Problem) -> Block:
    """Return the sizes with which a problem is trained, whether or not they fit."""
    real = (problem.dataset.rows, *problem.widths)
    return Block(real, tuple(_power_of_two(size) for size in real))


def fitting(problem: Problem, dtype: DType) -> Block:
    """Return the sizes with which a problem is trained; raises `Unsupported` if it cannot be."""
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
            f"takes {-(-block.size // 1024):,} KiB, at most {MOST_BYTES // 1024} KiB are taken: "
            "all of it stays in one block's registers"
        )
    if block.terms > MOST_TERMS:
        raise Unsupported(f"sums up to {MOST_TERMS:,} terms of a product, not {block.terms:,}")
    return block


def _power_of_two(size: int) -> int:
    """Return the least power of two that is not smaller."""
    return 1 << (size - 1).bit_length()
