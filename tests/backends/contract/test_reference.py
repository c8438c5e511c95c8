"""What float64 NumPy makes of a problem of one model or of several, quantity by quantity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from perceptron.backends import numpy_backend
from perceptron.backends.contract import agreement, reference
from perceptron.backends.contract.driver import Driver, arrays_of
from perceptron.backends.contract.mutants import MutantBackend, Mutation
from perceptron.backends.contract.problems import problems
from perceptron.backends.contract.quantities import Quantity, Reference, Refused
from perceptron.backends.contract.reference import quantities_of, values_of
from perceptron.backends.numpy_backend import BACKEND
from perceptron.backends.numpy_trainer import NumpyTrainer
from perceptron.problems import catalogue
from perceptron.problems.batches import Indices
from perceptron.problems.datasets import Array
from perceptron.problems.optimizer import Sgd
from perceptron.problems.problem import DTYPES, DType, Problem
from perceptron.problems.start import FanInStart, Start

SEVERAL = {problem.name: problem for problem in problems() if problem.models > 1}
OR_GATES = catalogue.find("many-or-gates:64")
BY_ADAM = replace(SEVERAL["many-adam"], models=40)
"""More models than are trained alone."""
FOLDS = replace(BY_ADAM, models=35, folds=True)
"""The same, each without two rows of its own."""


def test_a_diverging_problem_is_refused() -> None:
    """NaN agrees with nothing, least of all with itself."""
    layers = tuple(
        replace(layer, activation="identity") for layer in catalogue.find("xor-hidden").layers
    )
    wild = replace(catalogue.find("xor-hidden"), layers=layers, optimizer=Sgd(rate=1e60))
    with (
        pytest.raises(Refused, match="not finite after 10 iterations: lower the rate"),
        np.errstate(all="ignore"),
    ):
        reference.of_one(wild)


def test_a_model_is_judged_by_its_movement_or_by_that_of_all_where_it_hardly_moves() -> None:
    """By hand: 3 and 1 have the root mean square √5; a value that is not known counts nothing."""
    end = np.array([[3.0, 0.0], [1.0, 100.0]])
    known = np.array([[True, True], [True, False]])
    quantity = Quantity("weights", np.zeros((2, 2)), end, known={"float32": known}, models=2)
    np.testing.assert_allclose(quantity.moved("float32"), [3.0, np.sqrt(5.0)])
    np.testing.assert_allclose(quantity.norms(end + 1.0, "float32"), [np.sqrt(17.0), 2.0])


def test_a_trainer_without_some_parameters_is_named_by_what_it_gives() -> None:
    """Its author must learn what is missing, not that a comparison failed."""
    problem = catalogue.find("xor-hidden")
    trainer = BACKEND.prepare(problem, "float64")
    with pytest.raises(ValueError, match=r"parameters\(\) gives 3 arrays, not 4"):
        values_of(problem, trainer.evaluate(), trainer.parameters()[:3])


def test_a_loss_that_stands_still_is_judged_by_the_one_that_is_trained() -> None:
    """Of several models a loss is one value, and an array one for each."""
    problem = SEVERAL["many-momentum"]
    trainer = BACKEND.prepare(problem, "float64")
    before = values_of(problem, trainer.evaluate(), trainer.parameters(), loss=3.0)
    quantities = quantities_of(
        problem, before, before | {"the loss": before["the loss"] + 2.0}, {}, {}
    )
    for quantity in quantities:
        is_loss = quantity.name.startswith("the loss")
        assert quantity.models == (1 if is_loss else problem.models)
        assert quantity.moved("float32").tolist() == [2.0 if is_loss else 0.0] * quantity.models


class OneModelOff(Driver):
    """Trains one of the models a thousandth too far."""

    model = 0

    def gradient(self, rows: Indices | None) -> Array:
        gradient = super().gradient(rows)
        for array in arrays_of(self.problem, gradient):
            array[self.model] *= 1.001
        return gradient


class OneBiasStale(Driver):
    """Leaves the last bias of one model where it starts."""

    model = 0

    def step(self, gradient: Array) -> None:
        bias = arrays_of(self.problem, self.values)[-1][self.model]
        before = bias.copy()
        super().step(gradient)
        bias[...] = before


@pytest.mark.parametrize(
    ("problem", "mistake"),
    [(OR_GATES, OneModelOff), (BY_ADAM, OneBiasStale), (FOLDS, OneBiasStale)],
    ids=lambda value: getattr(value, "name", value.__name__ if isinstance(value, type) else ""),
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_wrong_model_is_noticed_though_it_is_not_among_those_trained_alone(
    problem: Problem, mistake: type[Driver], dtype: DType
) -> None:
    """NumPy trains all at once beside the few, and every model is held against that."""
    expected = reference.of_several(problem)
    alone = reference.models_alone(problem.models)
    assert len(alone) == reference.MOST_ALONE < problem.models
    wrong = next(model for model in range(problem.models) if model not in alone)
    driver = Mutation("one model off", type("Off", (mistake,), {"model": wrong}))
    trainer = MutantBackend(BACKEND, driver).prepare(problem, dtype)
    difference = agreement.compare(problem, trainer, dtype, expected)
    assert not difference.agrees
    right = MutantBackend(BACKEND, Mutation("none")).prepare(problem, dtype)
    assert agreement.compare(problem, right, dtype, expected).agrees


@pytest.mark.parametrize("problem", [OR_GATES, BY_ADAM], ids=["sgd", "adam"])
def test_models_that_numpy_trains_together_are_those_that_it_trains_alone(
    problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What says how all are must itself be right: else nothing is said of the problem."""

    class Wrong(NumpyTrainer):
        def train(self, iterations: int) -> None:
            super().train(iterations)
            if self._problem.models > 1:
                self._parameters[-1] += 1e-6  # the bias of the last model

    monkeypatch.setattr(numpy_backend, "NumpyTrainer", Wrong)
    with pytest.raises(Refused, match="NumPy's models together are not those alone"):
        reference.of_several(problem)


@pytest.mark.parametrize("problem", [BY_ADAM, FOLDS], ids=lambda problem: problem.name)
def test_of_many_models_the_reference_is_that_of_each_alone(problem: Problem) -> None:
    """Also of those that are not trained for it: where they end, and what is known of them."""
    expected = reference.of_several(problem)
    singles = alone(problem, range(problem.models))
    for number, quantity in enumerate(expected.quantities):
        own = [single.quantities[number] for single in singles]
        if quantity.models == 1:
            ends = [float(single.end) for single in own]
            assert float(quantity.end) == pytest.approx(np.mean(ends), rel=1e-12)
            continue
        np.testing.assert_allclose(
            quantity.end, np.stack([single.end for single in own]), rtol=1e-9, atol=1e-12
        )
        for dtype in DTYPES:
            known = np.stack([single.mask(dtype) for single in own])
            np.testing.assert_array_equal(quantity.mask(dtype), known)
    for number, accuracy in enumerate(expected.accuracies):
        shares = [single.accuracies[number].share for single in singles]
        assert accuracy.share == pytest.approx(np.mean(shares))


def test_a_model_that_diverges_is_noticed_though_it_is_not_among_those_trained_alone() -> None:
    """Else a backend would be said to disagree."""
    wrong = next(model for model in range(40) if model not in reference.models_alone(40))

    @dataclass(frozen=True)
    class OneInfinite(Start):
        start: Start
        model: int = 0

        def parameters(self, widths: Sequence[int]) -> list[Array]:
            arrays = self.start.parameters(widths)
            return [array + np.inf for array in arrays] if self.model == wrong else arrays

        def of_model(self, index: int) -> Start:
            return replace(self, start=self.start.of_model(index), model=index)

    problem = replace(BY_ADAM, start=OneInfinite(FanInStart()))
    with (
        pytest.raises(Refused, match="is not finite after 10 iterations"),
        np.errstate(all="ignore"),
    ):
        reference.of_several(problem)


class SomeDrift(Driver):
    """Leaves some models off by a share of how far a bias moves."""

    models: tuple[int, ...] = ()
    share = 0.0

    def parameters(self) -> list[Array]:
        arrays = super().parameters()
        moved = arrays[-1] - self.problem.stacked_start()[-1]
        for model in self.models:
            arrays[-1][model] += self.share * moved[model]
        return arrays


@pytest.mark.parametrize(
    ("models", "share", "agrees"),
    [((3,), 0.02, True), ((3,), 0.08, False), ((3, 5), 0.02, False), ((3,), np.nan, False)],
)
def test_a_few_models_may_be_further_off_but_not_as_far_as_by_a_mistake(
    models: tuple[int, ...], share: float, agrees: bool
) -> None:
    """Of forty one: rounding carries it further than others. It is named where it is too far."""
    expected = reference.of_several(BY_ADAM)
    bias = expected.quantities[-1]
    bias = replace(bias, known={"float32": np.ones(bias.end.shape, bool)}, outliers=1)
    expected = replace(expected, quantities=(bias,), accuracies=())
    kind = type("Drift", (SomeDrift,), {"models": models, "share": share})
    trainer = MutantBackend(BACKEND, Mutation("drift", kind)).prepare(BY_ADAM, "float32")
    difference = agreement.compare(BY_ADAM, trainer, "float32", expected)
    assert difference.agrees == agrees
    assert (" of model 3" in difference.quantity) == (len(models) == 1)


def test_only_what_rounding_decides_may_carry_a_model_further() -> None:
    """Plain steps carry rounding on as it is, in every model; and so does a mean loss."""
    assert {own.outliers for own in reference.of_several(OR_GATES).quantities} == {0}
    pytest.importorskip("sklearn")
    quantities = reference.of_several(catalogue.find("many-mlps:64")).quantities
    assert [own.outliers for own in quantities] == [0, 0, 0, 1, 1, 1, 1]


def alone(problem: Problem, models: range) -> list[Reference]:
    """Return the reference of each of these models, trained alone."""
    return [reference.of_one(problem.single(index)) for index in models]
