from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from operator import attrgetter

import numpy as np
import pytest

from perceptron import optional
from perceptron.backends import numpy_backend, registry
from perceptron.backends.contract import agreement
from perceptron.backends.contract.agreement import Refused
from perceptron.backends.contract.mutants import (
    Driver,
    Kind,
    arrays_of,
    mistaken,
    mutations,
    spoiled,
)
from perceptron.backends.numpy_backend import BACKEND, NumpyBackend
from perceptron.backends.numpy_trainer import NumpyTrainer
from perceptron.backends.protocol import Evaluation, Trainer, Unsupported
from perceptron.backends.shared.gradient import Library, Network, activations_of, slope_scale
from perceptron.problems import catalogue
from perceptron.problems.batches import Indices
from perceptron.problems.cost import operations
from perceptron.problems.datasets import Array, TableData
from perceptron.problems.families import FAMILIES
from perceptron.problems.optimizer import Adam, Sgd
from perceptron.problems.problem import DType, Layer, Problem
from perceptron.problems.start import GivenStart
from tests.backends.conftest import PROBLEMS

OR_GATES = catalogue.find("many-or-gates:64")
BY_ADAM = replace(PROBLEMS["many-adam"], models=40)
"""More models than are trained alone."""
FOLDS = replace(BY_ADAM, models=35, folds=True)
"""The same, each without two rows of its own."""
PERCEPTRONS = PROBLEMS["many-perceptrons"]
A_FEW = (
    *("mlp-batch:64", "mlp-width-adam:8", "perceptron-rows:256", "perceptron-features:32"),
    *("mlp-width:32", "mlp-depth:8", "many-or-gates:16"),
)
# Every third size of every sweep that all mutants train in seconds; a larger one is below. Of
# several models 1,024 at most: drawing their starts takes longer than all else.
SWEPT = [
    *map(catalogue.find, A_FEW),
    *([] if optional.missing("sklearn") else [catalogue.find("many-mlps:16")]),
    *(
        problem
        for family in FAMILIES.values()
        for size in family.sizes[::3]
        if operations(problem := family.problem(*size)) < 1e7
        and problem.batch is None
        and problem.models <= 1024
        and problem.name not in A_FEW
    ),
]


def swept() -> list[object]:
    """One of each kind; all others are tried by `make test-long`."""
    return [
        pytest.param(
            problem, id=problem.name, marks=[] if problem.name in A_FEW else [pytest.mark.slow]
        )
        for problem in SWEPT
    ]


@pytest.mark.parametrize("problem", swept())
def test_agreement_catches_every_mistake_at_every_size(problem: Problem) -> None:
    """A bias dropped, a loss scaled by 1.01, an activation swapped, a sign turned, one parameter
    stale: in each layer, on sizes that a sweep would otherwise time."""
    expected = agreement.reference(problem)
    right = agreement.check(BACKEND, problem, "float32", expected)
    assert right.agrees, str(right)
    # The first, middle and last layers stand for the sixty-four of the deepest.
    deepest = len(problem.layers)
    layers = {1, deepest // 2 + 1, deepest}
    for mutation in mutations(problem):
        words = mutation.name.split()
        if "layer" in words and int(words[words.index("layer") + 1]) not in layers:
            continue
        mutant = mutation.of(BACKEND, problem, "float64")
        difference = agreement.compare(problem, mutant, "float64", expected)
        assert not difference.agrees, f"{mutation.name}: {difference}"


@pytest.mark.parametrize(
    "name",
    [
        "mlp-depth:64",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("mlp-width:8192", "perceptron-rows:1048576")
        ),
    ],
)
def test_large_sizes_leave_room_between_rounding_and_mistakes(name: str) -> None:
    """A right backend is a thousandth of what is allowed away in float64, half in float32."""
    problem = catalogue.find(name)
    backend = registry.load("numpy" if registry.reason_unavailable("torch-cpu") else "torch-cpu")
    expected = agreement.reference(problem)
    for dtype, share in (("float64", 1e-3), ("float32", 0.5)):
        trainer = backend.prepare(problem, dtype)  # type: ignore[arg-type]
        difference = agreement.compare(problem, trainer, dtype, expected)  # type: ignore[arg-type]
        assert difference.difference < share * difference.allowed, str(difference)


def test_agreement_difference_names_quantity_and_size() -> None:
    """A backend's author must learn from the line what to look at."""
    problem = catalogue.find("mlp-width:8")
    wrong = next(
        mutation for mutation in mutations(problem) if mutation.name == "bias of layer 2 stale"
    )
    trainer = wrong.of(BACKEND, problem, "float64")
    difference = agreement.compare(problem, trainer, "float64", agreement.reference(problem))
    assert str(difference) == (
        "disagrees with float64 NumPy after 10 iterations in float64: bias of layer 2 off by "
        "1.0e+00 of its movement (allowed 1.0e-06)"
    )


Product = Callable[[Array, Array], Array]


def with_products(product: Product) -> Kind:
    """Return a backend that computes the gradients itself, in float32 but for its products."""

    def matmul(left: Array, right: Array, out: Array | None = None) -> Array:
        result = product(left, right)
        if out is not None:
            out[...] = result
        return result

    def layer(weights: Array, bias: Array) -> Callable[[Array], Array]:
        return lambda values: product(values, weights) + bias

    def row_sums(ones: Array, values: Array, out: Array) -> None:
        out[...] = product(ones[np.newaxis], values)[0]

    def gradient(self: Driver, rows: Indices | None) -> Array:
        inputs, targets = (
            np.asarray(array if rows is None else array[rows], np.float32)
            for array in self.problem.training_part()
        )
        arrays = [array.astype(np.float32) for array in arrays_of(self.problem, self.values)]
        gradients = [np.empty_like(array) for array in arrays]
        library = Library(np, layer, matmul, row_sums, attrgetter("T"))
        activations, loss = activations_of(self.problem), self.problem.loss
        network = Network(library, arrays, gradients, activations, loss)
        scale = np.float32(slope_scale(loss, *targets.shape))
        ones = np.ones(len(inputs), np.float32)
        network.train([network.batch(inputs, targets, ones, scale)], lambda: None)
        return np.concatenate([array.astype(np.float64).ravel() for array in gradients])

    return mistaken(gradient=gradient)


def float32(left: Array, right: Array) -> Array:
    return left @ right


def tf32(left: Array, right: Array) -> Array:
    """Ten bits of mantissa of each factor, as a GPU's tensor cores take them."""

    def rounded(values: Array) -> Array:
        bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
        return ((bits + np.uint32(0x1000)) & np.uint32(0xFFFFE000)).view(np.float32)

    return rounded(left) @ rounded(right)


def float16_sums(left: Array, right: Array) -> Array:
    total = np.zeros((len(left), right.shape[1]), np.float16)
    for index in range(left.shape[1]):
        total += np.outer(left[:, index], right[index]).astype(np.float16)
    return total.astype(np.float32)


class InFloat32(NumpyBackend):
    """Right in float64 and of other products in float32; without float64 where that is asked."""

    def __init__(self, product: Product, alone: bool = False) -> None:
        self.kind, self.alone = with_products(product), alone

    def prepare(self, problem: Problem, dtype: DType) -> Trainer:
        if dtype == "float64":
            if self.alone:
                raise Unsupported("no float64")
            return super().prepare(problem, dtype)
        return self.kind(self, problem, dtype)


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("product", [tf32, float16_sums])
@pytest.mark.parametrize(
    "name", ["symptoms", "mlp-width:8", "mlp-map:16x32", "batches-momentum", "batches-of-one"]
)
def test_fewer_bits_than_float32_are_noticed(name: str, product: Product, alone: bool) -> None:
    """TF32 left on, sums in float16: what float64 cannot show; and the line says where to look."""
    problem = PROBLEMS[name]
    expected = agreement.reference(problem)
    right = agreement.check(InFloat32(float32, alone), problem, "float32", expected)
    assert right.difference < 0.1 * right.allowed, str(right)
    wrong = agreement.check(InFloat32(product, alone), problem, "float32", expected)
    assert not wrong.agrees
    assert wrong.dtype == "float32"
    assert ("fewer bits than float32" in str(wrong)) == (not alone)


def test_agreement_reports_float64_before_float32() -> None:
    """There it is the algorithm, and nothing is to be looked for in products."""
    problem = PROBLEMS["mlp-width:8"]

    class Wrong(NumpyBackend):
        def prepare(self, problem: Problem, dtype: DType) -> Trainer:
            return mutations(problem)[0].of(BACKEND, problem, dtype)

    difference = agreement.check(Wrong(), problem, "float32", agreement.reference(problem))
    assert not difference.agrees
    assert difference.dtype == "float64"


def regression(columns: list[list[float]], targets: list[float], start: list[float]) -> Problem:
    """One output, no activation, mse, Adam: gradients that are easy to work out."""
    values = tuple((*row, target) for row, target in zip(columns, targets, strict=True))
    features = len(columns[0])
    weights = np.array(start[:features]).reshape(-1, 1)
    return Problem(
        name="regression",
        family="regression",
        size=len(values),
        dataset=TableData("rows", len(values), features, values=values),
        layers=(Layer(1, "identity"),),
        loss="mse",
        optimizer=Adam(rate=0.01),
        start=GivenStart((weights, np.array(start[features:]))),
    )


def test_agreement_tolerates_rounding_of_cancelled_rows() -> None:
    """Two rows cancel up to rounding, of which Adam makes whole steps: even in float64."""
    problem = regression(
        [[1.0, 1.0, 0.1], [1.0, -1.0, 0.2], [-0.5, 1.0, 0.2], [-0.5, -1.0, 0.1]],
        [0.3, 0.3, 0.3, 0.3],
        [0.2, 0.0, 0.0, 0.1],
    )
    expected = agreement.reference(problem)

    def turn(arrays: list[Array]) -> None:
        if abs(arrays[0][1, 0]) < 1e-10:
            arrays[0][1] = 1e-7

    class ToOneSide(NumpyBackend):
        def prepare(self, problem: Problem, dtype: DType) -> Trainer:
            return spoiled(turn)(BACKEND, problem, dtype)

    with pytest.raises(Refused, match=r"weights: rounding decides where it ends, even in float64"):
        agreement.check(ToOneSide(), problem, "float32", expected)
    with pytest.raises(Refused, match=r"the loss: rounding to float32 decides where it ends$"):
        agreement.check(InFloat32(float32, alone=True), problem, "float32", expected)
    # NumPy's own float64 is the reference, and tells what float32 cannot.
    assert agreement.check(BACKEND, problem, "float32", expected).dtype == "float64"
    assert not agreement.compare(
        problem, BACKEND.prepare(problem, "float32"), "float32", expected
    ).agrees


def test_agreement_refuses_problem_without_movement() -> None:
    """Where nothing moves every wrong backend agrees."""
    saturated = replace(
        catalogue.find("or-gate"), start=GivenStart((np.full((2, 1), 500.0), np.full(1, 500.0)))
    )
    with pytest.raises(Refused, match="the loss does not move in 10 iterations"):
        agreement.reference(saturated)


def test_agreement_refuses_movement_lost_in_rounding() -> None:
    """Of a movement of 1e-8 float64 keeps enough, and then nothing rests on float32."""
    slow = replace(catalogue.find("or-gate"), optimizer=Sgd(rate=1e-8))
    expected = agreement.reference(slow)
    assert agreement.check(BACKEND, slow, "float32", expected).agrees
    with pytest.raises(Refused, match=r"too little to tell a mistake from rounding to float32$"):
        agreement.check(InFloat32(float32, alone=True), slow, "float32", expected)
    with pytest.raises(Refused, match=r"rounding to float64$"):
        agreement.reference(replace(slow, optimizer=Sgd(rate=1e-16)))


@pytest.mark.parametrize("rate", [1e60, 1e6])
def test_agreement_refuses_diverging_problem(rate: float) -> None:
    """NaN agrees with nothing, least of all with itself; nor does what float32 cannot hold."""
    layers = tuple(
        replace(layer, activation="identity") for layer in catalogue.find("xor-hidden").layers
    )
    wild = replace(catalogue.find("xor-hidden"), layers=layers, optimizer=Sgd(rate=rate))
    with (
        pytest.raises(Refused, match="not finite after 10 iterations: lower the rate"),
        np.errstate(all="ignore"),
    ):
        agreement.reference(wild)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_agreement_fails_for_nan(dtype: DType) -> None:
    """No comparison with NaN may come out as agreement, of one model or of one of several."""

    def spoil(arrays: list[Array]) -> None:
        arrays[-1][-1] = np.nan

    for problem in (PROBLEMS["or-gate"], PROBLEMS["many-momentum"]):
        trainer = spoiled(spoil)(BACKEND, problem, dtype)
        expected = agreement.reference(problem)
        assert not agreement.compare(problem, trainer, dtype, expected).agrees


def test_agreement_names_missing_parameters() -> None:
    """Its author must learn what is missing, not that a comparison failed."""
    problem = catalogue.find("xor-hidden")
    trainer = BACKEND.prepare(problem, "float64")
    with pytest.raises(ValueError, match=r"parameters\(\) gives 3 arrays, not 4"):
        agreement.standing(problem, trainer.parameters()[:3], trainer.evaluate())


@pytest.mark.parametrize("problem", [OR_GATES, BY_ADAM, FOLDS], ids=lambda problem: problem.name)
def test_agreement_checks_models_not_trained_alone(
    problem: Problem,
) -> None:
    """NumPy trains all at once beside the few, and every model is held against that."""
    expected = agreement.reference(problem)
    alone = agreement.models_alone(problem.models)
    assert len(alone) == agreement.MOST_ALONE < problem.models
    wrong = next(model for model in range(problem.models) if model not in alone)

    def stand_still(arrays: list[Array]) -> None:
        arrays[-1][wrong] = 0.0  # the last bias, by any optimizer

    trainer = spoiled(stand_still)(BACKEND, problem, "float64")
    difference = agreement.compare(problem, trainer, "float64", expected)
    assert not difference.agrees
    assert difference.quantity.endswith(f" of model {wrong}")
    assert agreement.check(BACKEND, problem, "float32", expected).agrees


@pytest.mark.parametrize("problem", [OR_GATES, BY_ADAM], ids=["sgd", "adam"])
def test_models_that_numpy_trains_together_are_those_that_it_trains_alone(
    problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What says how all are must itself be right: else nothing is said of the problem."""

    class Wrong(NumpyTrainer):
        def parameters(self) -> list[Array]:
            arrays: list[Array] = super().parameters()
            if self._problem.models > 1:
                arrays[-1][-1] += 1e-5  # the bias of the last model
            return arrays

    monkeypatch.setattr(numpy_backend, "NumpyTrainer", Wrong)
    with pytest.raises(Refused, match="NumPy's models together are not those alone"):
        agreement.reference(problem)


@pytest.mark.parametrize(
    "problem",
    [
        *(BY_ADAM, FOLDS, replace(PERCEPTRONS, batch=None)),
        *(replace(PERCEPTRONS, folds=True, batch=batch) for batch in (None, PERCEPTRONS.batch)),
    ],
    ids=lambda problem: f"{problem.name}-{problem.batch}-{problem.folds}",
)
def test_agreement_reference_of_many_models_is_that_of_each(
    problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of those that are not trained for it; a loss is their mean."""
    monkeypatch.setattr(NumpyTrainer, "piece", 100)  # as where there are more values than that
    expected = agreement.reference(problem)
    singles = [agreement.reference(problem.single(index)) for index in range(problem.models)]
    for name, quantity in expected.items():
        ends = np.stack([single[name].end for single in singles])
        ends = ends if quantity.end.ndim else ends.mean()
        np.testing.assert_allclose(quantity.end, ends, rtol=1e-9, atol=1e-12)


def inaccurate(self: Driver) -> Evaluation:
    evaluation = Driver.evaluate(self)
    return replace(evaluation, train=replace(evaluation.train, accuracy=0.0))


def partly_as_at_the_start(self: Driver) -> list[Array]:
    """A third of them."""
    old = arrays_of(self.problem, self.start)
    return [
        np.where(np.arange(new.size).reshape(new.shape) % 3 == 0, begun, new)
        for begun, new in zip(old, Driver.parameters(self), strict=True)
    ]


@pytest.mark.parametrize(
    "kind", [mistaken(evaluate=inaccurate), mistaken(parameters=partly_as_at_the_start)]
)
@pytest.mark.parametrize("name", ["symptoms", "batches-momentum"])
def test_agreement_compares_reported_values_with_parameters(name: str, kind: Kind) -> None:
    """In float32 alone, too, where half of the values may be anywhere."""
    problem = PROBLEMS[name]
    expected = agreement.reference(problem)
    right, wrong = (
        agreement.compare(problem, make(BACKEND, problem, "float32"), "float32", expected)
        for make in (Driver, kind)
    )
    assert right.agrees
    assert not wrong.agrees, str(wrong)
