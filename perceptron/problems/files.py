"""A user's own problem: ``model.toml``, or ``model.toml:512`` for one of its sizes.

A problem's reference finds it in another process: the file's absolute path, and the size if the
file has a size axis. Its name is the same on every machine: the file's name, a digest of its
contents and the size, as in ``model.toml@1a2b3c4d:512``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from perceptron.errors import UserError
from perceptron.problems.csv_data import CsvData, read_csv
from perceptron.problems.datasets import BREAST_CANCER, DIGITS, Clusters, Dataset, Separable
from perceptron.problems.held_out import Divided, hold_out
from perceptron.problems.model_file import (
    AnyModel,
    Axis,
    Bundled,
    BundledName,
    FromCsv,
    Generated,
    SizeKeys,
    check_size,
    optimizer_of,
    read_model,
)
from perceptron.problems.problem import Layer, Problem
from perceptron.problems.start import FanInStart

_BUNDLED: dict[BundledName, Dataset] = {"digits": DIGITS, "breast-cancer": BREAST_CANCER}
_ITERATIONS = 10_000
# The last colon counts: a path may hold others.
_REFERENCE = re.compile(r"(?P<file>.*\.toml)(:(?P<size>[^:]*))?", re.DOTALL)


def is_file(reference: str) -> bool:
    """Return whether a reference names a model file: ``….toml`` or ``….toml:SIZE``."""
    return _REFERENCE.fullmatch(reference) is not None


def references(word: str) -> tuple[str, ...]:
    """Return a reference for each size that the file lists; only ``word`` if it names a size.

    Paths become absolute. Raises `UserError` for a word that names no model file.
    """
    file, size = _split(word)
    model = read_model(file)
    if size is None and model.size is not None:
        return tuple(f"{file}:{value}" for value in sorted(model.size.values))
    return (find(word).reference,)


def find(reference: str) -> Problem:
    """Read the problem in a file; its family is the file's name without folder and suffix.

    Raises `UserError` naming the file and the faulty field, line or column.
    """
    file, size = _split(reference)
    model = read_model(file)
    if model.size is not None:
        number = _number(file, size, model.size)
        return _problem(file, _resized(model, model.size.axis, number), number)
    if size is not None:
        raise UserError(f"{file}: has one size, for lack of a [size] table: leave out ':{size}'")
    return _problem(file, model)


def refuse_namesakes(problems: Iterable[str]) -> None:
    """Raise `UserError` if two files have the same name: their rows would look like one family."""
    files: dict[str, Path] = {}
    for reference in problems:
        file, _ = _split(reference)
        other = files.setdefault(file.stem, file)
        if other != file:
            raise UserError(f"{file}: has the same name as {other}: rename one of them")


def fingerprints(problems: Iterable[str]) -> dict[str, str]:
    """Return digests of the files that references name, 12 hexadecimal digits each, by path."""
    digests = {}
    for reference in problems:
        dataset = find(reference).dataset
        file, _ = _split(reference)
        digests[str(file)] = _digest(file, dataset)
    return digests


def _digest(file: Path, dataset: Dataset) -> str:
    digest = hashlib.sha256(file.read_bytes())
    while isinstance(dataset, Divided):
        dataset = dataset.whole
    if isinstance(dataset, CsvData):
        digest.update(dataset.digest.encode())
    return digest.hexdigest()[:12]


def _split(reference: str) -> tuple[Path, str | None]:
    """Return the absolute path of the file, and the size as text or None."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise UserError(f"{reference!r} is not a model file: name a file that ends in .toml")
    return Path(os.path.abspath(match["file"])), match["size"]


def _number(file: Path, size: str | None, keys: SizeKeys) -> int:
    example = f"such as {file.name}:{keys.values[len(keys.values) // 2]}"
    if size is None:
        raise UserError(f"{file}: needs a size, its {keys.axis}, {example}")
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", size):
        raise UserError(
            f"{file}: {size!r} is no {keys.axis}: give a whole number from 1, {example}"
        )
    check_size(file, int(size), keys.axis)
    return int(size)


def _problem(file: Path, model: AnyModel, size: int | None = None) -> Problem:
    """Return the problem of a model; its size is ``size``, or the number of rows."""
    ending = "" if size is None else f":{size}"
    dataset = _dataset(file, model)
    with _prefixed(f"{file}: "):
        problem = Problem(
            name=f"{file.name}@{_digest(file, dataset)[:8]}{ending}",
            reference=f"{file}{ending}",
            family=file.stem,
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


def _resized(model: AnyModel, axis: Axis, size: int) -> AnyModel:
    """Return the model with ``size`` along the axis."""
    if axis in ("rows", "features"):
        return replace(model, data=replace(model.data, **{axis: size}))
    if axis in ("batch", "models"):
        return replace(model, **{axis: size})
    *hidden, output = model.layers
    if axis == "depth":
        return replace(model, layers=(*hidden * size, output))
    return replace(model, layers=(*(replace(layer, width=size) for layer in hidden), output))


def _dataset(file: Path, model: AnyModel) -> Dataset:
    """Return the data of the model in this file, with a share of the rows as test set.

    A single target column of a CSV file is read as classes if the loss or several outputs need it.
    Raises `UserError` naming the file and the faulty key, or the CSV file, line and column.
    """
    data = model.data
    if isinstance(data, FromCsv):
        columns = data.target_columns
        takes_classes = model.loss in ("cross-entropy", "bce") or model.layers[-1].width > 1
        classes = takes_classes and len(columns) == 1
        dataset: Dataset = read_csv(file.parent / data.csv, *columns, classes=classes)
    else:
        dataset = _made(file, data)
    with _prefixed(f"{file}: "):
        _check_targets(model, dataset)
    if data.test_share is None:
        return dataset
    with _prefixed(f"{file}: data."):
        return hold_out(dataset, data.test_share, 1 if data.test_seed is None else data.test_seed)


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
def _prefixed(prefix: str) -> Iterator[None]:
    """Prefix the message of a `UserError` raised in the block with ``prefix``."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{prefix}{error}") from None


def _check_targets(model: AnyModel, dataset: Dataset) -> None:
    """Raise `UserError` if the loss or the last layer does not fit the data's targets.

    C classes need C outputs; two classes may also have one, except under cross-entropy.
    """
    width = model.layers[-1].width
    prefix = f"layers[{len(model.layers) - 1}].width: the last layer has width"
    classes = len(dataset.class_names)
    if classes:
        allowed = (2, 1) if classes == 2 and model.loss != "cross-entropy" else (classes,)
        if width not in allowed:
            expected = " or ".join(str(number) for number in allowed)
            raise UserError(f"{prefix} {expected} for {_listed(dataset)}, got {width}")
        return
    columns = dataset.targets.shape[1] if isinstance(dataset, CsvData) else 1
    if width != columns:
        raise UserError(f"{prefix} {columns}, got {width}")
    # The formula of this loss holds for these two values only.
    if (
        model.loss == "bce"
        and isinstance(dataset, CsvData)
        and not np.isin(dataset.targets, (0, 1)).all()
    ):
        raise UserError(f"loss: 'bce' needs targets of 0 and 1 in {dataset.target_name!r}")


def _listed(dataset: Dataset) -> str:
    """Return the number of classes and the first names, as text."""
    names = dataset.class_names
    listed = ", ".join(repr(name[:40]) for name in names[:5])
    more = ", …" if len(names) > 5 else ""
    return f"the {len(names)} classes {listed}{more} of {dataset.target_name!r}"
