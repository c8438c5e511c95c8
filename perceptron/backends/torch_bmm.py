"""Several models without vmap and autograd: batched products, gradients derived by hand.

The formulas are those of `gradient`, with an axis of models in front as in `stacked`. Models of one
layer that share their data are together one layer of models × outputs units, and its product takes
a fraction of the time of as many small ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from perceptron.backends.protocol import LadderStep
from perceptron.backends.shared.gradient import ACTIVATE, DAMP, SLOPES, Batch, Step, views
from perceptron.backends.shared.torch_data import to_host
from perceptron.backends.torch_manual import ManualBackend, ManualTrainer
from perceptron.problems.datasets import Array
from perceptron.problems.problem import Problem

if TYPE_CHECKING:
    import torch


class Stack:
    """A product for each model in each layer. Flat tensors are as in `StackedNetwork`.

    ``arrays`` are views of them: [weights 1 (models, fan in, fan out), bias 1 (models, fan out) …].
    """

    def __init__(self, problem: Problem, parameters: torch.Tensor, gradients: torch.Tensor) -> None:
        self._models, self._slope = problem.models, SLOPES[problem.loss]
        self.arrays = views(parameters, problem.widths, problem.models)
        weights, biases = self.arrays[::2], self.arrays[1::2]
        activations = [layer.activation for layer in problem.layers]
        self._upward = [
            (own, bias[:, None], ACTIVATE[activation])
            for own, bias, activation in zip(weights, biases, activations, strict=True)
        ]
        slopes = views(gradients, problem.widths, problem.models)
        damps = [DAMP[activation] for activation in activations]
        transposed = [own.mT for own in weights]
        self._downward = [
            (index, *layer)
            for index, layer in enumerate(
                zip(transposed, damps, slopes[::2], slopes[1::2], strict=True)
            )
        ][::-1]

    def batch(
        self, inputs: torch.Tensor, targets: torch.Tensor, ones: torch.Tensor, scale: torch.Tensor
    ) -> Batch:
        """Return rows that all models share, or (models, rows, …), as `compute` takes them."""
        of_each = inputs.expand(self._models, *inputs.shape[-2:])
        return Batch(of_each, of_each.mT, targets, ones, scale)

    def compute(self, batches: Iterable[Batch], step: Step) -> None:
        """Compute the gradients of all models on each batch, and ``step``."""
        import torch

        slope, downward, bmm = self._slope, self._downward, torch.bmm
        for inputs, transposed, targets, _, scale in batches:
            outputs = self._forward(inputs)
            delta = slope(torch, outputs[-1], targets)
            delta *= scale
            for index, weights, damp, weights_gradient, bias_gradient in downward:
                damp(torch, delta, outputs[index + 1])
                bmm(outputs[index].mT if index else transposed, delta, out=weights_gradient)
                torch.sum(delta, 1, out=bias_gradient)
                if index:
                    delta = bmm(delta, weights)
            step()

    def outputs(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of all models, (models, rows, outputs)."""
        return self._forward(inputs.expand(self._models, *inputs.shape[-2:]))[-1]

    def _forward(self, inputs: torch.Tensor) -> list[torch.Tensor]:
        """Return the inputs and the output of each layer, (models, rows, width) each."""
        import torch

        outputs = [inputs]
        for weights, bias, activate in self._upward:
            values = torch.baddbmm(bias, outputs[-1], weights)
            activate(torch, values, 1.0)
            outputs.append(values)
        return outputs


class WideLayer:
    """One layer of all models, by whose weights inputs are multiplied at once; else as `Stack`.

    In the flat tensors lie weights (features, models, outputs), then biases (models, outputs).
    """

    def __init__(self, problem: Problem, parameters: torch.Tensor, gradients: torch.Tensor) -> None:
        (layer,) = problem.layers
        self._slope = SLOPES[problem.loss]
        self._activate, self._damp = ACTIVATE[layer.activation], DAMP[layer.activation]
        self._apart = (problem.models, problem.outputs)
        widths = (problem.dataset.features, problem.models * problem.outputs)
        self._weights, self._bias = views(parameters, widths)
        self._weights_gradient, self._bias_gradient = views(gradients, widths)
        self.arrays = (
            self._weights.view(-1, *self._apart).transpose(0, 1),
            self._bias.view(self._apart),
        )

    def batch(
        self, inputs: torch.Tensor, targets: torch.Tensor, ones: torch.Tensor, scale: torch.Tensor
    ) -> Batch:
        return Batch(inputs, inputs.T, targets[:, None], ones, scale)

    def compute(self, batches: Iterable[Batch], step: Step) -> None:
        import torch

        slope, damp = self._slope, self._damp
        weights_gradient, bias_gradient = self._weights_gradient, self._bias_gradient
        for inputs, transposed, targets, ones, scale in batches:
            outputs = self._forward(inputs)
            delta = slope(torch, outputs, targets)
            delta *= scale
            damp(torch, delta, outputs)
            delta = delta.flatten(1)
            torch.mm(transposed, delta, out=weights_gradient)
            torch.mv(delta.T, ones, out=bias_gradient)
            step()

    def outputs(self, inputs: torch.Tensor) -> torch.Tensor:
        return self._forward(inputs).transpose(0, 1)

    def _forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs, (rows, models, outputs)."""
        import torch

        values = torch.addmm(self._bias, inputs, self._weights).view(-1, *self._apart)
        self._activate(torch, values, 1.0)
        return values


class BmmTrainer(ManualTrainer):
    """One model is a stack of one. Steps, batches and recording are as in `ManualTrainer`."""

    _layers: Stack | WideLayer

    def _start_arrays(self) -> list[Array]:
        problem = self._problem
        if problem.models > 1:
            arrays = problem.stacked_start()
        else:
            arrays = [array[None] for array in problem.start_parameters()]
        if is_wide(problem):
            arrays[0] = arrays[0].swapaxes(0, 1)
        return arrays

    def _arrange(self, parameters: torch.Tensor, gradients: torch.Tensor) -> None:
        self._parameters, self._gradients = parameters, gradients
        kind: type[Stack | WideLayer] = WideLayer if is_wide(self._problem) else Stack
        self._layers = kind(self._problem, parameters, gradients)

    def _whole_batch(self, scale: torch.Tensor) -> Batch:
        import torch

        ones = torch.ones(self.data.rows, dtype=self._dtype, device=self._device)
        return self._layers.batch(self.data.inputs, self.data.targets, ones, scale)

    def _batch(self, inputs: torch.Tensor, targets: torch.Tensor, rows: int) -> Batch:
        return self._layers.batch(inputs, targets, self._ones[rows], self._scales[rows])

    def _compute(self, batches: Iterable[Batch], step: Step) -> None:
        self._layers.compute(batches, step)

    def _outputs(self, inputs: torch.Tensor) -> torch.Tensor:
        outputs = self._layers.outputs(inputs)
        return outputs if self._problem.models > 1 else outputs[0]

    def parameters(self) -> list[Array]:
        arrays = [np.array(to_host(array)) for array in self._layers.arrays]
        return arrays if self._problem.models > 1 else [array[0] for array in arrays]


def is_wide(problem: Problem) -> bool:
    """Return whether all models are one layer: of one each, with inputs that they share."""
    return len(problem.layers) == 1 and not problem.folds


class BmmBackend(ManualBackend):
    """What `torch-cpu` computes for several models, without vmap and without autograd."""

    low_precision: tuple[str, ...] = ("bfloat16",)
    trainer = BmmTrainer


BACKEND = BmmBackend(
    "torch-cpu-bmm",
    "cpu",
    "PyTorch on the CPU: several models in batched products, gradients derived by hand",
    rung_of_models=LadderStep("vmap, autograd and the optimizer's class", after="torch-cpu"),
)
CUDA_BACKEND = BmmBackend(
    "torch-cuda-bmm",
    "cuda",
    "PyTorch on a CUDA GPU, otherwise as torch-cpu-bmm; has never run on one",
    rung_of_models=LadderStep("vmap, autograd and the optimizer's class", after="torch-cuda"),
)
