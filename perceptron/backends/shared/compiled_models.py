"""Training several models over layers: `compiled_layers.descent` of each, threads in parallel.

Numba compiles it once for each dtype, as that, and takes little longer.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from perceptron.backends.shared.compiled_layers import LoopArrays, compiled, descent


def descent_of_models(arrays: LoopArrays) -> Callable[[LoopArrays, int, int], None]:
    """Compile `descent` of several models, by as many threads as have arrays of their own.

    What a thread writes has an axis of threads in front: ``gradients``, ``signals``, ``deltas`` and
    ``targets``. ``parameters`` and ``buffer`` are (models, size), ``all_inputs`` and
    ``all_targets`` (data sets, rows, columns) with one data set, or one for each model. The
    function takes ``arrays`` or others of the same types, the first iteration's number and how many
    follow.
    """
    import numba

    typeof: Any = numba.typeof
    train_share, train_all = _compiled_for(typeof(arrays))

    def descend_all(arrays: LoopArrays, first: int, iterations: int) -> None:
        train_all(arrays, train_share, first, iterations)

    return descend_all


@lru_cache(maxsize=8)
def _compiled_for(arrays_type: Any) -> tuple[Callable[..., None], Callable[..., None]]:
    """Compile what trains one thread's models, and what calls that in parallel.

    The second takes the first as an address. If it knew its code, Numba would compile that again
    for each of the functions that it makes of a parallel loop.
    """
    from numba import prange, types

    descend = descent()

    def train_share(
        arrays: LoopArrays, thread: int, threads: int, first: int, iterations: int
    ) -> None:
        models = len(arrays.parameters)
        data_sets, rows, features = arrays.all_inputs.shape
        begin, end = thread * models // threads, (thread + 1) * models // threads
        signals, targets = arrays.signals[thread], arrays.targets[thread]
        for model in range(begin, end):
            data_set = model % data_sets
            all_inputs, all_targets = arrays.all_inputs[data_set], arrays.all_targets[data_set]
            if len(arrays.orders) == 0 and (data_sets > 1 or model == begin):
                for row in range(rows):
                    for j in range(features):
                        signals[row * features + j] = all_inputs[row, j]
                    for j in range(all_targets.shape[1]):
                        targets[row, j] = all_targets[row, j]
            own = LoopArrays(
                arrays.widths,
                arrays.activations,
                arrays.parameters[model],
                arrays.gradients[thread],
                arrays.buffer[model],
                signals,
                arrays.deltas[thread],
                targets,
                arrays.ones,
                all_inputs,
                all_targets,
                arrays.begins,
                arrays.ends,
                arrays.scales,
                arrays.orders,
                arrays.loss,
                arrays.nesterov,
                arrays.momentum,
                arrays.decay,
                arrays.one,
                arrays.smallest,
            )
            descend(own, first, iterations)

    def train_all(
        arrays: LoopArrays, train_share: Callable[..., None], first: int, iterations: int
    ) -> None:
        threads = len(arrays.gradients)
        for thread in prange(threads):
            train_share(arrays, np.int64(thread), threads, first, iterations)

    integer = types.int64
    of_share = types.void(arrays_type, integer, integer, integer, integer)
    of_all = types.void(arrays_type, types.FunctionType(of_share), integer, integer)
    return compiled(train_share, of_share), compiled(train_all, of_all, parallel=True)
