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
    """Return which backend trains a dense network fastest on this machine, and how long.

    The answer comes from earlier measurements of this shape, or is estimated from shapes near it,
    in milliseconds. If too little is known, worker processes measure for about ``seconds``. No
    framework is imported here.

    Parameters
    ----------
    rows, features
        The shape of the training data.
    hidden
        Widths of the hidden layers.
    classes
        Number of outputs, with cross-entropy; None for one output.
    batch
        Rows of an iteration; None for all rows.
    optimizer
        ``sgd``, ``adam`` or ``adamw``.
    epochs
        Passes over the rows. A training is these and one setup.
    models
        Number of models of this shape; an iteration is a step of each.
    among
        Backends that may be named; None for ``numpy``, ``torch-cpu`` and ``torch-cuda``.
    measure
        ``cached`` measures only where too little is known, ``now`` always, ``never`` not at all.
    seconds
        Time for measuring. A backend that failed is tried again after an hour.
    dtype
        ``float32`` or ``float64``.
    threads
        Threads of each backend; None for all cores that the process may use.
    results
        A folder of results to learn from; None for ``results/`` if there is one.

    Returns
    -------
    Advice
        The fastest backend, its seconds with a 95% interval, and whether that is decided.

    Raises
    ------
    UserError
        For a wrong argument. A backend that cannot run is a candidate with a reason.
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
