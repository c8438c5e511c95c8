"""A whole training as one Triton kernel: one block, whose registers hold the parameters.

Import this only to train: the first import of Triton decides whether it compiles kernels or
interprets them (``TRITON_INTERPRET=1``, on the CPU).

The arithmetic is that of `gradient`, for plain steps. It is separate for its speed: an iteration
launches no kernel.

Triton's arrays have powers of two as sizes. Every array is padded with zeros to one, and padded
rows and columns are masked so that they add nothing to a gradient: rows in the slope of the loss,
columns in each layer's output.
"""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl
from triton.runtime.errors import OutOfResources

from perceptron.problems.problem import Activation, Loss

__all__ = ["OutOfResources", "launch"]

_IS_INTERPRETED: bool = triton.knobs.runtime.interpret


def _part(function: Any) -> Any:
    """Decorate a function that a kernel calls, unless kernels are interpreted.

    The interpreter accepts plain functions; each call of a decorated one takes it a millisecond.
    """
    return function if _IS_INTERPRETED else triton.jit(function)


def launch(
    parameters: Any,
    inputs: Any,
    targets: Any,
    iterations: int,
    rate: float,
    block: Any,
    activations: tuple[Activation, ...],
    loss: Loss,
) -> None:
    """Train on the current device without waiting for it; ``parameters`` are a flat tensor.

    ``rate`` includes the factor of the loss's slope, ``block`` is a `torch_cuda_persistent.Block`.
    """
    train[(1,)](
        parameters,
        inputs,
        targets,
        # The interpreter of Triton 3.6 makes an array of a number, which NumPy refuses to count to.
        tl.constexpr(iterations) if _IS_INTERPRETED else iterations,
        rate,
        block.real,
        block.padded,
        activations,
        "l1" if loss in ("l1-sum", "l1-mean") else loss,
        num_warps=block.warps,
        # One rounding where a product is added to: CUDA's default, and so far Triton's.
        enable_fp_fusion=True,
    )


# Otherwise 1 and multiples of 16 would each be compiled anew, while training is timed.
@triton.jit(do_not_specialize=["iterations"])
def train(
    parameters,
    inputs,
    targets,
    iterations,
    rate,
    REAL: tl.constexpr,
    PADDED: tl.constexpr,
    ACTIVATIONS: tl.constexpr,
    LOSS: tl.constexpr,
):
    """Take ``iterations`` training steps.

    ``REAL`` and ``PADDED`` are (rows, features, width 1, …); ``parameters`` have the order of
    `Problem.start_parameters`. For a product an array of all its terms is summed.
    """
    LAYERS: tl.constexpr = len(ACTIVATIONS)
    FIRST: tl.constexpr = ACTIVATIONS[0]
    START_2: tl.constexpr = (REAL[1] + 1) * REAL[2]
    x = _load(inputs, 0, REAL[0], REAL[1], PADDED[0], PADDED[1])
    t = _load(targets, 0, REAL[0], REAL[LAYERS + 1], PADDED[0], PADDED[LAYERS + 1])
    w1 = _load(parameters, 0, REAL[1], REAL[2], PADDED[1], PADDED[2])
    b1 = _load(parameters, REAL[1] * REAL[2], 1, REAL[2], 1, PADDED[2])
    if LAYERS > 1:
        SECOND: tl.constexpr = ACTIVATIONS[1]
        w2 = _load(parameters, START_2, REAL[2], REAL[3], PADDED[2], PADDED[3])
        b2 = _load(parameters, START_2 + REAL[2] * REAL[3], 1, REAL[3], 1, PADDED[3])
    if LAYERS > 2:
        THIRD: tl.constexpr = ACTIVATIONS[2]
        START_3: tl.constexpr = START_2 + (REAL[2] + 1) * REAL[3]
        w3 = _load(parameters, START_3, REAL[3], REAL[4], PADDED[3], PADDED[4])
        b3 = _load(parameters, START_3 + REAL[3] * REAL[4], 1, REAL[4], 1, PADDED[4])
    for _ in range(iterations):
        a1 = _activate(_times(x, w1) + b1, REAL[2], FIRST)
        if LAYERS == 1:
            d1 = _damp(_slope(a1, t, REAL[0], REAL[2], LOSS), a1, FIRST)
        else:
            a2 = _activate(_times(a1, w2) + b2, REAL[3], SECOND)
            if LAYERS == 2:
                d2 = _damp(_slope(a2, t, REAL[0], REAL[3], LOSS), a2, SECOND)
            else:
                a3 = _activate(_times(a2, w3) + b3, REAL[4], THIRD)
                d3 = _damp(_slope(a3, t, REAL[0], REAL[4], LOSS), a3, THIRD)
                d2 = _damp(_times_transposed(d3, w3), a2, SECOND)
                w3 = w3 - rate * _transposed_times(a2, d3)
                b3 = b3 - rate * tl.sum(d3, axis=0)[None, :]
            d1 = _damp(_times_transposed(d2, w2), a1, FIRST)
            w2 = w2 - rate * _transposed_times(a1, d2)
            b2 = b2 - rate * tl.sum(d2, axis=0)[None, :]
        w1 = w1 - rate * _transposed_times(x, d1)
        b1 = b1 - rate * tl.sum(d1, axis=0)[None, :]
    _store(parameters, 0, w1, REAL[1], REAL[2], PADDED[1], PADDED[2])
    _store(parameters, REAL[1] * REAL[2], b1, 1, REAL[2], 1, PADDED[2])
    if LAYERS > 1:
        _store(parameters, START_2, w2, REAL[2], REAL[3], PADDED[2], PADDED[3])
        _store(parameters, START_2 + REAL[2] * REAL[3], b2, 1, REAL[3], 1, PADDED[3])
    if LAYERS > 2:
        _store(parameters, START_3, w3, REAL[3], REAL[4], PADDED[3], PADDED[4])
        _store(parameters, START_3 + REAL[3] * REAL[4], b3, 1, REAL[4], 1, PADDED[4])


@_part
def _places(ROWS: tl.constexpr, COLUMNS: tl.constexpr, ALL_ROWS: tl.constexpr, ALL: tl.constexpr):
    """Return the offsets of a matrix's values in memory, padded, and the mask of real values."""
    rows = tl.arange(0, ALL_ROWS)[:, None]
    columns = tl.arange(0, ALL)[None, :]
    return rows * COLUMNS + columns, (rows < ROWS) & (columns < COLUMNS)


@_part
def _load(
    flat,
    BEGIN: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    ALL_ROWS: tl.constexpr,
    ALL: tl.constexpr,
):
    offsets, mask = _places(ROWS, COLUMNS, ALL_ROWS, ALL)
    return tl.load(flat + BEGIN + offsets, mask=mask, other=0.0)


@_part
def _store(
    flat,
    BEGIN: tl.constexpr,
    values,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    ALL_ROWS: tl.constexpr,
    ALL: tl.constexpr,
):
    offsets, mask = _places(ROWS, COLUMNS, ALL_ROWS, ALL)
    tl.store(flat + BEGIN + offsets, values, mask=mask)


@_part
def _times(left, right):
    """Return left · right."""
    return _sum(left[:, :, None], right[None, :, :], 1)


@_part
def _transposed_times(left, right):
    """Return leftᵀ · right."""
    return _sum(left[:, :, None], right[:, None, :], 0)


@_part
def _times_transposed(left, right):
    """Return left · rightᵀ."""
    return _sum(left[:, None, :], right[None, :, :], 2)


@_part
def _sum(left, right, AXIS: tl.constexpr):
    """Sum products along an axis.

    Triton 3.6 takes the sum of a plain product for a matrix product, and computes it in TF32.
    """
    return tl.sum(tl.fma(left, right, 0.0), axis=AXIS)


@_part
def _activate(values, WIDTH: tl.constexpr, ACTIVATION: tl.constexpr):
    """Return A(y), and 0 in padded columns, which add nothing to the next layer's gradient."""
    if ACTIVATION == "sigmoid":
        # Of negative numbers only, so that no exponential overflows.
        small = tl.exp(-tl.abs(values))
        output = tl.where(values < 0.0, small, 1.0) / (1.0 + small)
    elif ACTIVATION == "tanh":
        small = tl.exp(-2.0 * tl.abs(values))
        output = (1.0 - small) / (1.0 + small)
        output = tl.where(values < 0.0, -output, output)
    elif ACTIVATION == "relu":
        output = tl.maximum(values, 0.0)
    else:
        output = values
    if values.shape[1] > WIDTH:
        output = tl.where(tl.arange(0, values.shape[1])[None, :] < WIDTH, output, 0.0)
    return output


@_part
def _damp(slope, output, ACTIVATION: tl.constexpr):
    """Return ∂E/∂y for ``slope`` ∂E/∂a, with A′ in terms of ``output`` a."""
    if ACTIVATION == "sigmoid":
        slope = slope * (output - output * output)
    elif ACTIVATION == "tanh":
        slope = slope - slope * (output * output)
    elif ACTIVATION == "relu":
        slope = tl.where(output > 0.0, slope, 0.0)
    return slope


@_part
def _slope(output, targets, ROWS: tl.constexpr, WIDTH: tl.constexpr, LOSS: tl.constexpr):
    """Return ∂E/∂a without the factors of `gradient.slope_scale`, and 0 where padded."""
    columns = tl.arange(0, output.shape[1])[None, :] < WIDTH
    if LOSS == "cross-entropy":
        values = tl.where(columns, output, -float("inf"))
        powers = tl.exp(values - tl.max(values, axis=1)[:, None])
        slope = powers / tl.sum(powers, axis=1)[:, None] - targets
    else:
        slope = output - targets
        if LOSS == "l1":
            slope = tl.where(slope > 0.0, 1.0, tl.where(slope < 0.0, -1.0, 0.0))
        elif LOSS == "bce":
            slope = slope / tl.maximum((1.0 - output) * output, 1e-12)
    rows = tl.arange(0, output.shape[0])[:, None] < ROWS
    return tl.where(rows & columns, slope, 0.0)
