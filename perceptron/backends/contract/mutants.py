"""Backends made wrong on purpose: proof that the agreement check can fail.

A mutant drives the real backend one iteration at a time, each from a start of its choosing, and
spoils what comes out. So any backend can be mutated from outside, whatever it is made of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from perceptron.backends.protocol import Backend
from perceptron.problems.datasets import Array
from perceptron.problems.problem import Activation, DType, Layer, Problem
from perceptron.problems.start import GivenStart

# (parameters before an iteration, parameters after it) → what the mutant believes it left
Spoil = Callable[[list[Array], list[Array]], list[Array]]


@dataclass(frozen=True)
class Mutation:
    """One mistake. ``problem`` misreads the problem, ``start`` and ``step`` spoil the arrays."""

    name: str
    problem: Callable[[Problem], Problem] = lambda problem: problem
    start: Callable[[list[Array]], list[Array]] = lambda arrays: arrays
    step: Spoil | None = None
    loss_scale: float = 1.0


def mutations(problem: Problem) -> list[Mutation]:
    """Return every mistake to make on this problem, one in each layer where that makes sense."""
    mistakes = [
        Mutation(
            "loss scaled by 1.01",
            problem=lambda problem: replace(problem, rate=problem.rate * 1.01),
            loss_scale=1.01,
        )
    ]
    for layer in range(len(problem.layers)):
        weights, bias = 2 * layer, 2 * layer + 1
        number = layer + 1
        mistakes += [
            Mutation(
                f"bias of layer {number} dropped",
                start=_zeroed(bias),
                step=_spoiled(bias, lambda before, after: 0.0 * after),
            ),
            Mutation(f"activation of layer {number} swapped", problem=_swapped(layer)),
            Mutation(
                f"gradient of layer {number} of the wrong sign",
                step=_both(
                    _spoiled(weights, lambda before, after: 2.0 * before - after),
                    _spoiled(bias, lambda before, after: 2.0 * before - after),
                ),
            ),
            Mutation(
                f"weights of layer {number} stale",
                step=_spoiled(weights, lambda before, after: before),
            ),
            Mutation(
                f"bias of layer {number} stale",
                step=_spoiled(bias, lambda before, after: before),
            ),
        ]
    return mistakes


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

    def prepare(self, problem: Problem, dtype: DType) -> _MutantTrainer:
        return _MutantTrainer(self._backend, self._mutation, problem, dtype)


class _MutantTrainer:
    def __init__(
        self, backend: Backend, mutation: Mutation, problem: Problem, dtype: DType
    ) -> None:
        self._backend, self._mutation, self._dtype = backend, mutation, dtype
        self._problem = mutation.problem(problem)
        self.reset()

    def reset(self) -> None:
        self._arrays = self._mutation.start(self._problem.start_parameters())

    def train(self, iterations: int) -> None:
        step = self._mutation.step
        if step is None:  # only the problem is misread: no need to go one by one
            self._arrays = self._trained(iterations)
            return
        for _ in range(iterations):
            self._arrays = step(self._arrays, self._trained(1))

    def loss(self) -> float:
        problem = replace(self._problem, start=GivenStart(tuple(self._arrays)))
        return self._mutation.loss_scale * self._backend.prepare(problem, self._dtype).loss()

    def parameters(self) -> list[Array]:
        return self._arrays

    def _trained(self, iterations: int) -> list[Array]:
        problem = replace(self._problem, start=GivenStart(tuple(self._arrays)))
        trainer = self._backend.prepare(problem, self._dtype)
        trainer.train(iterations)
        return trainer.parameters()


def _zeroed(index: int) -> Callable[[list[Array]], list[Array]]:
    return lambda arrays: [
        0.0 * array if position == index else array for position, array in enumerate(arrays)
    ]


def _spoiled(index: int, spoil: Callable[[Array, Array], Array]) -> Spoil:
    return lambda before, after: [
        spoil(old, new) if position == index else new
        for position, (old, new) in enumerate(zip(before, after, strict=True))
    ]


def _both(first: Spoil, second: Spoil) -> Spoil:
    return lambda before, after: second(before, first(before, after))


def _swapped(layer: int) -> Callable[[Problem], Problem]:
    def swap(problem: Problem) -> Problem:
        layers = list(problem.layers)
        # tanh and sigmoid stand for each other: both bounded, both smooth, the likeliest mistake.
        other: Activation = "tanh" if layers[layer].activation == "sigmoid" else "sigmoid"
        layers[layer] = Layer(layers[layer].width, other)
        return replace(problem, layers=tuple(layers))

    return swap
