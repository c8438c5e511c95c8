"""What one iteration of a problem takes: counted from its shapes, never measured.

A dense layer of fan-in m and fan-out n on r rows takes three products of 2·r·m·n operations
(forward, weight gradient, input gradient; the first layer needs no input gradient) and a few
operations per activation value. The counts say what the mathematics needs, not what a backend does.
"""

from __future__ import annotations

from itertools import pairwise

from perceptron.problems.problem import ITEMSIZE, DType, Problem

# exp, negate, add, divide forward and 1−a, ×a, ×δ backward: the dearest activation, used for all.
_OPERATIONS_PER_ACTIVATION = 7


def parameter_count(problem: Problem) -> int:
    """Count the trained values."""
    return sum(fan_in * fan_out + fan_out for fan_in, fan_out in pairwise(problem.widths))


def operations(problem: Problem) -> int:
    """Count the floating-point operations of one iteration, products of the layers included."""
    rows = problem.dataset.rows
    total = products(problem)
    for width in problem.widths[1:]:
        total += (_OPERATIONS_PER_ACTIVATION + 2) * rows * width  # + the bias, there and back
    return total + 2 * parameter_count(problem)


def products(problem: Problem) -> int:
    """Count the floating-point operations of the matrix products alone."""
    rows = problem.dataset.rows
    total = 0
    for index, (fan_in, fan_out) in enumerate(pairwise(problem.widths)):
        total += (2 if index == 0 else 3) * 2 * rows * fan_in * fan_out
    return total


def bytes_moved(problem: Problem, dtype: DType) -> int:
    """Count the bytes that one iteration must read or write if nothing stays in a cache.

    Inputs twice, targets once, each activation written, read and read again on the way back, its
    gradient written and read twice, each parameter read twice and written once.
    """
    rows, features = problem.dataset.rows, problem.dataset.features
    activations = sum(rows * width for width in problem.widths[1:])
    values = 2 * rows * features + rows + 6 * activations + 3 * parameter_count(problem)
    return values * ITEMSIZE[dtype]


def memory(problem: Problem, dtype: DType) -> int:
    """Estimate the bytes that a training holds at its peak.

    The data set is there in float64 beside its copy in ``dtype``; per activation value there are
    the value, its gradient and one temporary; per parameter the value, its gradient and the start.
    """
    rows, features = problem.dataset.rows, problem.dataset.features
    data = rows * (features + 1)
    working = data + 3 * rows * sum(problem.widths[1:]) + 3 * parameter_count(problem)
    return data * ITEMSIZE["float64"] + working * ITEMSIZE[dtype]
