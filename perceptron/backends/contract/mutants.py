"""Backends made wrong on purpose: proof that the agreement check can fail.

A `Driver` takes gradients from a backend, and chooses batches and takes steps itself, so that a
mistake can be put anywhere into the training of any backend. `mutations` returns the mistakes that
ten iterations of a problem must show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from perceptron.backends.contract.agreement import ITERATIONS, start_of
from perceptron.backends.protocol import Backend, Evaluation, Trainer
from perceptron.backends.shared.evaluation import Scored, evaluate, predict
from perceptron.backends.shared.gradient import views
from perceptron.backends.shared.update import State, adam_factors, start_state, update
from perceptron.problems.batches import Batches, Indices
from perceptron.problems.datasets import Array, Dataset, Part
from perceptron.problems.optimizer import Adam, AdamW, Optimizer, Sgd
from perceptron.problems.problem import Activation, DType, Layer, Problem
from perceptron.problems.start import GivenStart

# A power of two, so that dividing by it is exact, and so large that the difference of a step from
# any parameter is hardly more than the gradient.
_RATE = 2.0**16
# From here up a decay, or eps beside the root of a gradient's square, shows in any dtype.
_VISIBLE_DECAY, _VISIBLE_EPS = 0.05, 1e-4


def arrays_of(problem: Problem, values: Array) -> list[Array]:
    """Return views of a flat array, in the shapes of `start_of`."""
    return views(values, problem.widths, problem.models if problem.models > 1 else None)


def _flat(arrays: Sequence[Array]) -> Array:
    return np.concatenate([np.asarray(array, np.float64).ravel() for array in arrays])


@dataclass(frozen=True, kw_only=True, eq=False)
class _Selected(Dataset):
    """A data set of selected rows."""

    train: Part
    test: Part | None = None

    def parts(self) -> tuple[Part, Part | None]:
        return self.train, self.test

    def of_model(self, index: int) -> Dataset:
        if self.train.inputs.ndim == 2:
            return self
        return _selected(self, lambda array: array[index])


def _selected(dataset: Dataset, pick: Callable[[Array], Array], with_test: bool = True) -> Dataset:
    """Return a copy of a data set with ``pick`` applied to its inputs and targets."""
    train, test = dataset.parts()
    picked = Part(*map(pick, train))
    return _Selected(
        name=dataset.name,
        rows=picked.inputs.shape[-2],
        features=dataset.features,
        class_names=dataset.class_names,
        train=picked,
        test=Part(*map(pick, test)) if test and with_test else None,
    )


class Driver(Scored):
    """A trainer in float64 except for its gradients; mutants override methods with mistakes."""

    retained: tuple[str, ...] = ()
    """Names of the attributes that `reset` does not change."""
    values: Array
    state: State
    steps: int
    iteration: int

    def __init__(self, backend: Backend, problem: Problem, dtype: DType) -> None:
        self.backend, self.problem, self.dtype = backend, problem, dtype
        self.start = _flat(start_of(problem))
        vars(self).update(self.at_start())

    def at_start(self) -> dict[str, object]:
        """Return the attributes that training changes, with their start values."""
        state = start_state(np, self.problem.optimizer, self.start)
        return {"values": self.start.copy(), "state": state, "steps": 0, "iteration": 0}

    def train(self, iterations: int) -> None:
        for _ in range(iterations):
            gradient = self.gradient(self.rows(self.iteration))
            self.iteration += 1
            self.steps += 1
            self.step(gradient)

    def reset(self) -> None:
        at_start = self.at_start()
        vars(self).update({name: at_start[name] for name in at_start.keys() - self.retained})

    def evaluate(self) -> Evaluation:
        arrays = arrays_of(self.problem, self.values)
        return evaluate(self.problem, lambda inputs: predict(self.problem, arrays, inputs))

    def parameters(self) -> list[Array]:
        return [array.copy() for array in arrays_of(self.problem, self.values)]

    def rows(self, iteration: int) -> Indices | None:
        """Return the rows of an iteration's batch; None for all."""
        batches = self.problem.batches
        return None if batches is None else batches.indices(iteration)

    def gradient(self, rows: Indices | None) -> Array:
        """Return the backend's gradient, flat: the difference of a plain step over the rate."""
        dataset = self.problem.dataset
        if rows is not None:
            dataset = _selected(dataset, lambda array: array[..., rows, :], with_test=False)
        step = replace(
            self.problem,
            dataset=dataset,
            optimizer=Sgd(rate=_RATE),
            batch=None,
            feed="resident",
            start=GivenStart(tuple(arrays_of(self.problem, self.values))),
        )
        with np.errstate(all="ignore"):  # a backend that warms up takes several such steps
            trainer = self.backend.prepare(step, self.dtype)
            before = _flat(trainer.parameters())
            trainer.train(1)
        return (before - _flat(trainer.parameters())) / _RATE

    def step(self, gradient: Array) -> None:
        """Take step number ``steps``, counted from 1."""
        optimizer = self.problem.optimizer
        factors = self.factors(optimizer) if isinstance(optimizer, Adam) else None
        update(np, optimizer, self.values, gradient, self.state, factors)

    def factors(self, optimizer: Adam) -> tuple[float, float]:
        """Return `adam_factors` of this step."""
        return adam_factors(optimizer, self.steps)


Kind = Callable[[Backend, Problem, DType], Trainer]


@dataclass(frozen=True)
class Mutation:
    """A mistake, made by a kind of `Driver` or by training a misread problem."""

    name: str
    driver: Kind = Driver
    misread: Callable[[Problem], Problem] | None = None
    depends_on_dtype: bool = False
    """Whether it may show only in the dtype that is timed, not in float64."""

    def of(self, backend: Backend, problem: Problem, dtype: DType) -> Trainer:
        """Return a trainer of ``backend`` that makes the mistake."""
        if self.misread is not None:
            return backend.prepare(self.misread(problem), dtype)
        return self.driver(backend, problem, dtype)


def mutations(problem: Problem) -> list[Mutation]:
    """Return the mistakes that this problem must show, in each layer where that makes sense.

    For several models, return the mistakes that concern several models.
    """
    if problem.models > 1:
        return list(_of_the_models(problem))
    mistakes = [
        *_of_the_loss(problem),
        *_of_the_layers(problem),
        *_of_the_optimizer(problem.optimizer),
        *(_of_the_batches(problem.batches) if problem.batches else ()),
    ]
    if problem.held_out_part() is not None:
        mistakes.append(Mutation("training part evaluated as test set", WRONG_PART))
    return mistakes


def _of_the_loss(problem: Problem) -> Iterator[Mutation]:
    yield Mutation("loss scaled by 1.01", scaled(1.01))
    if problem.outputs > 1 and problem.loss in ("mse", "bce", "l1-mean"):
        yield Mutation("mean over rows only", scaled(float(problem.outputs)))
    rows = None if problem.batches is None else problem.batches.indices(0)
    if _overflows(problem, start_of(problem), rows, "float64"):
        name = "softmax without its maximum taken off"
        yield Mutation(name, mistaken(gradient=_by_plain_softmax), depends_on_dtype=True)


def _of_the_layers(problem: Problem) -> Iterator[Mutation]:
    for layer in range(len(problem.layers)):
        weights, bias = 2 * layer, 2 * layer + 1
        number = layer + 1
        yield Mutation(f"bias of layer {number} dropped", put_back(bias, 0.0))
        if problem.loss != "bce" or number < len(problem.layers):  # it takes 0 to 1 only
            yield Mutation(f"activation of layer {number} swapped", misread=_swapped(layer))
        yield Mutation(f"gradient of layer {number} of the wrong sign", turned(layer))
        yield Mutation(f"weights of layer {number} stale", put_back(weights, 1.0))
        yield Mutation(f"bias of layer {number} stale", put_back(bias, 1.0))


def _of_the_optimizer(optimizer: Optimizer) -> Iterator[Mutation]:
    decays = optimizer.weight_decay >= _VISIBLE_DECAY
    if isinstance(optimizer, Adam):
        yield Mutation("no bias correction", mistaken(factors=_uncorrected))
        yield Mutation("averages kept by reset()", STATE_KEPT)
        yield Mutation("step count kept by reset()", STEPS_KEPT)
        if optimizer.eps >= _VISIBLE_EPS:
            yield Mutation("eps inside the root", mistaken(step=_with_eps_inside))
        if decays:
            kind, name = Adam, "weight decay coupled for decoupled"
            if not isinstance(optimizer, AdamW):
                kind, name = AdamW, "weight decay decoupled for coupled"
            yield Mutation(name, misread=_stepping(kind(**vars(optimizer))))
    elif optimizer.momentum:
        name = "momentum for nesterov" if optimizer.nesterov else "nesterov for momentum"
        swapped = replace(optimizer, nesterov=not optimizer.nesterov)
        yield Mutation(name, misread=_stepping(swapped))
        none = replace(optimizer, momentum=0.0, nesterov=False)
        yield Mutation("no momentum", misread=_stepping(none))
        yield Mutation("momentum's buffer kept by reset()", STATE_KEPT)
    if decays:
        yield Mutation("no weight decay", misread=_stepping(replace(optimizer, weight_decay=0.0)))


def _of_the_batches(batches: Batches) -> Iterator[Mutation]:
    if batches.per_epoch > 1:
        yield Mutation("order off by one batch", taking(lambda iteration, _: iteration + 1))
        yield Mutation("stale batch", taking(lambda iteration, _: max(iteration - 1, 0)))
        yield Mutation("position kept by reset()", POSITION_KEPT)
        yield Mutation(
            "order of another seed",
            misread=lambda problem: replace(problem, order_seed=problem.order_seed + 1),
        )
    if 1 < batches.per_epoch < ITERATIONS:
        name = "every epoch in the first one's order"
        yield Mutation(name, taking(lambda iteration, per_epoch: iteration % per_epoch))
    if batches.rows % batches.size and batches.rows // batches.size < ITERATIONS:
        if batches.last == "drop":
            yield Mutation("last batch kept", misread=lambda problem: replace(problem, last="keep"))
            return
        yield Mutation("last batch dropped", misread=lambda problem: replace(problem, last="drop"))
        yield Mutation(
            "short batch divided by the rows of a whole one", mistaken(gradient=_of_a_whole_batch)
        )


def _of_the_models(problem: Problem) -> Iterator[Mutation]:
    def from_one_start(problem: Problem) -> Problem:
        return replace(problem, start=GivenStart(tuple(map(of_the_first, start_of(problem)))))

    def with_one_fold(problem: Problem) -> Problem:
        return replace(problem, dataset=_selected(problem.dataset, of_the_first))

    def of_the_first(array: Array) -> Array:
        return array[[0] * problem.models]

    yield Mutation("all models from one start", misread=from_one_start)
    yield Mutation("gradients summed over the models", spoiled(_sum_over_models))
    yield Mutation("one model skipped", spoiled(_skip_last_model))
    if problem.folds:
        yield Mutation("all models without the first fold", misread=with_one_fold)


def _stepping(optimizer: Optimizer) -> Callable[[Problem], Problem]:
    return lambda problem: replace(problem, optimizer=optimizer)


def _swapped(layer: int) -> Callable[[Problem], Problem]:
    def swap(problem: Problem) -> Problem:
        layers = list(problem.layers)
        # tanh and sigmoid are swapped: both bounded, both smooth, the likeliest mistake.
        activation: Activation = "tanh" if layers[layer].activation == "sigmoid" else "sigmoid"
        layers[layer] = Layer(layers[layer].width, activation)
        return replace(problem, layers=tuple(layers))

    return swap


def mistaken(**wrong: object) -> Kind:
    """Return a subclass of `Driver` with these methods or attributes instead of its own."""
    return type("Mistaken", (Driver,), wrong)


def scaled(factor: float) -> Kind:
    """Return a `Driver` that multiplies the loss and its gradient by ``factor``."""
    return mistaken(
        gradient=lambda self, rows: factor * Driver.gradient(self, rows),
        loss=lambda self: factor * Driver.loss(self),
    )


def spoiled(spoil: Callable[[list[Array]], object]) -> Kind:
    """Return a `Driver` that applies ``spoil`` to the gradient arrays of all layers, in place."""

    def gradient(self: Driver, rows: Indices | None) -> Array:
        gradient = Driver.gradient(self, rows)
        spoil(arrays_of(self.problem, gradient))
        return gradient

    return mistaken(gradient=gradient)


def taking(batch: Callable[[int, int], int]) -> Kind:
    """Return a `Driver` that takes batch ``batch(iteration, iterations per epoch)`` instead."""

    def rows(self: Driver, iteration: int) -> Indices | None:
        return Driver.rows(self, batch(iteration, self.problem.iterations_per_epoch))

    return mistaken(rows=rows)


def turned(layer: int) -> Kind:
    """Return a `Driver` with the wrong sign of this layer's gradients."""

    def turn(arrays: list[Array]) -> None:
        for array in arrays[2 * layer : 2 * layer + 2]:
            array *= -1.0

    return spoiled(turn)


def _sum_over_models(arrays: list[Array]) -> None:
    for array in arrays:
        array[...] = array.sum(axis=0)


def _skip_last_model(arrays: list[Array]) -> None:
    for array in arrays:
        array[-1] = 0.0


def put_back(index: int, share: float) -> Kind:
    """Return a `Driver` whose steps leave in array ``index`` a share of its values before."""

    def step(self: Driver, gradient: Array) -> None:
        array = arrays_of(self.problem, self.values)[index]
        before = share * array
        Driver.step(self, gradient)
        array[...] = before

    return mistaken(step=step)


def _of_a_whole_batch(self: Driver, rows: Indices) -> Array:
    """Return the gradient of a short batch, divided by the rows of a whole batch."""
    return len(rows) / self.problem.step_rows * Driver.gradient(self, rows)


def _by_plain_softmax(self: Driver, rows: Indices | None) -> Array:
    """Return the gradient, NaN where exponentials of the values overflow."""
    gradient = Driver.gradient(self, rows)
    if _overflows(self.problem, arrays_of(self.problem, self.values), rows, self.dtype):
        gradient *= np.nan  # inf/inf
    return gradient


def _overflows(problem: Problem, arrays: list[Array], rows: Indices | None, dtype: DType) -> bool:
    """Return whether exponentials of outputs overflow unless their maximum is subtracted."""
    if problem.loss != "cross-entropy":
        return False
    inputs = problem.training_part().inputs
    outputs = predict(problem, arrays, inputs if rows is None else inputs[rows])
    return bool(outputs.max() > np.log(np.finfo(dtype).max))


def _uncorrected(self: Driver, optimizer: Adam) -> tuple[float, float]:
    """Return Adam's factors without bias correction."""
    # The rule keeps M = m/(1 − β₁) and V = v/(1 − β₂).
    beta1, beta2 = optimizer.betas
    root = (1.0 - beta2) ** 0.5
    return optimizer.rate * (1.0 - beta1) / root, optimizer.eps / root


def _with_eps_inside(self: Driver, gradient: Array) -> None:
    """Step along m/√(v + eps)."""
    optimizer = self.problem.optimizer
    assert isinstance(optimizer, Adam)
    Driver.step(self, gradient)
    beta1, beta2 = optimizer.betas
    mean, square = self.state
    mean = mean * (1.0 - beta1) / (1.0 - beta1**self.steps)
    square = square * (1.0 - beta2) / (1.0 - beta2**self.steps)
    # Weight decay stays; the step is taken back and taken again.
    self.values += optimizer.rate * mean / (np.sqrt(square) + optimizer.eps)
    self.values -= optimizer.rate * mean / np.sqrt(square + optimizer.eps)


def _of_the_training_part(self: Driver) -> Evaluation:
    evaluation = Driver.evaluate(self)
    return replace(evaluation, test=evaluation.train)


STATE_KEPT, STEPS_KEPT = mistaken(retained=("state",)), mistaken(retained=("steps",))
POSITION_KEPT = mistaken(retained=("iteration",))
WRONG_PART = mistaken(evaluate=_of_the_training_part)
