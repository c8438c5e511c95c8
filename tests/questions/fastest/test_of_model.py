"""A training read out of what programs have: PyTorch's modules and scikit-learn's estimators."""

from __future__ import annotations

import copy
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron import fastest
from perceptron.backends import registry
from perceptron.backends.shared.compilers import cpp_unavailable
from perceptron.errors import UserError
from perceptron.problems import shape
from perceptron.problems.optimizer import Adam, AdamW, Optimizer, Sgd
from perceptron.problems.problem import Layer
from perceptron.questions.fastest import measure
from perceptron.questions.fastest.judge import MODULES
from perceptron.questions.fastest.of_model import of_model
from perceptron.questions.fastest.question import (
    OfModel,
    Question,
    question,
    question_of,
    shape_of,
)
from tests.made_shapes import measured
from tests.questions.fastest.conftest import AMPLE, keep, remember

pytestmark = pytest.mark.usefixtures("one_process")
torch = pytest.importorskip("torch")
nn = torch.nn
ACTIVATIONS: dict[str, Callable[[], Any]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "identity": nn.Identity,
}


def module_of(features: int, layers: list[tuple[int, str]]) -> Any:
    """The module as people write it: nested, and with layers that do nothing."""
    parts = [nn.Flatten()]
    for width, activation in layers:
        parts += [nn.Linear(features, width), ACTIVATIONS[activation](), nn.Dropout(0.0)]
        features = width
    return nn.Sequential(nn.Sequential(*parts[:2]), *parts[2:])


def read(model: Any, rows: int, features: int, columns: int = 0, **fields: Any) -> Any:
    """The training of a model on zeros."""
    targets = torch.zeros((rows, columns) if columns else rows)
    given = {"loss": None, "optimizer": None, "batch": None} | fields
    return of_model(model, torch.zeros(rows, features), targets, **given)


def question_about(model: OfModel, **fields: Any) -> Question:
    usual: dict[str, Any] = {"among": None, "measure": "never", "seconds": 1, "threads": 1}
    return question_of(model, **({"epochs": 1, "dtype": model.dtype} | usual | fields))


@given(
    features=st.integers(1, 9),
    hidden=st.lists(st.integers(1, 9), max_size=3),
    classes=st.none() | st.integers(2, 5),
    batch=st.none() | st.integers(1, 20),
    optimizer=st.sampled_from(["sgd", "adam", "adamw"]),
)
def test_of_model_sequential_is_read_as_its_shape(
    features: int, hidden: list[int], classes: int | None, batch: int | None, optimizer: str
) -> None:
    """So all that is known of the shape is known of it."""
    own: Any = {"hidden": tuple(hidden), "classes": classes, "batch": batch}
    one = shape.find(shape.Shape(20, features, optimizer=optimizer, **own).reference)  # type: ignore[arg-type]
    layers = [(layer.width, layer.activation) for layer in one.layers]
    columns = 0 if classes else 1
    extracted = read(
        module_of(features, layers),
        20,
        features,
        columns,
        loss=one.loss,
        optimizer=optimizer,
        batch=batch,
    )
    for part in ("dataset", "layers", "loss", "batch", "last", "feed", "models"):
        assert getattr(extracted.training, part) == getattr(one, part), part
    assert extracted.training.optimizer.kind == one.optimizer.kind
    of_shape = question(
        20,
        features,
        tuple(hidden),
        classes,
        batch,
        optimizer,  # type: ignore[arg-type]
        epochs=3,
        models=1,
        among=None,
        measure="never",
        seconds=1,
        dtype="float32",
        threads=1,
    )
    of_module = question_about(extracted, epochs=3)
    assert (of_module.shape, of_module.iterations) == (of_shape.shape, of_shape.iterations)
    assert of_module.own is None
    assert of_module.among == of_shape.among


@given(
    layers=st.lists(
        st.tuples(st.integers(1, 9), st.sampled_from(list(ACTIVATIONS))), min_size=1, max_size=4
    ),
    rows=st.integers(9, 30),
)
def test_layers_of_any_activations_are_read(layers: list[tuple[int, Any]], rows: int) -> None:
    extracted = read(module_of(3, layers), rows, 3, layers[-1][0], loss=nn.MSELoss())
    assert extracted.training.layers == tuple(Layer(width, name) for width, name in layers)
    made = question_about(extracted)
    assert (made.own is None) == (shape_of(extracted.training).variant == "")
    assert (made.problem.layers, made.problem.loss) == (extracted.training.layers, "mse")


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda p: torch.optim.SGD(p, lr=0.5), Sgd(rate=0.5)),
        (
            lambda p: torch.optim.SGD(p, 0.5, momentum=0.9, nesterov=True, weight_decay=0.1),
            Sgd(rate=0.5, momentum=0.9, nesterov=True, weight_decay=0.1),
        ),
        (
            lambda p: torch.optim.Adam(p, 0.1, betas=(0.5, 0.6), eps=1e-3),
            Adam(rate=0.1, betas=(0.5, 0.6), eps=1e-3),
        ),
        (lambda p: torch.optim.AdamW(p), AdamW()),
        (lambda p: torch.optim.AdamW(p, torch.tensor(0.5)), AdamW(rate=0.5)),
    ],
)
def test_of_model_optimizer_keeps_hyperparameters(
    made: Callable[[Any], Any], expected: Optimizer
) -> None:
    model = nn.Linear(4, 1)
    extracted = read(model, 8, 4, 1, loss="mse", optimizer=made(model.parameters()))
    assert extracted.training.optimizer == expected
    assert question_about(extracted).shape.optimizer == expected.kind


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (nn.CrossEntropyLoss, ("cross-entropy", "identity")),
        ("MSELoss", ("mse", "identity")),
        (nn.L1Loss(reduction="sum"), ("l1-sum", "identity")),
        (nn.BCEWithLogitsLoss(), ("bce", "sigmoid")),
    ],
)
def test_of_model_loss_is_instance_class_or_name(loss: object, expected: tuple[str, str]) -> None:
    """That which takes the sigmoid itself is another last layer."""
    problem = read(nn.Linear(4, 3), 8, 4, 3, loss=loss).training
    assert (problem.loss, problem.layers[-1].activation) == expected


def test_of_model_loader_gives_batch_and_host_feed() -> None:
    data = torch.utils.data.TensorDataset(torch.zeros(50, 2, 2), torch.zeros(50).long())
    model = module_of(4, [(3, "identity")])
    loader = torch.utils.data.DataLoader(data, batch_size=8, drop_last=True)
    problem: Any = of_model(model, loader, None, "cross-entropy", None, None).training
    assert (problem.dataset.rows, problem.dataset.features) == (50, 4)
    assert (problem.batch, problem.feed, problem.iterations_per_epoch) == (8, "host", 6)
    resident = read(model, 50, 4, loss="cross-entropy", batch=8).training
    assert len({shape_of(definition).feed for definition in (problem, resident)}) == 2, (
        "one has a copy in it"
    )


class Endless(torch.utils.data.IterableDataset):  # type: ignore[misc,name-defined]
    def __iter__(self) -> Any:
        raise NotImplementedError


class Skip(nn.Module):  # type: ignore[misc,name-defined]
    def __init__(self, *parts: Any) -> None:
        super().__init__()
        self.inner = nn.Sequential(*parts)

    def forward(self, inputs: Any) -> Any:
        return inputs + self.inner(inputs)


class Normed(nn.Module):  # type: ignore[misc,name-defined]
    """A skip connection around LayerNorm, dropout and BatchNorm, which have states of their own."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.norms = nn.Sequential(nn.LayerNorm(width), nn.BatchNorm1d(width), nn.Dropout(0.1))
        self.inner = nn.Linear(width, width)

    def forward(self, inputs: Any) -> Any:
        return inputs + self.inner(self.norms(inputs))


FROZEN = nn.Linear(4, 4)
FROZEN.requires_grad_(False)
SHARED = nn.Linear(4, 4)
WEIGHT_NORM = nn.Linear(4, 4)
WEIGHT_NORM.register_parameter("weight_g", nn.Parameter(torch.ones(4, 1)))
LINEAR = nn.Linear(4, 4)
OTHER = nn.Linear(4, 4)
ASKED: dict[str, Any] = {
    "model": LINEAR,
    "inputs": torch.zeros(8, 4),
    "targets": torch.zeros(8, 4),
    "loss": "mse",
    "measure": "never",
}


def built(fields: dict[str, Any]) -> dict[str, Any]:
    """Make what is only described: the first optimizer of a process imports PyTorch's compiler."""
    return {
        name: field() if isinstance(field, partial) else field for name, field in fields.items()
    }


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"model": nn.Sequential(nn.Sequential(nn.Conv1d(4, 4, 1)))}, "layer 0.0 (Conv1d)"),
        ({"model": nn.Sequential(nn.Linear(4, 4), Skip(nn.Linear(4, 4)))}, "layer 1 (Skip)"),
        ({"model": nn.Sequential(LINEAR, nn.Dropout(0.5))}, "layer 1 (Dropout) of p=0.5"),
        ({"model": nn.Linear(4, 4, bias=False)}, "Linear that is"),
        ({"model": nn.Sequential(WEIGHT_NORM)}, "layer 0 (Linear) that is"),
        ({"model": nn.Sequential(SHARED, nn.ReLU(), SHARED)}, "layer 2 (Linear) that is"),
        ({"model": nn.Sequential(nn.ReLU(), nn.Linear(4, 4))}, "layer 0 (ReLU)"),
        ({"model": nn.Linear(4, 4).half()}, "parameters of float16"),
        ({"loss": nn.HuberLoss()}, "the loss HuberLoss"),
        ({"loss": nn.functional.cross_entropy}, "the loss cross_entropy"),
        ({"loss": nn.MSELoss(reduction="sum")}, "MSELoss with reduction"),
        ({"loss": nn.CrossEntropyLoss(label_smoothing=0.1)}, "CrossEntropyLoss with label_smooth"),
        ({"optimizer": partial(torch.optim.RMSprop, LINEAR.parameters())}, "the optimizer RMSprop"),
        (
            {"optimizer": partial(torch.optim.SGD, [LINEAR.weight])},
            "the optimizer SGD of groups or",
        ),
        (
            {
                "optimizer": partial(
                    torch.optim.SGD, LINEAR.parameters(), momentum=0.9, dampening=0.1
                )
            },
            "the optimizer SGD with dampening=0.1",
        ),
        ({"inputs": torch.zeros(8, 2, 4)}, "Linear that is"),
    ],
)
def test_of_model_pytorch_only_parts_train_in_pytorch(fields: dict[str, Any], part: str) -> None:
    advice = fastest(**(ASKED | built(fields)))
    assert f"only PyTorch has {part}" in advice.why
    assert advice.backend == "torch-cpu"


def loader(rows: Any, **fields: Any) -> dict[str, Any]:
    """The data of a question as a DataLoader."""
    return {"inputs": torch.utils.data.DataLoader(rows, **fields), "targets": None}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"model": nn.Sequential(nn.Linear(5, 4))}, "(Linear) takes 5 values, not 4"),
        ({"model": nn.Sequential()}, "no parameters"),
        ({"model": FROZEN}, "no parameters to train"),
        ({"model": object()}, "object"),
        ({"loss": None}, "loss: give"),
        ({"loss": "mes"}, "did you mean 'mse'?"),
        ({"loss": nn.BCELoss()}, "a last Sigmoid"),
        ({"optimizer": "sdg"}, "did you mean 'sgd'?"),
        (
            {"optimizer": partial(torch.optim.SGD, OTHER.parameters())},
            "none of the model's parameters",
        ),
        ({"model": Skip(LINEAR), "loss": 3}, "loss: 3 is no loss"),
        ({"model": Skip(LINEAR), "among": ("numpy",)}, "among"),
        ({"model": Skip(LINEAR), "dtype": "float64"}, "dtype: a module is trained as it is"),
        ({"optimiser": "adam"}, "argument 'optimiser': did you mean 'optimizer'?"),
        ({"batch": 9}, "batch"),
        ({"rows": 8}, "rows: goes with a shape"),
        ({"among": ("numpy",)}, "among"),
        ({"inputs": None}, "inputs: give"),
        ({"targets": torch.zeros(7, 4)}, "targets: 7 rows"),
        ({"targets": torch.zeros(8, 3)}, "targets: 3 columns"),
        ({"inputs": 5}, "inputs: int is no array"),
        (loader(torch.zeros(8, 4)) | {"targets": torch.zeros(8, 4)}, "targets: the Data"),
        (loader(torch.zeros(8, 4)), "loads no (inputs, targets)"),
        (loader(Endless()), "Endless cannot be counted"),
        (loader(torch.zeros(8, 4), batch_size=None), "batch_size"),
        ({"model": Normed(), "inputs": np.array([["a"] * 4] * 8)}, "TypeError"),
        ({"model": Normed(), "inputs": [{"x": torch.zeros(4)}] * 8}, "TypeError"),
    ],
)
def test_of_model_invalid_argument_is_named_in_one_line(fields: dict[str, Any], named: str) -> None:
    refused(named, **fields)


def refused(named: str, **fields: Any) -> None:
    with pytest.raises(UserError) as caught:
        fastest(**(ASKED | built(fields)))
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_data_without_a_model_and_a_shape_without_rows_are_told() -> None:
    shape = {"rows": 3, "features": 3}
    step = torch.optim.SGD(LINEAR.parameters())
    wrong = (
        ({"loss": "mse"} | shape, "loss: goes"),
        ({"optimizer": step} | shape, "optimizer: goes"),
    )
    for fields, named in (*wrong, ({"features": 3}, "rows: give"), ({"rows": 3}, "features: give")):
        with pytest.raises(UserError, match=named):
            fastest(**fields, measure="never")  # type: ignore[arg-type]


def test_of_model_leaves_model_and_optimizer_unchanged() -> None:
    model = module_of(4, [(3, "relu"), (2, "identity")])
    hooked = model[1].register_forward_hook(lambda *_: None)
    optimizer = torch.optim.Adam(model.parameters())
    model.train(mode=False)

    def state() -> Any:
        return copy.deepcopy(
            (
                {name: value.tolist() for name, value in model.state_dict().items()},
                {name: list(part._forward_hooks) for name, part in model.named_modules()},
                [part.training for part in model.modules()],
                optimizer.state_dict(),
                torch.get_rng_state().tolist(),
            )
        )

    before = state()
    inputs, targets = torch.zeros(8, 4), torch.zeros(8, 2)
    fastest(model, inputs, targets, loss=nn.MSELoss(), optimizer=optimizer, measure="never")
    assert state() == before
    assert hooked.id in model[1]._forward_hooks


def test_of_model_custom_module_is_measured_every_time(cache: Path) -> None:
    """Its code may have changed since, so that nothing of it is kept."""
    model, data = Normed(), (np.zeros((10, 4)), np.zeros((10, 4)))
    step = torch.optim.AdamW(model.parameters())
    fields: dict[str, Any] = {"optimizer": step, "batch": 4, "threads": 1, "epochs": 5}
    fields["among"] = ("numpy", "torch-cpu")
    fields["loss"] = lambda *pair: (pair[0] - pair[1]).square().sum()
    before = copy.deepcopy(model.state_dict())
    advice = fastest(model, *data, seconds=AMPLE, **fields)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert (advice.backend, advice.device, advice.source) == ("torch-cpu", "cpu", "measured")
    assert "only PyTorch has Normed" in advice.why
    assert advice.apply(model) is model
    reasons = {candidate.backend: candidate.reason for candidate in advice.candidates}
    assert reasons["numpy"] == "it has no Normed"
    assert fastest(model, *data, measure="never", **fields).source == "unknown"


TRAIN = """
import torch
import perceptron
from perceptron.questions.fastest import measure

measure._AT_FIRST, measure._AS_LONG = 1, 1e9  # as the fixture one_process has it
FACTOR = 2.0

class Scaled(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Linear(4, 4)

    def forward(self, inputs):
        return torch.tanh(FACTOR * self.inner(inputs))

model, among = Scaled(), ("torch-cpu-compiled",)
data = torch.zeros(8, 4), torch.zeros(8, 4)
advice = perceptron.fastest(model, *data, loss="mse", among=among, threads=1, seconds=600)
assert (advice.compiled, advice.source) == (True, "measured"), advice
assert advice.apply(model)._orig_mod is model
"""


@pytest.mark.slow
def test_of_model_module_of_script_compiles(cache: Path, tmp_path: Path) -> None:
    """The compiler looks for what its class refers to by the name of the script's module."""
    cpp_unavailable() is None or pytest.skip("no compiler of C++")
    (tmp_path / "train.py").write_text(TRAIN)
    subprocess.run([sys.executable, "train.py"], cwd=tmp_path, check=True)


def test_of_model_sends_one_batch_to_workers(tmp_path: Path) -> None:
    data = torch.zeros(100_000, 4), torch.zeros(100_000, 4)
    made: Any = of_model(Normed(), *data, "mse", None, 8).training
    made.write(tmp_path / "module")
    assert (tmp_path / "module").stat().st_size < 100_000


def test_of_model_error_in_module_is_the_reason(cache: Path) -> None:
    model, data = nn.Sequential(nn.LayerNorm(5)), (torch.zeros(8, 4), torch.zeros(8, 4))
    fields: dict[str, Any] = {"loss": "mse", "threads": 1, "among": ("torch-cpu",)}
    advice = fastest(model, *data, seconds=AMPLE, **fields)
    assert (advice.backend, advice.source) == ("", "unknown")
    assert "RuntimeError: Given normalized_shape=[5]" in advice.why
    model.held = (value for value in ())
    refused("model: cannot be pickled", model=model, **fields, measure="now", seconds=AMPLE)


def test_of_model_loader_batch_leaves_random_state(cache: Path) -> None:
    class Drawn(torch.utils.data.Dataset):  # type: ignore[misc,name-defined]
        def __len__(self) -> int:
            return 9

        def __getitem__(self, _: int) -> Any:
            return torch.rand(4), np.random.random(4).astype(np.float32)

    model = Normed()
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()  # type: ignore[index]
    loader = torch.utils.data.DataLoader(Drawn(), batch_size=4, drop_last=True)
    made: Any = of_model(model, loader, None, "mse", None, None).training
    assert [tuple(array.shape) for array in made.batch] == [(4, 4), (4, 4)]
    assert (made.data.feed, made.data.iterations_per_epoch) == ("host", 2)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]  # type: ignore[index]


def test_of_model_module_moves_to_pytorch_device(cache: Path) -> None:
    """Though NumPy is faster, which takes a rewrite: that is told beside it."""
    keep(cache, {"numpy": 1e-3, "torch-cpu": 2e-3})
    model = nn.Sequential(nn.Linear(20, 1), nn.Sigmoid())
    data = torch.zeros(1000, 20), torch.zeros(1000, 1)
    fields: Any = {"loss": nn.L1Loss(), "measure": "never", "threads": 1, "epochs": 100}
    advice = fastest(model, *data, among=("numpy", "torch-cpu"), **fields)
    assert (advice.backend, advice.device, advice.decided) == ("torch-cpu", "cpu", True)
    assert advice.seconds == pytest.approx(0.2)
    assert "rewritten for numpy it takes 0.50× as long" in advice.why
    assert [candidate.backend for candidate in advice.candidates] == ["numpy", "torch-cpu"]
    assert advice.apply(model) is model
    keep(cache, {"numpy": 4e-3})
    assert "numpy" not in fastest(model, *data, among=("torch-cpu", "numpy"), **fields).why


def test_of_model_remeasures_only_pickable_backends(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A doubtful time of what it would be rewritten for is no matter."""
    again: list[str] = []

    def measuring(_: Question, names: list[str], *__: object) -> tuple[list[Any], dict[str, str]]:
        again.extend(names)
        return [], {}

    monkeypatch.setattr(measure, "measure", measuring)
    keep(cache, {"numpy": 1e-3}, waited=0.9)
    model = nn.Sequential(nn.Linear(20, 1), nn.Sigmoid())
    data = torch.zeros(1000, 20), torch.zeros(1000, 1)
    fastest(model, *data, loss=nn.L1Loss(), threads=1, among=("numpy", "torch-cpu"))
    assert again == ["torch-cpu"]


def test_of_model_apply_accepts_only_movable_modules(cache: Path) -> None:
    keep(cache, {"numpy": 1e-3, "torch-cpu-compiled": 1e-3})
    of_shape: dict[str, Any] = {"rows": 1000, "features": 20, "measure": "never", "threads": 1}
    for name in ("numpy", "torch-cpu-compiled"):
        advice = fastest(**of_shape, among=(name,))
        with pytest.raises(UserError, match=f"{name} trains no PyTorch module"):
            advice.apply(LINEAR)
    elsewhere = replace(advice, backend="torch-cpu", device="meta")
    with pytest.raises(UserError, match="object is no PyTorch module"):
        elsewhere.apply(object())
    assert elsewhere.apply(nn.Linear(1, 1)).weight.device.type == "meta"
    assert all(registry.load(name).name == name for name in MODULES)


# --- scikit-learn --------------------------------------------------------------------------------


def estimator(kind: str, **fields: Any) -> Any:
    return getattr(pytest.importorskip("sklearn.neural_network"), kind)(**fields)


def of_estimator(model: Any, targets: Any, features: int = 4) -> Any:
    return of_model(model, np.zeros((len(targets), features)), targets, None, None, None)


def test_of_estimator_classifier_is_read_as_its_shape(cache: Path) -> None:
    """Alpha, which only adds the parameters' own decay, is told; so is that fit may end sooner."""
    model = estimator("MLPClassifier", hidden_layer_sizes=(8, 4), max_iter=7)
    extracted = of_estimator(model, np.arange(500) % 3)
    one = shape.find("mlp:500x4x8x4:3c:200b:adam")
    for part in ("dataset", "layers", "loss", "batch", "last", "feed", "models", "optimizer"):
        assert getattr(extracted.training, part) == getattr(one, part), part
    assert question_about(extracted).own is None
    assert (extracted.dtype, extracted.epochs) == ("float64", 7)
    remember(cache, [measured(question_about(extracted).shape, seconds=1e-3)], dtype="float64")
    fields: Any = {"measure": "never", "threads": 1, "among": ("numpy",)}
    advice = fastest(model, np.zeros((500, 4)), np.arange(500) % 3, **fields)
    assert advice.seconds == pytest.approx(7 * 3 * 1e-3), "7 epochs of 3 batches, in float64"
    for note in ("alpha=0.0001 is left out", "tol", "not checked to agree"):
        assert note in advice.why


@pytest.mark.parametrize(
    ("kind", "targets", "loss", "last"),
    [
        ("MLPClassifier", np.array(["a", "b"] * 4), "bce", Layer(1, "sigmoid")),
        ("MLPClassifier", np.eye(8), "bce", Layer(8, "sigmoid")),
        ("MLPRegressor", np.zeros((8, 2)), "mse", Layer(2, "identity")),
    ],
)
def test_targets_decide_how_an_estimator_ends(
    kind: str, targets: Any, loss: str, last: Layer
) -> None:
    model = estimator(kind, hidden_layer_sizes=3, activation="logistic", solver="sgd", batch_size=4)
    problem = of_estimator(model, targets).training
    assert (problem.loss, problem.layers) == (loss, (Layer(3, "sigmoid"), last))
    assert problem.batch == 4
    assert problem.optimizer == Sgd(rate=0.001, momentum=0.9, nesterov=True)


@pytest.mark.parametrize(
    ("fields", "named"),
    [({"solver": "lbfgs"}, "solver='lbfgs'"), ({"early_stopping": True}, "early_stopping=True")],
)
def test_of_estimator_unsupported_part_is_named(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(UserError, match=named):
        of_estimator(estimator("MLPClassifier", **fields), np.arange(8) % 2)
    refused("loss: MLPClassifier has its own", model=estimator("MLPClassifier"))


def test_of_estimator_pipeline_is_its_last_step() -> None:
    """Neither it nor the program's random numbers are changed."""
    pipeline = pytest.importorskip("sklearn.pipeline")
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    drawn = preprocessing.FunctionTransformer(lambda inputs: inputs + np.random.rand())
    steps = (drawn, preprocessing.PolynomialFeatures(2), estimator("MLPRegressor", max_iter=3))
    model = pipeline.make_pipeline(*steps)
    before = np.random.get_state()[1].tolist()
    extracted = of_estimator(model, np.zeros(8))
    assert np.random.get_state()[1].tolist() == before
    assert not hasattr(model[1], "n_output_features_")
    assert (extracted.training.dataset.features, extracted.epochs) == (15, 3)
    assert extracted.own_fit.kind == "MLPRegressor"
    assert (
        of_estimator(pipeline.make_pipeline(model[-1]), np.zeros(8)).training.dataset.features == 4
    )
    with pytest.raises(UserError, match="PolynomialFeatures is no PyTorch module"):
        of_estimator(pipeline.make_pipeline(model[1]), np.zeros(8))
    broken = preprocessing.FunctionTransformer(lambda inputs: 1 / 0)
    with pytest.raises(UserError, match="ZeroDivisionError"):
        of_estimator(pipeline.make_pipeline(broken, model[-1]), np.zeros(8))


def test_of_estimator_own_fit_is_a_candidate() -> None:
    """Measured in worker processes as the others are, and kept for the next question."""
    model = estimator("MLPClassifier", hidden_layer_sizes=(8,), max_iter=50, random_state=3)
    data: Any = (np.zeros((500, 4)), np.arange(500) % 3)
    fields: Any = {"seconds": AMPLE, "threads": 1, "among": ("scikit-learn", "numpy")}
    advice = fastest(model, *data, measure="now", **fields)
    for candidate in advice.candidates:
        assert (candidate.source, candidate.device) == ("measured", "cpu")
        iterations = 50 * 3
        assert candidate.seconds_per_iteration
        assert candidate.setup_seconds is not None
        whole = candidate.setup_seconds + iterations * candidate.seconds_per_iteration
        assert candidate.seconds == pytest.approx(whole)
    assert {candidate.backend for candidate in advice.candidates} == {"scikit-learn", "numpy"}
    again = fastest(model, *data, measure="never", **fields)
    assert again.candidates == advice.candidates
    default = fastest(model, *data, measure="never", threads=1)
    assert "scikit-learn" in [
        candidate.backend for candidate in default.candidates if candidate.seconds
    ]


def test_of_estimator_subclass_has_no_time_of_scikit_learn() -> None:
    class Slower(type(estimator("MLPClassifier"))):  # type: ignore[misc]
        def __init__(self, clock: object = None) -> None:
            super().__init__()
            self.clock = clock

    data: Any = (np.zeros((500, 4)), np.arange(500) % 3)
    (one,) = fastest(Slower(time.sleep), *data, among=("scikit-learn",)).candidates
    assert "Slower" in str(one.reason)
    with pytest.raises(UserError, match="scikit-learn"):
        fastest(rows=10, features=3, among=("scikit-learn",))


def test_of_estimator_imports_no_framework(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    code = (
        "import sys, numpy as np; from sklearn.neural_network import MLPClassifier as M;"
        "from perceptron import fastest; before = set(sys.modules);"
        "print(fastest(M(), np.zeros((9, 2)), np.arange(9) % 3, measure='never').backend);"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "assert new.isdisjoint({'torch', 'jax', 'numba', 'cupy', 'pandas'}), new"
    )
    command = [sys.executable, "-c", code]
    process = subprocess.run(command, check=True, capture_output=True, text=True)
    assert process.stdout == "numpy\n"
