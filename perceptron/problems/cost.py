"""The work of an iteration of a problem: counted from its shapes, never measured.

An iteration is a step on the r rows of a batch. A dense layer of fan-in m and fan-out n takes
three products of 2·r·m·n operations (forward, weight gradient, input gradient; the first layer
needs no input gradient) and a few operations per activation value. The counts are what the
mathematics needs, not what a backend does. An iteration of several models is a step of each.
"""

from __future__ import annotations

from itertools import pairwise

from perceptron.problems.problem import ITEMSIZE, DType, Problem

# exp, negate, add, divide forward and 1−a, ×a, ×δ backward: the costliest activation, used for all.
_OPERATIONS_PER_ACTIVATION = 7
# Of the widest layer, for all rows that are evaluated at once: 128 MiB in float64.
_MOST_VALUES = 2**24


def parameter_count(problem: Problem) -> int:
    """Count the trained values of all models."""
    per_model = sum(fan_in * fan_out + fan_out for fan_in, fan_out in pairwise(problem.widths))
    return problem.models * per_model


def operations(problem: Problem) -> int:
    """Count the floating-point operations of one iteration, products of the layers included."""
    rows = problem.models * problem.step_rows
    total = products(problem)
    for width in problem.widths[1:]:
        total += (_OPERATIONS_PER_ACTIVATION + 2) * rows * width  # + the bias, forward and backward
    return total + problem.optimizer.operations * parameter_count(problem)


def products(problem: Problem) -> int:
    """Count the floating-point operations of the matrix products alone."""
    rows = problem.models * problem.step_rows
    total = 0
    for index, (fan_in, fan_out) in enumerate(pairwise(problem.widths)):
        total += (2 if index == 0 else 3) * 2 * rows * fan_in * fan_out
    return total


def bytes_moved(problem: Problem, dtype: DType) -> int:
    """Count the bytes that one iteration must read or write if nothing stays in a cache.

    Inputs twice, targets once, each activation written, read and read again backward, its
    gradient written and read twice, each parameter read twice and written once, each array of the
    optimizer's state read and written. A batch is read from the data set and written first; models
    that share the data share it too.
    """
    rows, features = problem.step_rows, problem.dataset.features
    sets = _data_sets(problem)
    data = sets * rows * (features + problem.outputs)
    activations = problem.models * sum(rows * width for width in problem.widths[1:])
    values = data + sets * rows * features + 6 * activations
    values += (3 + 2 * problem.optimizer.state_arrays) * parameter_count(problem)
    if problem.batch is not None:
        values += 2 * data
    return values * ITEMSIZE[dtype]


def rows_at_once(problem: Problem) -> int:
    """Return the number of rows to evaluate together: all, or as many as memory allows."""
    widest = problem.models * max(problem.widths)
    return min(problem.dataset.rows, max(1, _MOST_VALUES // widest))


def memory(problem: Problem, dtype: DType) -> int:
    """Estimate the bytes that a training holds at its peak.

    These are the data set in float64, its copy in ``dtype`` and the orders of its rows; each
    activation value, its gradient and a temporary; each parameter, its gradient, its start and the
    optimizer's state. The loss is evaluated on `rows_at_once` rows together.
    """
    rows, features = problem.dataset.rows, problem.dataset.features
    data = _data_sets(problem) * rows * (features + problem.outputs)
    widths = problem.models * sum(problem.widths[1:])
    activations = 3 * problem.step_rows * widths
    if problem.batches is not None:
        activations = max(activations, 2 * rows_at_once(problem) * widths)
    parameters = (3 + problem.optimizer.state_arrays) * parameter_count(problem)
    working = data + activations + parameters
    indices = 0 if problem.batches is None else problem.batches.epochs * rows
    return (data + indices) * ITEMSIZE["float64"] + working * ITEMSIZE[dtype]


def _data_sets(problem: Problem) -> int:
    """Return the number of data sets: 1 that all models share, or one for each."""
    return problem.models if problem.folds else 1
