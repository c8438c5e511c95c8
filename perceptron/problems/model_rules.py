"""What the keys of a model file must be to fit each other, and the data that they name."""

from __future__ import annotations

from perceptron.errors import UserError
from perceptron.problems.csv_data import CsvData
from perceptron.problems.datasets import Dataset
from perceptron.problems.model_keys import (
    AnyData,
    AnyModel,
    Axis,
    Bundled,
    FromCsv,
    Generated,
    SizeKeys,
)
from perceptron.problems.model_optimizer import optimizer_of

# Layers are listed one by one, so more than anybody could mean are refused.
_DEEPEST = 1024


def check_model(model: AnyModel) -> None:
    """Refuse what depends on several keys; raise `UserError` that names one of them."""
    _check_layers(model)
    _check_training(model)
    if model.loss == "cross-entropy":
        _check_classes(model.data)
    if isinstance(model.data, FromCsv):
        _check_columns(model.data.target_columns)
    _check_folds(model)
    if model.data.test_seed is not None and model.data.test_share is None:
        raise UserError("data.test_seed: needs data.test_share, such as test_share = 0.25")
    if model.size is not None:
        _check_axis(model, model.size)


def check_size(size: int, axis: Axis) -> None:
    """Raise `UserError` for a size that a model cannot take along this axis."""
    if axis == "depth" and size > _DEEPEST:
        raise UserError(f"depth must be at most {_DEEPEST}, got {size}")


def check_targets(model: AnyModel, dataset: Dataset) -> None:
    """Raise `UserError` where the loss or the last layer does not fit the data's targets.

    C classes take C outputs; two take one as well, but not under cross-entropy.
    """
    width = model.layers[-1].width
    where = f"layers[{len(model.layers) - 1}].width: the last layer has width"
    classes = len(dataset.class_names)
    if not classes:
        columns = dataset.targets.shape[1] if isinstance(dataset, CsvData) else 1
        if width != columns:
            raise UserError(f"{where} {columns}, got {width}")
        _check_for_bce(model, dataset)
        return
    allowed = (2, 1) if classes == 2 and model.loss != "cross-entropy" else (classes,)
    if width not in allowed:
        wanted = " or ".join(str(number) for number in allowed)
        raise UserError(f"{where} {wanted} for {_listed(dataset)}, got {width}")


def _check_for_bce(model: AnyModel, dataset: Dataset) -> None:
    # Our formula of this loss holds for these two values only.
    if model.loss == "bce" and isinstance(dataset, CsvData):
        known = (dataset.targets == 0) | (dataset.targets == 1)
        if not known.all():
            raise UserError(f"loss: 'bce' needs targets of 0 and 1 in {dataset.target_name!r}")


def _listed(dataset: Dataset) -> str:
    """Count the classes and name some."""
    names = dataset.class_names
    listed = ", ".join(repr(name[:40]) for name in names[:5])
    more = ", …" if len(names) > 5 else ""
    return f"the {len(names)} classes {listed}{more} of {dataset.target_name!r}"


def _check_layers(model: AnyModel) -> None:
    last = model.layers[-1]
    if model.loss == "bce" and last.activation != "sigmoid":
        raise UserError(
            "loss: 'bce' needs predictions between 0 and 1: "
            f"give the last layer 'sigmoid' instead of {last.activation!r}"
        )
    if model.loss == "cross-entropy" and last.activation != "identity":
        raise UserError(
            "loss: 'cross-entropy' takes its softmax itself: "
            f"give the last layer 'identity' instead of {last.activation!r}"
        )


def _check_classes(data: AnyData) -> None:
    if isinstance(data, Generated) and data.classes is None:
        raise UserError("loss: 'cross-entropy' needs classes: give data.classes, such as 10")
    if isinstance(data, FromCsv) and len(data.target_columns) > 1:
        raise UserError("data.target: 'cross-entropy' takes one column, of classes")


def _check_columns(columns: tuple[str, ...]) -> None:
    for index, name in enumerate(columns):
        if name in columns[:index]:
            raise UserError(f"data.target: {name!r} is there twice")


def _check_training(model: AnyModel) -> None:
    optimizer_of(model.rate, model.optimizer)
    if model.iterations is not None and model.epochs is not None:
        raise UserError("epochs: give iterations or epochs, not both")
    varies_batch = model.size is not None and model.size.axis == "batch"
    if model.batch is None and not varies_batch:
        for key, value in (("feed", model.feed), ("last", model.last)):
            if value not in ("resident", None):
                raise UserError(f"{key}: {value!r} is for batches: give a batch, such as 128")


def _check_folds(model: AnyModel) -> None:
    if not model.folds:
        return
    varies_models = model.size is not None and model.size.axis == "models"
    if model.models < 2 and not varies_models:
        raise UserError("folds: are for several models: give models, one for each fold")
    if model.data.test_share is not None:
        raise UserError(
            "data.test_share: with folds each model holds out a fold of its own: leave it out"
        )


def _check_axis(model: AnyModel, size: SizeKeys) -> None:
    hidden = len(model.layers) - 1
    if size.axis in ("rows", "features") and not isinstance(model.data, Generated):
        raise UserError(f"size.axis: {size.axis!r} needs generated data; {_whose(model.data)}")
    if size.axis == "width" and not hidden:
        raise UserError("size.axis: 'width' needs a hidden layer before the last one")
    if size.axis == "depth" and hidden != 1:
        raise UserError(f"size.axis: 'depth' repeats one hidden layer, and here are {hidden}")
    for index, value in enumerate(size.values):
        if value in size.values[:index]:
            raise UserError(f"size.values[{index}]: {value} is there twice")
        try:
            check_size(value, size.axis)
        except UserError as error:
            raise UserError(f"size.values[{index}]: {error}") from None


def _whose(data: FromCsv | Bundled) -> str:
    return "this is a CSV file's" if isinstance(data, FromCsv) else f"this is {data.name!r}"
