"""Several models as PyTorch's tutorial on ensembles writes them: stacked, under vmap.

See https://docs.pytorch.org/tutorials/intermediate/ensembling.html: the parameters of all models
are stacked, a module is called with those of one, and `torch.func` makes the gradients of all of
that. It traces the call again in each iteration, in Python, which is most of an iteration's time
where models are small.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from perceptron.backends.shared.torch_data import Pair
from perceptron.backends.shared.torch_trainer import ModuleTrainer, model_of
from perceptron.problems.datasets import Array

if TYPE_CHECKING:
    import torch

Stacked = dict[str, "torch.Tensor"]  # name in the module → values of all models, (models, …)


class EnsembleTrainer(ModuleTrainer):
    """Parameters are leaves of which each holds the values of all models.

    So an optimizer of one model moves all of them: what it does to a value depends on no other.
    Data are shared, or each model has its own; a batch is the same rows of all.
    """

    _stacked: Stacked

    def _start_arrays(self) -> list[Array]:
        return self._problem.stacked_start()

    def _make_parameters(self) -> list[torch.Tensor]:
        from torch.func import functional_call, grad, stack_module_state, vmap

        model = model_of(self._problem, self._dtype, self._device)
        # The same module for each: its values are overwritten by the start.
        self._stacked, _ = stack_module_state([model] * self._problem.models)
        # A module without values, as in the tutorial: only its layers are needed.
        base, loss = copy.deepcopy(model).to("meta"), self._loss

        def outputs(parameters: Stacked, inputs: torch.Tensor) -> torch.Tensor:
            values: torch.Tensor = functional_call(base, parameters, (inputs,))
            return values

        def error(parameters: Stacked, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            value: torch.Tensor = loss(outputs(parameters, inputs), targets)
            return value

        of_data = 0 if self._problem.folds else None
        self._outputs_of: Callable[..., torch.Tensor] = vmap(outputs, in_dims=(0, of_data))
        self._gradients_of: Callable[..., Stacked] = vmap(
            grad(error), in_dims=(0, of_data, of_data)
        )
        return list(self._stacked.values())

    def _take(self, batches: Iterable[Pair]) -> None:
        import torch

        stacked, gradients_of, optimizer = self._stacked, self._gradients_of, self._optimizer
        # `grad` records what it needs all the same; without this autograd records that once more.
        with torch.no_grad():
            for inputs, targets in batches:
                gradients = gradients_of(stacked, inputs, targets)
                for name, parameter in stacked.items():
                    parameter.grad = gradients[name]
                optimizer.step()

    def _outputs(self, inputs: torch.Tensor) -> torch.Tensor:
        return self._outputs_of(self._stacked, inputs)

    def _phases_of_gradients(self) -> dict[str, Callable[[int], None]]:
        import torch

        stacked, gradients_of = self._stacked, self._gradients_of

        def gradients(iterations: int) -> None:
            with torch.no_grad():
                for inputs, targets in self._fed(iterations):
                    gradients_of(stacked, inputs, targets)
            self._synchronize()

        return {"forward, loss and backward under vmap": gradients}
