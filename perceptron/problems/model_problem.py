"""The parts of a problem that a model file describes: its data, its layers and one of its sizes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from perceptron.errors import UserError
from perceptron.problems.csv_data import read_csv
from perceptron.problems.datasets import BREAST_CANCER, DIGITS, Clusters, Dataset, Separable
from perceptron.problems.held_out import hold_out
from perceptron.problems.model_keys import AnyModel, Axis, Bundled, BundledName, FromCsv, Generated
from perceptron.problems.model_optimizer import optimizer_of
from perceptron.problems.model_rules import check_targets
from perceptron.problems.problem import Layer, Problem
from perceptron.problems.start import FanInStart

_BUNDLED: dict[BundledName, Dataset] = {"digits": DIGITS, "breast-cancer": BREAST_CANCER}
_ITERATIONS = 10_000


def problem_of(
    model: AnyModel, dataset: Dataset, name: str, reference: str, family: str, size: int | None
) -> Problem:
    """Return the problem of a model and its data; its size is the number of rows if None.

    Raises `UserError` naming the key that does not fit the data.
    """
    problem = Problem(
        name=name,
        reference=reference,
        family=family,
        size=dataset.rows if size is None else size,
        axes=() if model.size is None else (model.size.axis,),
        dataset=dataset,
        layers=tuple(Layer(layer.width, layer.activation) for layer in model.layers),
        loss=model.loss,
        optimizer=optimizer_of(model.rate, model.optimizer),
        start=FanInStart(seed=model.start),
        batch=model.batch,
        last=model.last or "keep",
        feed=model.feed,
        models=model.models,
        folds=model.folds,
        iterations=model.iterations or _ITERATIONS,
    )
    if model.epochs is None:
        return problem
    return dataclasses.replace(problem, iterations=model.epochs * problem.iterations_per_epoch)


def resized(model: AnyModel, axis: Axis, size: int) -> AnyModel:
    """Return the model with ``size`` in place of the number that the axis names."""
    if axis in ("rows", "features"):
        return replace(model, data=replace(model.data, **{axis: size}))
    if axis in ("batch", "models"):
        return replace(model, **{axis: size})
    *hidden, last = model.layers
    if axis == "depth":
        return replace(model, layers=(*hidden * size, last))
    return replace(model, layers=(*(replace(layer, width=size) for layer in hidden), last))


def dataset_of(file: Path, model: AnyModel) -> Dataset:
    """Return the data of the model in this file, a share of them held out.

    One column of a CSV file is read as classes where the loss or several outputs need them.
    Raises `UserError` naming the file and key, or the CSV file, line and column, that is wrong.
    """
    data = model.data
    if isinstance(data, FromCsv):
        columns = data.target_columns
        takes_classes = model.loss in ("cross-entropy", "bce") or model.layers[-1].width > 1
        classes = takes_classes and len(columns) == 1
        whole: Dataset = read_csv(file.parent / data.csv, *columns, classes=classes)
    else:
        whole = _made(file, data)
    with _prefixed(f"{file}: "):
        check_targets(model, whole)
    if data.test_share is None:
        return whole
    with _prefixed(f"{file}: data."):
        return hold_out(whole, data.test_share, 1 if data.test_seed is None else data.test_seed)


def _made(file: Path, data: Generated | Bundled) -> Dataset:
    if isinstance(data, Bundled):
        bundled = _BUNDLED[data.name]
        with _prefixed(f"{file}: "):
            bundled.require()
        return bundled
    if data.classes is None:
        return Separable("separable points", data.rows, data.features)
    with _prefixed(f"{file}: data."):
        return Clusters("clusters", data.rows, data.features, classes=data.classes)


@contextmanager
def _prefixed(where: str) -> Iterator[None]:
    """Say where in front of the errors raised here."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{where}{error}") from None
