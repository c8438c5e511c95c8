"""`perceptron.fastest`: which backend trains a model or a shape fastest, on this machine.

What is known answers at once, and imports no framework; what is not known is measured in worker
processes, if that is allowed, and known from then on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Never

from msgspec.structs import replace

from perceptron.errors import UserError, unknown
from perceptron.options import in_python
from perceptron.problems.problem import DType
from perceptron.questions.fastest.inquiry import Inquiry
from perceptron.questions.fastest.judge import Advice
from perceptron.questions.fastest.question import (
    Measure,
    check_usual,
    question,
    question_of,
)

RESULTS = Path("results")
"""Where studies keep what they measure, unless told otherwise."""


@in_python()
def fastest(
    model: Any = None,
    inputs: Any = None,
    targets: Any = None,
    *,
    loss: Any = None,
    rows: int | None = None,
    features: int | None = None,
    hidden: Sequence[int] = (),
    classes: int | None = None,
    batch: int | None = None,
    optimizer: Any = None,
    epochs: int | None = None,
    models: int = 1,
    among: Sequence[str] | None = None,
    measure: Measure = "cached",
    seconds: float = 5.0,
    dtype: DType | None = None,
    threads: int | None = None,
    results: Path | None = None,
    **others: Never,
) -> Advice:
    """Return which backend trains a model fastest on this machine, and how long that takes.

    The model is one that you have, with its data, or a shape: ``rows`` and ``features``. The answer
    comes from earlier measurements of this shape, in milliseconds. Where there are none, worker
    processes measure for about ``seconds``. No framework is imported here, and the model is not
    changed.

    Parameters
    ----------
    model
        An ``nn.Module``, or scikit-learn's MLPClassifier or MLPRegressor, alone or at the end of a
        Pipeline. Its own fit is a candidate then, ``scikit-learn``. For a module the advice is a
        device; of dense layers its ``why`` tells what a rewrite would save. Any other module
        is trained as it is by PyTorch alone, which is measured whenever it is asked for.
    inputs, targets
        What the model is trained on: arrays or tensors, of which the shape and the labels of a
        classifier are read, and of other modules the first batch. A ``DataLoader`` takes the place
        of both, and of ``batch``.
    loss
        Of a module: a loss of ``torch.nn``, or any function of outputs and targets; or
        ``cross-entropy``, ``mse``, ``bce``, ``l1-mean`` or ``l1-sum``.
    rows, features
        The shape of the training data.
    hidden
        Widths of the hidden layers.
    classes
        Number of outputs, with cross-entropy; None for one output.
    batch
        Rows of an iteration; None for all rows.
    optimizer
        ``sgd`` (the default), ``adam`` or ``adamw``; of a module also one of ``torch.optim``.
    epochs
        Passes over the rows; None for 1, or an estimator's ``max_iter``. A training is these and
        one setup.
    models
        Number of models of this shape; an iteration is a step of each.
    among
        Backends that may be named; None for ``numpy``, ``torch-cpu`` and ``torch-cuda``. A module
        that is trained as it is also goes through `torch.compile`, as ``torch-cpu-compiled``.
    measure
        ``cached`` measures only what is not known of this shape, ``now`` always, ``never`` not at
        all: a backend that was not measured is unknown then.
    seconds
        Time for measuring. A backend that failed is tried again after an hour, one that did not
        start in time after a minute.
    dtype
        ``float32`` or ``float64``; None for that of the model, and of a shape for ``float32``.
    threads
        Threads of each backend; None for all cores that the process may use.
    results
        A folder of results to learn from; None for ``results/`` if there is one.

    Returns
    -------
    Advice
        The fastest backend and its device, seconds with a 95% interval, and whether that is
        decided.

    Raises
    ------
    UserError
        For a wrong argument. A backend that cannot run is a candidate with a reason.
    """
    if others:
        arguments = [name for name in fastest.__annotations__ if name not in ("others", "return")]
        raise unknown("argument", next(iter(others)), arguments)
    if isinstance(among, Iterable) and not isinstance(among, str):
        among = tuple(among)
    check_usual(dtype, epochs, among, measure, seconds, threads)
    if not isinstance(results, str | PathLike | None) or str(results).strip() == "":
        raise UserError(f"results: {results!r} is no path of a folder")
    folder = RESULTS if results is None else Path(results)
    usual: dict[str, Any] = {
        "among": among,
        "measure": measure,
        "seconds": seconds,
        "threads": threads,
    }
    if model is None:
        instance = None if isinstance(optimizer, str) else optimizer
        of_models = {"inputs": inputs, "targets": targets, "loss": loss, "optimizer": instance}
        for name, value in of_models.items():
            if value is not None:
                raise UserError(f"{name}: goes with a model: give one, as fastest(model, …)")
        if rows is None or features is None:
            missing = "rows" if rows is None else "features"
            raise UserError(f"{missing}: give rows= and features=, or a model and its data")
        asked = question(
            rows,
            features,
            hidden,
            classes,
            batch,
            "sgd" if optimizer is None else optimizer,
            models,
            "float32" if dtype is None else dtype,
            epochs=1 if epochs is None else epochs,
            **usual,
        )
        return Inquiry(asked, folder).advice()
    shape = {"rows": rows, "features": features, "hidden": hidden or None, "classes": classes}
    for name, value in {**shape, "models": None if models == 1 else models}.items():
        if value is not None:
            raise UserError(f"{name}: goes with a shape, and here is a model: leave {name} out")
    # Not for a shape, nor for a mistake.
    from perceptron.questions.fastest.of_model import of_model

    given = of_model(model, inputs, targets, loss, optimizer, batch)
    asked = question_of(
        given,
        given.dtype if dtype is None else dtype,
        epochs=given.epochs if epochs is None else epochs,
        **usual,
    )
    advice = Inquiry(asked, folder).advice()
    return advice if given.note is None else replace(advice, why=f"{advice.why}; {given.note}")
