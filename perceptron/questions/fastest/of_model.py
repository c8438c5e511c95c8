"""Read the training of a PyTorch module or of a scikit-learn estimator.

No framework is imported: a type is identified by its name and its module's, and its content is read
from attributes. The model is not changed. Of the data only the shape and the labels of a classifier
are read, and the first batch if a module is trained as it is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from perceptron.errors import UserError, in_one_line
from perceptron.problems.datasets import Clusters, Separable
from perceptron.problems.optimizer import Adam, AdamW, Optimizer, Sgd
from perceptron.problems.problem import DTYPES, Activation, DType, Layer, Loss, Problem
from perceptron.problems.start import FanInStart
from perceptron.questions.fastest.cache import SKLEARN, SKLEARN_MODULE
from perceptron.questions.fastest.given import (
    AsItIs,
    Data,
    UnsupportedModule,
    data_of,
    first_batch,
    is_a,
    loss_in_torch,
    name_of,
    optimizer_in_torch,
    tensors,
    whole,
)
from perceptron.questions.fastest.question import OfModel, OwnFit

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
# Values without effect, of options of PyTorch's losses and optimizers that the suite lacks.
_PLAIN_LOSS = {"weight": None, "pos_weight": None, "label_smoothing": 0.0, "reduction": "mean"}
_PLAIN_STEP = {"dampening": 0, "maximize": False, "amsgrad": False, "differentiable": False}
# Replaces a rate of 0, as at the start of a warm-up: a rate does not change how long a step takes.
_RATE = 0.01
_ESTIMATORS = ("MLPClassifier", "MLPRegressor")
_OF_ESTIMATORS: dict[str, tuple[object, ...]] = {
    "solver": ("adam", "sgd"),
    "activation": tuple(_OF_SKLEARN),
    "loss": ("squared_error", "log_loss"),
    "early_stopping": (False,),
}
# Parameters that do not change how long an iteration takes, or may hold objects of the program.
_OMITTED = {"random_state", "max_iter", "n_iter_no_change", "verbose", "warm_start"}
# The most rows of scikit-learn's "auto" batch.
_AUTO_BATCH = 200


def of_model(
    model: object, inputs: object, targets: object, loss: object, optimizer: object, batch: object
) -> OfModel:
    """Return the training of a model on these data; raise `UserError` naming a wrong argument.

    ``model`` is an ``nn.Module``, or scikit-learn's ``MLPClassifier`` or ``MLPRegressor``, which
    may end a ``Pipeline``; ``inputs`` and ``targets`` are arrays or tensors, or ``inputs`` is a
    ``DataLoader``.
    """
    if is_a(model, "torch.nn.modules.module", "Module"):
        return _of_module(model, inputs, targets, loss, optimizer, batch)
    before, last = _steps(model)
    if any(is_a(last, "sklearn.neural_network", name) for name in _ESTIMATORS):
        for name, value in {"loss": loss, "optimizer": optimizer, "batch": batch}.items():
            if value is not None:
                raise UserError(f"{name}: {type(last).__name__} has its own: leave {name} out")
        return _of_estimator(last, _transformed(before, inputs, targets), targets)
    raise UserError(
        f"model: {name_of(last)} is no PyTorch module and none of scikit-learn's "
        f"{' and '.join(_ESTIMATORS)}: give its shape, such as rows=60000, features=784"
    )


# --- a PyTorch module ----------------------------------------------------------------------------


def _of_module(
    module: Any, inputs: Any, targets: Any, loss: object, optimizer: object, batch: object
) -> OfModel:
    """Return the dense training of a module, or else the training of the module as it is."""
    if hasattr(module, "_orig_mod"):
        raise UserError("model: it is compiled already: give the module itself, model._orig_mod")
    data, parameters = data_of(inputs, targets, batch), list(module.parameters())
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    if not trained:
        raise UserError("model: it has no parameters to train")
    called, steps = loss_in_torch(loss), optimizer_in_torch(optimizer, trained)
    try:
        training = _dense(module, data, called, steps, parameters)
        return OfModel(training, _dtype(parameters), epochs=1, is_module=True)
    except UnsupportedModule as only:
        part = str(only)
    try:
        taken = tensors(first_batch(inputs, targets, data), trained[0].dtype)
    except Exception as error:  # noqa: BLE001 the code is the user's
        raise UserError(f"model: cannot be trained as it is: {in_one_line(error)}") from None
    as_it_is = AsItIs(module, called, steps, taken, data, part)
    note = f"trained as it is, because only PyTorch has {part}"
    return OfModel(as_it_is, as_it_is.dtype, epochs=1, is_module=True, note=note)


def _dense(
    module: Any, data: Data, loss: object, optimizer: Any, parameters: Sequence[object]
) -> Problem:
    """Return the dense training, or raise `UnsupportedModule` if only PyTorch can do it."""
    layers = _layers(module, data)
    kind, has_logits = _loss(loss)
    _check_outputs(layers[-1], kind, has_logits, data)
    if has_logits:
        layers[-1] = Layer(layers[-1].width, "sigmoid")
    return _problem("module", data, layers, kind, _step(optimizer, parameters))


def _problem(
    name: str, data: Data, layers: Sequence[Layer], loss: Loss, optimizer: Optimizer
) -> Problem:
    """Return the training on generated data of this shape; values do not change its time."""
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


def _layers(module: Any, data: Data) -> list[Layer]:
    """Return a module's dense layers; raise `UnsupportedModule` naming the first other part.

    Raises `UserError` if the input width of a layer is not the output width of the one before it.
    """
    layers: list[Layer] = []
    width, is_flat, is_open = data.features, len(data.row) == 1, False
    seen: set[int] = set()
    for path, part in _parts(module):
        kind = _kind(part)
        layer = f"layer {path} ({name_of(part)})" if path else name_of(part)
        if kind == "Flatten" and (part.start_dim, part.end_dim) == (1, -1):
            is_flat = True
        elif kind == "Linear":
            if not is_flat or id(part) in seen or not _is_plain(part):
                raise UnsupportedModule(
                    f"{layer} that is shared, frozen, without a bias or not of flat inputs"
                )
            if part.in_features != width:
                raise UserError(f"model: {layer} takes {part.in_features:,} values, not {width:,}")
            seen.add(id(part))
            width, is_open = part.out_features, True
            layers.append(Layer(width, "identity"))
        elif kind in _ACTIVATIONS and is_open:
            layers[-1], is_open = Layer(width, _ACTIVATIONS[kind]), False
        elif kind in _ACTIVATIONS:
            raise UnsupportedModule(f"{layer} without a Linear before it")
        elif kind == "Dropout" and part.p:
            raise UnsupportedModule(f"{layer} of p={part.p}")
        elif kind not in ("Identity", "Dropout"):
            raise UnsupportedModule(layer)
    return layers


def _parts(module: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the path and module of each layer of nested ``nn.Sequential``, in order."""
    if _kind(module) != "Sequential":
        yield path, module
        return
    for position, part in enumerate(module):
        yield from _parts(part, f"{path}.{position}" if path else str(position))


def _kind(part: Any) -> str | None:
    """Return the name of its class in `torch.nn`; None if a subclass overrides ``forward``."""
    bases: Any = type(part).__mro__
    base = next((base for base in bases if base.__module__.startswith("torch.nn.modules.")), None)
    return base.__name__ if base and type(part).forward is base.forward else None


def _is_plain(linear: Any) -> bool:
    """Return whether a Linear has a trainable weight and bias, and nothing else."""
    parameters = list(linear.parameters())
    is_trained = all(parameter.requires_grad for parameter in parameters)
    return (
        len(parameters) == 2
        and linear.bias is not None
        and is_trained
        and not any(linear.children())
    )


def _dtype(parameters: Iterable[Any]) -> DType:
    """Return the dtype of the parameters; raise `UnsupportedModule` if they have several."""
    names = {str(parameter.dtype).removeprefix("torch.") for parameter in parameters}
    dtype_of_all = next((dtype for dtype in DTYPES if names == {dtype}), None)
    if dtype_of_all is None:
        raise UnsupportedModule(f"parameters of {' and '.join(sorted(names))}")
    return dtype_of_all


def _loss(loss: object) -> tuple[Loss, bool]:
    """Return the loss, and whether it applies the sigmoid to the outputs."""
    name = name_of(loss)
    if name not in _LOSSES:
        raise UnsupportedModule(f"the loss {name}")
    for part, plain in _PLAIN_LOSS.items():
        value = getattr(loss, part, plain)
        if (name, part, value) == ("L1Loss", "reduction", "sum"):
            return "l1-sum", False
        if value is not plain and value != plain:
            raise UnsupportedModule(f"{name} with {part}")
    return _LOSSES[name], name == "BCEWithLogitsLoss"


def _check_outputs(last: Layer, loss: Loss, has_logits: bool, data: Data) -> None:
    if loss == "cross-entropy" and (last.activation != "identity" or last.width == 1):
        raise UserError("loss: cross-entropy takes a last Linear with an output for each class")
    if has_logits and last.activation != "identity":
        raise UserError("loss: nn.BCEWithLogitsLoss() takes a last Linear, or give nn.BCELoss()")
    if loss == "bce" and not has_logits and last.activation != "sigmoid":
        raise UserError("loss: bce takes a last Sigmoid, or give nn.BCEWithLogitsLoss()")
    if data.columns != last.width and not (loss == "cross-entropy" and data.columns == 1):
        raise UserError(f"targets: {data.columns:,} columns do not fit {last.width:,} outputs")


def _step(optimizer: Any, parameters: Sequence[object]) -> Optimizer:
    """Return the suite's optimizer for an instance of ``torch.optim``."""
    kind = name_of(optimizer)
    if kind not in ("SGD", "Adam", "AdamW"):
        raise UnsupportedModule(f"the optimizer {kind}")
    group, *others = optimizer.param_groups
    if others or sorted(map(id, group["params"])) != sorted(map(id, parameters)):
        raise UnsupportedModule(f"the optimizer {kind} of groups or of some parameters")
    for part, plain in _PLAIN_STEP.items():
        if group.get(part, plain) != plain:
            raise UnsupportedModule(f"the optimizer {kind} with {part}={group[part]}")
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


def _steps(model: Any) -> tuple[Any, Any]:
    """Return the steps of a Pipeline before its last one, and the last; else None and the model."""
    if not is_a(model, "sklearn.pipeline", "Pipeline"):
        return None, model
    *before, (_, last) = model.steps
    return model[:-1] if before else None, last


def _transformed(before: Any, inputs: Any, targets: Any) -> Any:
    """Return the inputs transformed by a copy of the steps before an estimator, fitted on them.

    Only the steps know the number of columns. NumPy's random state is restored.
    """
    if before is None:
        return inputs
    state = np.random.get_state()
    try:
        return sys.modules["sklearn.base"].clone(before).fit_transform(inputs, targets)
    except Exception as error:  # noqa: BLE001 the steps may be the user's
        reason = f"model: the steps before its last one fail on these inputs: {in_one_line(error)}"
        raise UserError(reason) from None
    finally:
        np.random.set_state(state)


def _of_estimator(model: Any, inputs: Any, targets: Any) -> OfModel:
    kind = type(model).__name__
    for name, allowed in _OF_ESTIMATORS.items():
        value = getattr(model, name, allowed[0])
        if value not in allowed:
            choices = ", ".join(map(str, allowed))
            raise UserError(f"model: {kind}'s {name}={value!r} is not supported: take {choices}")
    data = data_of(inputs, targets, None)
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
        training=_problem(
            "estimator",
            data._replace(batch=min(batch, data.rows)),
            [*hidden, last],
            loss,
            _solver(model),
        ),
        # scikit-learn converts all other dtypes to float64.
        dtype="float32" if str(getattr(inputs, "dtype", "")) == "float32" else "float64",
        epochs=whole("max_iter", model.max_iter),
        is_module=False,
        note="; ".join(_differs(model)),
        own_fit=_fit_of(model),
    )


def _differs(model: Any) -> Iterator[str]:
    """Yield how an estimator's own fit differs from the training timed beside it."""
    yield (
        f"all epochs are counted, though {SKLEARN}'s fit ends sooner where its loss falls by less "
        "than tol; its start and order are its own, so it is not checked to agree with the others"
    )
    if model.alpha:  # it costs next to nothing
        yield f"alpha={model.alpha:g} is left out by the others"


def _ending(model: Any, targets: Any, columns: int) -> tuple[Layer, Loss]:
    """Return the last layer and the loss that an estimator has for these targets."""
    if is_a(model, "sklearn.neural_network", "MLPRegressor"):
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


def _fit_of(model: Any) -> OwnFit:
    """Return the class and parameters of an estimator, or why its fit cannot be timed."""
    kind = type(model)
    if kind.__module__.partition(".")[0] != SKLEARN_MODULE:  # it may do anything
        name = f"{kind.__module__}.{kind.__qualname__}"
        return OwnFit(name, {}, f"only fits of scikit-learn's own classes are timed, not {name}")
    fields = model.get_params(deep=False).items()
    parameters = {name: _plain(value) for name, value in fields if name not in _OMITTED}
    return OwnFit(kind.__name__, parameters, None)


def _plain(value: Any) -> Any:
    """Return a parameter as a value of JSON, with numbers of NumPy converted to Python's."""
    if isinstance(value, bool | str | None):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    return [_plain(item) for item in value]
