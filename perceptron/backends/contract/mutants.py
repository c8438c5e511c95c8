"""Backends made wrong on purpose: proof that the agreement check can fail.

Each mistake is offered on the problems where ten iterations must show it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from perceptron.backends.contract import mistakes
from perceptron.backends.contract.driver import Driver, Gradients
from perceptron.backends.contract.quantities import ITERATIONS
from perceptron.backends.protocol import Backend, Trainer
from perceptron.problems.batches import Batches
from perceptron.problems.held_out import OfEachModel
from perceptron.problems.optimizer import Adam, AdamW, Optimizer
from perceptron.problems.problem import Activation, DType, Layer, Problem

# From here up a decay moves parameters by more of a step than agreement allows.
_VISIBLE_DECAY = 0.05
# From here up eps is felt beside the root of a gradient's square.
_VISIBLE_EPS = 1e-4


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

    Of several models at once: what only they can get wrong.
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
    yield Mutation("loss scaled by 1.01", mistakes.scaled(1.01))
    if problem.outputs > 1 and problem.loss in ("mse", "bce", "l1-mean"):
        yield Mutation("mean over rows only", mistakes.scaled(float(problem.outputs)))
    if mistakes.overflows(problem):
        yield Mutation(
            "softmax without its maximum taken off", mistakes.PlainSoftmax, depends_on_dtype=True
        )


def _of_the_layers(problem: Problem) -> Iterator[Mutation]:
    for layer in range(len(problem.layers)):
        weights, bias = 2 * layer, 2 * layer + 1
        number = layer + 1
        yield Mutation(f"bias of layer {number} dropped", mistakes.dropped(bias))
        if problem.loss != "bce" or number < len(problem.layers):  # it takes 0 to 1 only
            yield Mutation(f"activation of layer {number} swapped", misread=_swapped(layer))
        yield Mutation(
            f"gradient of layer {number} of the wrong sign", mistakes.times(-1.0, weights, bias)
        )
        yield Mutation(f"weights of layer {number} stale", mistakes.stale(weights))
        yield Mutation(f"bias of layer {number} stale", mistakes.stale(bias))


def _of_the_optimizer(optimizer: Optimizer) -> Iterator[Mutation]:
    decays = optimizer.weight_decay >= _VISIBLE_DECAY
    if isinstance(optimizer, Adam):
        yield Mutation("no bias correction", mistakes.NoBiasCorrection)
        yield Mutation("averages kept by reset()", mistakes.StateKept)
        yield Mutation("step count kept by reset()", mistakes.StepsKept)
        if optimizer.eps >= _VISIBLE_EPS:
            yield Mutation("eps inside the root", mistakes.EpsInside)
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
        yield Mutation("momentum's buffer kept by reset()", mistakes.StateKept)
    if decays:
        yield Mutation(
            "no weight decay", misread=_stepping(lambda old: replace(old, weight_decay=0.0))
        )


def _of_the_batches(batches: Batches) -> Iterator[Mutation]:
    if batches.per_epoch > 1:
        yield Mutation("order off by one batch", mistakes.OffByOne)
        yield Mutation("stale batch", mistakes.StaleBatch)
        yield Mutation("position kept by reset()", mistakes.PositionKept)
        yield Mutation("order of another seed", misread=_other_seed)
    if 1 < batches.per_epoch < ITERATIONS:
        yield Mutation("every epoch in the first one's order", mistakes.OneOrder)
    left_over = batches.rows % batches.size
    if left_over and batches.rows // batches.size < ITERATIONS:
        if batches.last == "keep":
            yield Mutation("last batch dropped", misread=_other_last)
            yield Mutation(
                "short batch divided by the rows of a whole one",
                mistakes.short_divided_by(batches.size),
            )
        else:
            yield Mutation("last batch kept", misread=_other_last)


def _of_the_models(problem: Problem) -> Iterator[Mutation]:
    def from_one_start(problem: Problem) -> Problem:
        return replace(problem, start=mistakes.OneStart(problem.start))

    yield Mutation("all models from one start", misread=from_one_start)
    yield Mutation("gradients summed over the models", mistakes.SummedOverModels)
    yield Mutation("one model skipped", mistakes.LastModelSkipped)
    if isinstance(problem.dataset, OfEachModel):
        yield Mutation("all models without the first fold", misread=_one_fold)


def _one_fold(problem: Problem) -> Problem:
    dataset = problem.dataset
    assert isinstance(dataset, OfEachModel)
    one = mistakes.OneFold(
        name=dataset.name,
        rows=dataset.rows,
        features=dataset.features,
        class_names=dataset.class_names,
        of_all=dataset,
    )
    return replace(problem, dataset=one)


def _of_the_evaluation(problem: Problem) -> Iterator[Mutation]:
    if problem.held_out_part() is not None:
        yield Mutation("training part evaluated as held-out part", mistakes.WrongPart)


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
