"""Backends made wrong on purpose: proof that the agreement check can fail.

Trainers with one mistake each, and on which problems ten iterations must show it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from perceptron.backends.contract.driver import Driver, Gradients, arrays_of, flat, start_of
from perceptron.backends.contract.quantities import ITERATIONS
from perceptron.backends.protocol import Backend, Evaluation, Trainer
from perceptron.backends.shared.evaluation import predict
from perceptron.problems.batches import Batches, Indices
from perceptron.problems.datasets import Array, Dataset, Part
from perceptron.problems.held_out import OfEachModel
from perceptron.problems.optimizer import Adam, AdamW, Optimizer
from perceptron.problems.problem import Activation, DType, Layer, Problem
from perceptron.problems.start import Start

# From here up a decay moves parameters by more of a step than agreement allows.
_VISIBLE_DECAY = 0.05
# From here up eps is felt beside the root of a gradient's square.
_VISIBLE_EPS = 1e-4

Kind = Callable[[Gradients, Problem], Driver]


@dataclass(frozen=True)
class Mutation:
    """One mistake, made by a `Driver` of a kind or by training a misread problem."""

    name: str
    driver: Callable[[Gradients, Problem], Trainer] = Driver
    misread: Callable[[Problem], Problem] | None = None
    depends_on_dtype: bool = False


class MutantBackend:
    """``backend`` with one mistake."""

    def __init__(self, backend: Backend, mutation: Mutation) -> None:
        self.name = f"{backend.name} with {mutation.name}"
        self.device = backend.device
        self.summary = mutation.name
        self._backend = backend
        self._mutation = mutation

    def unavailable(self) -> str | None:
        return self._backend.unavailable()

    def environment(self, threads: int) -> dict[str, str]:
        return self._backend.environment(threads)

    def prepare(self, problem: Problem, dtype: DType) -> Trainer:
        if self._mutation.misread is not None:
            return self._backend.prepare(self._mutation.misread(problem), dtype)
        return self._mutation.driver(Gradients(self._backend, dtype), problem)


def mutations(problem: Problem) -> list[Mutation]:
    """Return every mistake to make on this problem, one in each layer where that makes sense.

    With several models also the mistakes that only they allow.
    """
    if problem.models > 1:
        return list(_of_the_models(problem))
    return [
        *_of_the_loss(problem),
        *_of_the_layers(problem),
        *_of_the_optimizer(problem.optimizer),
        *(_of_the_batches(problem.batches) if problem.batches else ()),
        *_of_the_evaluation(problem),
    ]


def _of_the_loss(problem: Problem) -> Iterator[Mutation]:
    yield Mutation("loss scaled by 1.01", scaled(1.01))
    if problem.outputs > 1 and problem.loss in ("mse", "bce", "l1-mean"):
        yield Mutation("mean over rows only", scaled(float(problem.outputs)))
    if overflows(problem):
        yield Mutation("softmax without its maximum taken off", PlainSoftmax, depends_on_dtype=True)


def _of_the_layers(problem: Problem) -> Iterator[Mutation]:
    for layer in range(len(problem.layers)):
        weights, bias = 2 * layer, 2 * layer + 1
        number = layer + 1
        yield Mutation(f"bias of layer {number} dropped", dropped(bias))
        if problem.loss != "bce" or number < len(problem.layers):  # it takes 0 to 1 only
            yield Mutation(f"activation of layer {number} swapped", misread=_swapped(layer))
        yield Mutation(f"gradient of layer {number} of the wrong sign", times(-1.0, weights, bias))
        yield Mutation(f"weights of layer {number} stale", stale(weights))
        yield Mutation(f"bias of layer {number} stale", stale(bias))


def _of_the_optimizer(optimizer: Optimizer) -> Iterator[Mutation]:
    decays = optimizer.weight_decay >= _VISIBLE_DECAY
    if isinstance(optimizer, Adam):
        yield Mutation("no bias correction", NoBiasCorrection)
        yield Mutation("averages kept by reset()", StateKept)
        yield Mutation("step count kept by reset()", StepsKept)
        if optimizer.eps >= _VISIBLE_EPS:
            yield Mutation("eps inside the root", EpsInside)
        if decays:
            coupled = isinstance(optimizer, AdamW)
            name = "coupled for decoupled" if coupled else "decoupled for coupled"
            yield Mutation(f"weight decay {name}", misread=_stepping(_other_decay))
    elif optimizer.momentum:
        name = "momentum for nesterov" if optimizer.nesterov else "nesterov for momentum"
        other = replace(optimizer, nesterov=not optimizer.nesterov)
        none = replace(optimizer, momentum=0.0, nesterov=False)
        yield Mutation(name, misread=_stepping(lambda _: other))
        yield Mutation("no momentum", misread=_stepping(lambda _: none))
        yield Mutation("momentum's buffer kept by reset()", StateKept)
    if decays:
        yield Mutation(
            "no weight decay", misread=_stepping(lambda old: replace(old, weight_decay=0.0))
        )


def _of_the_batches(batches: Batches) -> Iterator[Mutation]:
    if batches.per_epoch > 1:
        yield Mutation("order off by one batch", OffByOne)
        yield Mutation("stale batch", StaleBatch)
        yield Mutation("position kept by reset()", PositionKept)
        yield Mutation("order of another seed", misread=_other_seed)
    if 1 < batches.per_epoch < ITERATIONS:
        yield Mutation("every epoch in the first one's order", OneOrder)
    left_over = batches.rows % batches.size
    if left_over and batches.rows // batches.size < ITERATIONS:
        if batches.last == "keep":
            yield Mutation("last batch dropped", misread=_other_last)
            yield Mutation(
                "short batch divided by the rows of a whole one",
                short_divided_by(batches.size),
            )
        else:
            yield Mutation("last batch kept", misread=_other_last)


def _of_the_models(problem: Problem) -> Iterator[Mutation]:
    def from_one_start(problem: Problem) -> Problem:
        return replace(problem, start=OneStart(problem.start))

    yield Mutation("all models from one start", misread=from_one_start)
    yield Mutation("gradients summed over the models", SummedOverModels)
    yield Mutation("one model skipped", LastModelSkipped)
    if isinstance(problem.dataset, OfEachModel):
        yield Mutation("all models without the first fold", misread=_one_fold)


def _one_fold(problem: Problem) -> Problem:
    dataset = problem.dataset
    assert isinstance(dataset, OfEachModel)
    one = OneFold(
        name=dataset.name,
        rows=dataset.rows,
        features=dataset.features,
        class_names=dataset.class_names,
        of_all=dataset,
    )
    return replace(problem, dataset=one)


def _of_the_evaluation(problem: Problem) -> Iterator[Mutation]:
    if problem.held_out_part() is not None:
        yield Mutation("training part evaluated as test set", WrongPart)


def _stepping(change: Callable[[Optimizer], Optimizer]) -> Callable[[Problem], Problem]:
    return lambda problem: replace(problem, optimizer=change(problem.optimizer))


def _other_decay(optimizer: Optimizer) -> Optimizer:
    assert isinstance(optimizer, Adam)
    kind = Adam if isinstance(optimizer, AdamW) else AdamW
    return kind(
        rate=optimizer.rate,
        betas=optimizer.betas,
        eps=optimizer.eps,
        weight_decay=optimizer.weight_decay,
    )


def _other_seed(problem: Problem) -> Problem:
    return replace(problem, order_seed=problem.order_seed + 1)


def _other_last(problem: Problem) -> Problem:
    return replace(problem, last="drop" if problem.last == "keep" else "keep")


def _swapped(layer: int) -> Callable[[Problem], Problem]:
    def swap(problem: Problem) -> Problem:
        layers = list(problem.layers)
        # tanh and sigmoid stand for each other: both bounded, both smooth, the likeliest mistake.
        other: Activation = "tanh" if layers[layer].activation == "sigmoid" else "sigmoid"
        layers[layer] = Layer(layers[layer].width, other)
        return replace(problem, layers=tuple(layers))

    return swap


def scaled(factor: float) -> Kind:
    """Return what multiplies the loss, and with it the gradient, by ``factor``."""

    class Scaled(Driver):
        def gradient(self, rows: Indices | None) -> Array:
            return factor * super().gradient(rows)

        def loss(self) -> float:
            return factor * super().loss()

    return Scaled


def times(factor: float, *indices: int) -> Kind:
    """Return what multiplies the gradients of these arrays of parameters by ``factor``."""

    class Times(Driver):
        def gradient(self, rows: Indices | None) -> Array:
            gradient = super().gradient(rows)
            for index in indices:
                arrays_of(self.problem, gradient)[index][...] *= factor
            return gradient

    return Times


def stale(index: int) -> Kind:
    """Return what never moves this array."""

    class Stale(Driver):
        def step(self, gradient: Array) -> None:
            array = arrays_of(self.problem, self.values)[index]
            before = array.copy()
            super().step(gradient)
            array[...] = before

    return Stale


def dropped(index: int) -> Kind:
    """Return what has zeros in place of this array."""

    class Dropped(Driver):
        def reset(self) -> None:
            super().reset()
            self._drop()

        def step(self, gradient: Array) -> None:
            super().step(gradient)
            self._drop()

        def _drop(self) -> None:
            arrays_of(self.problem, self.values)[index][...] = 0.0

    return Dropped


def short_divided_by(rows_of_a_batch: int) -> Kind:
    """Return what takes the mean over a short batch as if it had the rows of a whole one."""

    class WholeBatch(Driver):
        def gradient(self, rows: Indices | None) -> Array:
            assert rows is not None
            return len(rows) / rows_of_a_batch * super().gradient(rows)

    return WholeBatch


class PlainSoftmax(Driver):
    """Exponentiates values as they are."""

    def gradient(self, rows: Indices | None) -> Array:
        gradient = super().gradient(rows)
        if _overflow(self.problem, self.values, rows, self.gradients.dtype):
            gradient *= np.nan  # inf/inf
        return gradient


class NoBiasCorrection(Driver):
    """Takes Adam's averages as they are, small as they begin."""

    def factors(self, optimizer: Adam) -> tuple[float, float]:
        # The rule keeps M = m/(1 − β₁) and V = v/(1 − β₂).
        first, second = optimizer.betas
        root = (1.0 - second) ** 0.5
        return optimizer.rate * (1.0 - first) / root, optimizer.eps / root


class EpsInside(Driver):
    """Steps along m/√(v + eps)."""

    def step(self, gradient: Array) -> None:
        optimizer = self.problem.optimizer
        assert isinstance(optimizer, Adam)
        super().step(gradient)
        first, second = optimizer.betas
        mean, square = self.state
        mean = mean * (1.0 - first) / (1.0 - first**self.steps)
        square = square * (1.0 - second) / (1.0 - second**self.steps)
        # What decay did stays; the step is taken again.
        self.values += optimizer.rate * mean / (np.sqrt(square) + optimizer.eps)
        self.values -= optimizer.rate * mean / np.sqrt(square + optimizer.eps)


class StateKept(Driver):
    """Resets the parameters and the count of steps, not the averages."""

    def reset_state(self) -> None:
        self.steps = 0


class StepsKept(Driver):
    """Counts on over a reset."""

    def reset_state(self) -> None:
        steps = self.steps
        super().reset_state()
        self.steps = steps


class PositionKept(Driver):
    """Goes on with the next batch after a reset."""

    def reset_position(self) -> None:
        pass


class OffByOne(Driver):
    """Begins with the second batch."""

    def rows(self, iteration: int) -> Indices | None:
        return super().rows(iteration + 1)


class StaleBatch(Driver):
    """Trains on the batch before, once more on the first."""

    def rows(self, iteration: int) -> Indices | None:
        return super().rows(max(iteration - 1, 0))


class OneOrder(Driver):
    """Takes the batches of the first epoch in every epoch."""

    def rows(self, iteration: int) -> Indices | None:
        return super().rows(iteration % self.problem.iterations_per_epoch)


class SummedOverModels(Driver):
    """Moves every model along the sum of all their gradients."""

    def gradient(self, rows: Indices | None) -> Array:
        gradient = super().gradient(rows)
        for array in arrays_of(self.problem, gradient):
            array[...] = array.sum(axis=0)
        return gradient


class LastModelSkipped(Driver):
    """Trains all models but the last."""

    def gradient(self, rows: Indices | None) -> Array:
        gradient = super().gradient(rows)
        for array in arrays_of(self.problem, gradient):
            array[-1] = 0.0
        return gradient


@dataclass(frozen=True)
class OneStart(Start):
    """Where the first model starts, for all models."""

    start: Start

    def parameters(self, widths: Sequence[int]) -> list[Array]:
        return self.start.parameters(widths)

    def of_model(self, index: int) -> Start:
        return self.start


@dataclass(frozen=True, kw_only=True, eq=False)
class OneFold(OfEachModel):
    """The rows of the first model, for all models."""

    of_all: OfEachModel

    def parts(self) -> tuple[Part, Part | None]:
        train, held_out = self.of_all.parts()
        return _of_the_first(train), None if held_out is None else _of_the_first(held_out)

    def of_model(self, index: int) -> Dataset:
        return self.of_all.of_model(0)


def _of_the_first(part: Part) -> Part:
    inputs, targets = (array[[0] * len(array)] for array in part)
    return Part(inputs, targets)


class WrongPart(Driver):
    """Evaluates the training part where the test set is asked for."""

    def evaluate(self) -> Evaluation:
        evaluation = super().evaluate()
        return replace(evaluation, test=evaluation.train)


def overflows(problem: Problem) -> bool:
    """Return whether exponentials of the first batch overflow without their maximum taken off."""
    if problem.loss != "cross-entropy":
        return False
    batches = problem.batches
    rows = None if batches is None else batches.indices(0)
    return _overflow(problem, flat(start_of(problem)), rows, "float64")


def _overflow(problem: Problem, values: Array, rows: Indices | None, dtype: DType) -> bool:
    inputs = problem.training_part().inputs
    outputs = predict(problem, arrays_of(problem, values), inputs if rows is None else inputs[rows])
    return bool(outputs.max() > np.log(np.finfo(dtype).max))
