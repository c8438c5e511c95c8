"""`perceptron.fastest`: which backend trains a shape fastest, on this machine.

What is known answers at once, and imports no framework; what is not known is measured in worker
processes, if that is allowed, and known from then on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from perceptron.analysis.fastest import Advice
from perceptron.problems.optimizer import OptimizerName
from perceptron.problems.problem import DType
from perceptron.studies.fastest.answer import Answer
from perceptron.studies.fastest.question import Measure, question

RESULTS = Path("results")
"""Where studies keep what they measure, unless told otherwise."""


def fastest(
    *,
    rows: int,
    features: int,
    hidden: Sequence[int] = (),
    classes: int | None = None,
    batch: int | None = None,
    optimizer: OptimizerName = "sgd",
    epochs: int = 1,
    models: int = 1,
    among: Sequence[str] | None = None,
    measure: Measure = "cached",
    seconds: float = 5.0,
    dtype: DType = "float32",
    threads: int | None = None,
    results: Path | None = None,
) -> Advice:
    """Return which backend trains this shape fastest on this machine, and whether that is decided.

    The shape is that of a dense network: ``rows`` × ``features``, the widths of its ``hidden``
    layers, one output or as many as ``classes``. An iteration takes a ``batch``, None for all rows,
    and a step of each of ``models`` trained at once; a training is ``epochs`` passes over the rows,
    and preparing once. ``among`` are the backends that may be advised, None for NumPy and PyTorch
    on the CPU and on CUDA; one that cannot run here is a candidate with a reason.

    ``measure``: ``cached`` answers from what was measured here of this shape or of shapes near it,
    in milliseconds, and measures this shape where there is none, where the pick may still take 1.5
    times what another takes, or where libraries have changed; ``now`` measures it; ``never``
    answers from what there is. Asking and measuring take at most about ``seconds``; a backend that
    was given up is not tried again for an hour, but by ``now`` or with more seconds. Nothing of a
    framework is imported here: worker processes measure. ``dtype`` is float32 or float64,
    ``threads`` are those of each backend, None for all cores that may be used. ``results`` is a
    folder of results to learn from beside the cache, None for ``results/`` if there is one.

    Raises `UserError` for an argument that is wrong, and for nothing else.
    """
    asked = question(
        rows,
        features,
        hidden,
        classes,
        batch,
        optimizer,
        epochs,
        models,
        among,
        measure,
        seconds,
        dtype,
        threads,
    )
    return Answer(asked, RESULTS if results is None else Path(results)).advice()
