"""Read the training out of what programs have: a PyTorch module, or a scikit-learn estimator.

No framework is imported: a type is told by its name and its module's, and what it holds is read as
attributes. Nothing of it is changed, and of the data only the shape and the labels of a classifier
are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from operator import index
from typing import Any, NamedTuple, cast, get_args

import numpy as np

from perceptron.errors import UserError, unknown
from perceptron.problems.batches import Last
from perceptron.problems.datasets import Clusters, Separable
from perceptron.problems.optimizer import Adam, AdamW, Optimizer, OptimizerName, Sgd
from perceptron.problems.problem import DTYPES, Activation, DType, Feed, Layer, Loss, Problem
from perceptron.problems.start import FanInStart

_LAYERS = "Linear, ReLU, Tanh, Sigmoid, Identity, Flatten and Dropout(0)"
_ACTIVATIONS: dict[str, Activation] = {"ReLU": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid"}
_OF_SKLEARN: dict[str, Activation] = {
    "relu": "relu",
    "tanh": "tanh",
    "logistic": "sigmoid",
    "identity": "identity",
}
_LOSSES: dict[str, Loss] = {
    "CrossEntropyLoss": "cross-entropy",
    "MSELoss": "mse",
    "BCELoss": "bce",
    "BCEWithLogitsLoss": "bce",
    "L1Loss": "l1-mean",
}
# What a loss and an optimizer of PyTorch have and the suite has not, where it does nothing.
_PLAIN_LOSS = {"weight": None, "pos_weight": None, "label_smoothing": 0.0, "reduction": "mean"}
_PLAIN_STEP = {"dampening": 0, "maximize": False, "amsgrad": False, "differentiable": False}
# A rate does not change how long a step takes: that of an optimizer without one, by name alone, or
# at the start of a warm-up.
_RATE = 0.01
_ESTIMATORS = ("MLPClassifier", "MLPRegressor")
# What scikit-learn's "auto" means.
_AUTO_BATCH = 200


class OfModel(NamedTuple):
    """What a model's training is, in the suite's words."""

    problem: Problem
    dtype: DType
    epochs: int
    is_module: bool
    """Whether it is a PyTorch module, which PyTorch alone trains."""
    left_out: str | None = None
    """What of it the problem has not, in words; it costs next to nothing."""


class _Data(NamedTuple):
    """The shape of the data, and how they are fed."""

    row: tuple[int, ...]
    """Shape of one row of the inputs."""
    rows: int
    columns: int
    """Of the targets."""
    batch: int | None
    last: Last = "keep"
    feed: Feed = "resident"

    @property
    def features(self) -> int:
        return prod(self.row)


def of_model(
    model: object, inputs: object, targets: object, loss: object, optimizer: object, batch: object
) -> OfModel:
    """Return the training of a model on these data; raise `UserError` naming what cannot be.

    ``model`` is an ``nn.Sequential``, or scikit-learn's ``MLPClassifier`` or ``MLPRegressor``;
    ``inputs`` and ``targets`` are arrays or tensors, or ``inputs`` is a ``DataLoader``.
    """
    if _is(model, "torch.nn.modules.module", "Module"):
        return _of_module(cast("Any", model), _data(inputs, targets, batch), loss, optimizer)
    if any(_is(model, "sklearn.neural_network", name) for name in _ESTIMATORS):
        for name, value in {"loss": loss, "optimizer": optimizer, "batch": batch}.items():
            if value is not None:
                raise UserError(f"{name}: {type(model).__name__} has its own: leave {name} out")
        return _of_estimator(cast("Any", model), inputs, targets)
    raise UserError(
        f"model: {_named(model)} is no PyTorch module and none of scikit-learn's "
        f"{' and '.join(_ESTIMATORS)}: give its shape, such as rows=60000, features=784"
    )


def whole(name: str, value: Any, least: int = 1) -> int:
    """Return a whole number, of NumPy's kind too; raise `UserError` for what is none."""
    try:
        number = index(value)
    except TypeError:
        number = least - 1
    if isinstance(value, bool) or number < least:
        raise UserError(f"{name}: {value!r} is no whole number from {least} up")
    return number


def _is(value: object, module: str, name: str) -> bool:
    """Return whether a value is of this class of a library, or of one that inherits from it."""
    kinds = type(value).__mro__
    return any(one.__name__ == name and one.__module__.startswith(module) for one in kinds)


def _named(value: object) -> str:
    """Return the name of a class or a function, or of the class that a value is of."""
    return str(getattr(value, "__name__", type(value).__name__))


# --- the data ------------------------------------------------------------------------------------


def _data(inputs: Any, targets: Any, batch: object) -> _Data:
    if _is(inputs, "torch.utils.data", "DataLoader"):
        for name, value in {"targets": targets, "batch": batch}.items():
            if value is not None:
                raise UserError(f"{name}: the DataLoader has its own: leave {name} out")
        return _loaded(inputs)
    size = None if batch is None else whole("batch", batch)
    rows, *row = _shape("inputs", inputs)
    of_targets, *columns = _shape("targets", targets)
    if rows != of_targets:
        raise UserError(f"targets: {of_targets:,} rows do not fit the {rows:,} of inputs")
    return _Data(tuple(row), rows, prod(columns), size)


def _loaded(loader: Any) -> _Data:
    """Return the shape of what a DataLoader loads; its first row may have to be read for that."""
    if loader.batch_size is None:
        raise UserError("inputs: the DataLoader has no batch_size: give arrays and batch=")
    dataset = loader.dataset
    try:
        rows = len(loader.sampler)
        tensors = getattr(dataset, "tensors", None)
        first = dataset[0] if tensors is None else [tensor[:1][0] for tensor in tensors]
    except (TypeError, IndexError, KeyError, NotImplementedError):
        raise UserError(
            f"inputs: {_named(dataset)} cannot be counted: give arrays and batch="
        ) from None
    if not isinstance(first, tuple | list) or len(first) != 2:
        raise UserError("inputs: the DataLoader loads no (inputs, targets): give arrays and batch=")
    row, columns = _shape("inputs", first[0], 0), _shape("targets", first[1], 0)
    last: Last = "drop" if loader.drop_last else "keep"
    # All rows are the only batch of a larger size.
    return _Data(row, rows, prod(columns), min(loader.batch_size, rows), last, "host")


def _shape(name: str, values: Any, axes: int = 1) -> tuple[int, ...]:
    """Return the shape of an array, a tensor, a table or a list; at least so many axes."""
    if values is None:
        raise UserError(f"{name}: give those that the model is trained on, or a DataLoader")
    try:
        found = tuple(getattr(values, "shape", None) or np.shape(values))
        shape = tuple(whole(name, length) for length in found)
    except ValueError:  # a list whose rows differ in length
        shape = ()
    if len(shape) < axes:
        raise UserError(f"{name}: {_named(values)} is no array: give (rows, …)")
    return shape


# --- a PyTorch module ----------------------------------------------------------------------------


def _of_module(module: Any, data: _Data, loss: object, optimizer: object) -> OfModel:
    kind, has_logits = _loss(loss)
    parameters = list(module.parameters())
    layers = _layers(module, data)
    _check_outputs(layers[-1], kind, has_logits, data)
    if has_logits:
        layers[-1] = Layer(layers[-1].width, "sigmoid")
    return OfModel(
        problem=_problem("module", data, layers, kind, _step(optimizer, parameters)),
        dtype=_dtype(parameters),
        epochs=1,
        is_module=True,
    )


def _problem(
    name: str, data: _Data, layers: Sequence[Layer], loss: Loss, optimizer: Optimizer
) -> Problem:
    """Return the training on made-up data of this shape, which take as long as any."""
    rows, features, outputs = data.rows, data.features, layers[-1].width
    dataset = (
        Separable("separable points", rows, features)
        if outputs == 1
        else Clusters("clusters", rows, features, classes=outputs)
    )
    return Problem(
        name=name,
        family=name,
        size=rows,
        dataset=dataset,
        layers=tuple(layers),
        loss=loss,
        optimizer=optimizer,
        start=FanInStart(),
        batch=data.batch,
        last=data.last,
        feed=data.feed,
    )


def _layers(module: Any, data: _Data) -> list[Layer]:
    """Return the dense layers of a module; raise `UserError` that names the first part of another.

    Each takes as many values as the one before it gives, the first one the features.
    """
    layers: list[Layer] = []
    width, is_flat, is_open = data.features, len(data.row) == 1, False
    seen: set[int] = set()
    for path, part in _parts(module):
        kind = _kind(part)
        where = f"model: layer {path} ({_named(part)})" if path else f"model: {_named(part)}"
        if kind == "Flatten" and (part.start_dim, part.end_dim) == (1, -1):
            is_flat = True
        elif kind == "Linear":
            _check_linear(part, where, width, is_flat, id(part) in seen)
            seen.add(id(part))
            width, is_open = part.out_features, True
            layers.append(Layer(width, "identity"))
        elif kind in _ACTIVATIONS and is_open:
            layers[-1], is_open = Layer(width, _ACTIVATIONS[kind]), False
        elif kind in _ACTIVATIONS:
            raise UserError(f"{where} does not follow a Linear: this is not supported yet")
        elif kind == "Dropout" and part.p:
            raise UserError(f"{where}: p={part.p} is not supported yet: p=0 is")
        elif kind not in ("Identity", "Dropout"):
            raise UserError(
                f"{where} is not supported yet: give an nn.Sequential of {_LAYERS}, or its shape"
            )
    if not layers:
        raise UserError("model: it has no Linear: give one that is to be trained")
    return layers


def _parts(module: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the layers of an ``nn.Sequential`` in their order, each with its place in the model.

    What has a forward of its own is yielded itself, but with a part that is no layer of ours
    instead where it has one: that is what would have to be supported.
    """
    if _kind(module) == "Sequential":
        for position, part in enumerate(module):
            yield from _parts(part, f"{path}.{position}" if path else str(position))
        return
    for inside, part in module.named_modules():
        if inside and not any(part.children()) and not _is_layer(part):
            yield ".".join(filter(None, (path, inside))), part
            return
    yield path, module


def _is_layer(part: Any) -> bool:
    return _kind(part) in (*_ACTIVATIONS, "Linear", "Flatten", "Dropout", "Identity")


def _kind(part: Any) -> str | None:
    """Return which of PyTorch's own modules it is; None where it has a forward of its own."""
    bases: Any = type(part).__mro__
    own = next((one for one in bases if one.__module__.startswith("torch.nn.modules.")), None)
    return own.__name__ if own and type(part).forward is own.forward else None


def _check_linear(part: Any, where: str, width: int, is_flat: bool, is_shared: bool) -> None:
    wrong = None
    if is_shared:
        wrong = "is there twice, with the same weights"
    elif part.bias is None:
        wrong = "has no bias"
    elif len(list(part.parameters())) != 2:
        wrong = "has parameters beside weight and bias"
    elif not (part.weight.requires_grad and part.bias.requires_grad):
        wrong = "is frozen (requires_grad=False)"
    if wrong:
        raise UserError(f"{where} {wrong}: this is not supported yet")
    if not is_flat:
        raise UserError(f"{where}: the inputs are not (rows, features): put a Flatten in front")
    if part.in_features != width:
        raise UserError(f"{where}: takes {part.in_features:,} values, and is given {width:,}")


def _dtype(parameters: Iterable[Any]) -> DType:
    """Return the dtype of the parameters, all of which have one."""
    names = {str(parameter.dtype).removeprefix("torch.") for parameter in parameters}
    found = next((dtype for dtype in DTYPES if names == {dtype}), None)
    if found is None:
        raise UserError(f"model: {', '.join(sorted(names))} is none of {', '.join(DTYPES)}")
    return found


def _loss(loss: object) -> tuple[Loss, bool]:
    """Return the loss, and whether it takes the sigmoid of the outputs itself."""
    names = get_args(Loss)
    if loss is None:
        raise UserError("loss: give the one that is minimised, such as nn.CrossEntropyLoss()")
    if isinstance(loss, str) and loss in names:
        return cast("Loss", loss), False
    name = loss if isinstance(loss, str) else _named(loss)
    if name not in _LOSSES:
        raise unknown("loss", name, [*_LOSSES, *names])
    for part, plain in _PLAIN_LOSS.items():
        value = plain if isinstance(loss, str | type) else getattr(loss, part, plain)
        if (name, part, value) == ("L1Loss", "reduction", "sum"):
            return "l1-sum", False
        if value is not plain and value != plain:
            raise UserError(f"loss: {name}'s {part} is not supported yet: leave it at {plain!r}")
    return _LOSSES[name], name == "BCEWithLogitsLoss"


def _check_outputs(last: Layer, loss: Loss, has_logits: bool, data: _Data) -> None:
    if loss == "cross-entropy" and (last.activation != "identity" or last.width == 1):
        raise UserError("loss: cross-entropy takes a last Linear with an output for each class")
    if has_logits and last.activation != "identity":
        raise UserError("loss: nn.BCEWithLogitsLoss() takes a last Linear, or give nn.BCELoss()")
    if loss == "bce" and not has_logits and last.activation != "sigmoid":
        raise UserError("loss: bce takes a last Sigmoid, or give nn.BCEWithLogitsLoss()")
    if data.columns != last.width and not (loss == "cross-entropy" and data.columns == 1):
        raise UserError(f"targets: {data.columns:,} columns do not fit {last.width:,} outputs")


def _step(optimizer: Any, parameters: Sequence[object]) -> Optimizer:
    """Return the optimizer of its name, or as an instance of ``torch.optim`` has it."""
    made: Mapping[str, Optimizer] = {"sgd": Sgd(rate=_RATE), "adam": Adam(), "adamw": AdamW()}
    if optimizer is None or isinstance(optimizer, str):
        name = "sgd" if optimizer is None else optimizer
        if name not in made:
            raise unknown("optimizer", name, get_args(OptimizerName))
        return made[name]
    kind = _named(optimizer)
    if not _is(optimizer, "torch.optim", "Optimizer") or kind.lower() not in made:
        raise UserError(f"optimizer: {kind} is not supported yet: SGD, Adam and AdamW are")
    groups = [{**group, "params": None} for group in optimizer.param_groups]
    trained = [id(one) for group in optimizer.param_groups for one in group["params"]]
    if any(group != groups[0] for group in groups):
        raise UserError(f"optimizer: {kind} has groups that differ: one group is supported")
    if sorted(trained) != sorted(map(id, parameters)):
        raise UserError(f"optimizer: {kind} is over other parameters than the model's")
    group = groups[0]
    for part, plain in _PLAIN_STEP.items():
        if group.get(part, plain) != plain:
            raise UserError(
                f"optimizer: {kind}'s {part}={group[part]} is not supported yet: leave it out"
            )
    rate, decay = float(group["lr"]) or _RATE, float(group["weight_decay"])
    if kind == "SGD":
        momentum = float(group["momentum"])
        return Sgd(
            rate=rate, momentum=momentum, nesterov=bool(group["nesterov"]), weight_decay=decay
        )
    first, second = map(float, group["betas"])
    rule = AdamW if kind == "AdamW" else Adam
    return rule(rate=rate, betas=(first, second), eps=float(group["eps"]), weight_decay=decay)


# --- a scikit-learn estimator --------------------------------------------------------------------


def _of_estimator(model: Any, inputs: Any, targets: Any) -> OfModel:
    kind = type(model).__name__
    if model.solver not in ("sgd", "adam"):
        raise UserError(f"model: {kind}'s solver={model.solver!r} is no sgd or adam: take another")
    if model.activation not in _OF_SKLEARN:
        raise unknown(f"{kind} activation", str(model.activation), _OF_SKLEARN)
    if getattr(model, "loss", "squared_error") not in ("squared_error", "log_loss"):
        raise UserError(
            f"model: {kind}'s loss={model.loss!r} is not supported yet: take squared_error"
        )
    if model.early_stopping:
        raise UserError(
            f"model: {kind}'s early_stopping scores held-out rows in each epoch: set it to False"
        )
    data = _data(inputs, targets, None)
    if len(data.row) != 1:
        raise UserError("inputs: scikit-learn takes (rows, features)")
    widths = model.hidden_layer_sizes
    hidden = [
        Layer(whole("hidden_layer_sizes", width), _OF_SKLEARN[model.activation])
        for width in (widths if np.iterable(widths) else (widths,))
    ]
    size = model.batch_size
    batch = _AUTO_BATCH if size == "auto" else whole("batch_size", size)
    last, loss = _ending(model, targets, data.columns)
    return OfModel(
        problem=_problem(
            "estimator",
            data._replace(batch=min(batch, data.rows)),
            [*hidden, last],
            loss,
            _solver(model),
        ),
        # Anything else is made float64.
        dtype="float32" if str(getattr(inputs, "dtype", "")) == "float32" else "float64",
        epochs=whole("max_iter", model.max_iter),
        is_module=False,
        left_out=f"alpha={model.alpha:g}" if model.alpha else None,
    )


def _ending(model: Any, targets: Any, columns: int) -> tuple[Layer, Loss]:
    """Return the last layer and the loss that the estimator gives these targets."""
    if _is(model, "sklearn.neural_network", "MLPRegressor"):
        return Layer(columns, "identity"), "mse"
    classes = len(np.unique(np.asarray(targets))) if columns == 1 else 0
    if classes > 2:
        return Layer(classes, "identity"), "cross-entropy"
    return Layer(columns, "sigmoid"), "bce"


def _solver(model: Any) -> Optimizer:
    rate = float(model.learning_rate_init)
    if model.solver == "adam":
        betas = (float(model.beta_1), float(model.beta_2))
        return Adam(rate=rate, betas=betas, eps=float(model.epsilon))
    momentum = float(model.momentum)
    return Sgd(rate=rate, momentum=momentum, nesterov=bool(momentum and model.nesterovs_momentum))
