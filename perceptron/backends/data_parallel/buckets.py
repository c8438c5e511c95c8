"""The buckets in which `DistributedDataParallel` sends gradients: one all-reduce for each.

Gradients are gathered in the order in which the backward pass makes them, the last layer's first.
A bucket is sent as soon as it is full; the first is small, so that sending begins early.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from perceptron.problems.problem import ITEMSIZE, DType, Problem

FIRST_BUCKET_BYTES = 2**20
"""PyTorch's ``dist._DEFAULT_FIRST_BUCKET_BYTES``."""
BUCKET_BYTES = 25 * 2**20
"""The default of ``bucket_cap_mb``."""


def bucket_bytes(problem: Problem, dtype: DType) -> tuple[int, ...]:
    """Return the bytes of each bucket of a problem's gradients, the first to be sent first."""
    itemsize = ITEMSIZE[dtype]
    sizes = []
    for fan_in, fan_out in pairwise(problem.widths):
        sizes += [fan_in * fan_out * itemsize, fan_out * itemsize]
    return buckets_of(sizes[::-1])


def buckets_of(sizes: Sequence[int]) -> tuple[int, ...]:
    """Return the bytes of each bucket of gradients of these sizes, in the order they are made.

    A gradient is never divided: a bucket is closed by the one that fills it, and may be larger
    than its limit. So does PyTorch's ``compute_bucket_assignment_by_size``.
    """
    buckets: list[int] = []
    filled, limit = 0, FIRST_BUCKET_BYTES
    for size in sizes:
        filled += size
        if filled >= limit:
            buckets.append(filled)
            filled, limit = 0, BUCKET_BYTES
    return (*buckets, filled) if filled else tuple(buckets)
