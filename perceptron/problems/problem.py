"""A problem: data, layers, loss, rate and start; all that a backend is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from perceptron.problems.datasets import Array, Dataset
from perceptron.problems.start import Start

Activation = Literal["sigmoid", "identity", "tanh", "relu"]
Loss = Literal["l1-sum", "l1-mean", "mse", "bce"]
DType = Literal["float32", "float64"]

DTYPES: tuple[DType, ...] = ("float32", "float64")
ITEMSIZE: dict[DType, int] = {"float32": 4, "float64": 8}


@dataclass(frozen=True)
class Layer:
    """A dense layer: ``activation(inputs @ weights + bias)``."""

    width: int
    activation: Activation


@dataclass(frozen=True)
class Problem:
    """Full-batch gradient descent of dense layers on a data set.

    ``name`` says which problem a row is of, ``reference`` finds it in another process
    (`catalogue.find`); they differ for a model file, which is named after its contents. The losses,
    for predictions f and targets t of N values: ``l1-sum`` Σ|f−t|, ``l1-mean`` Σ|f−t|/N,
    ``mse`` Σ(f−t)²/N and ``bce`` −Σ(t·log f + (1−t)·log(1−f))/N, whose logarithms are cut off at
    −100 as PyTorch's are. ``iterations`` is one whole training. ``size`` is the problem's
    position on its family's axis; of a family with two axes it is the product of ``sizes``.
    """

    name: str
    family: str
    size: int
    dataset: Dataset
    layers: tuple[Layer, ...]
    loss: Loss
    rate: float
    start: Start
    iterations: int = 10_000
    sizes: tuple[int, int] | None = None
    reference: str = ""
    """Empty: the name."""

    def __post_init__(self) -> None:
        if not self.reference:
            object.__setattr__(self, "reference", self.name)

    @property
    def widths(self) -> tuple[int, ...]:
        """Number of features, then the width of each layer."""
        return (self.dataset.features, *(layer.width for layer in self.layers))

    @property
    def hidden(self) -> tuple[int, ...]:
        """Widths of the hidden layers; empty for a perceptron."""
        return self.widths[1:-1]

    def start_parameters(self) -> list[Array]:
        """Return fresh float64 arrays [weights 1, bias 1, weights 2, …]; see `Start.parameters`."""
        return self.start.parameters(self.widths)


def parameter_names(problem: Problem) -> list[str]:
    """Name each array of `Problem.start_parameters` for messages."""
    if len(problem.layers) == 1:
        return ["weights", "bias"]
    numbers = range(1, len(problem.layers) + 1)
    return [f"{kind} of layer {number}" for number in numbers for kind in ("weights", "bias")]
