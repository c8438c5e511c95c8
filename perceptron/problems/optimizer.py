"""How a gradient moves parameters: the rules of PyTorch's optimizers, by their definitions.

For parameters p, their gradient g and the step's number t, counted from 1:

* `Sgd` (torch.optim.SGD, dampening 0): g ← g + weight_decay·p; with momentum b ← momentum·b + g
  from b = 0, and g ← g + momentum·b with ``nesterov``, else g ← b; p ← p − rate·g.
* `Adam` (torch.optim.Adam): g ← g + weight_decay·p; m ← β₁·m + (1 − β₁)·g,
  v ← β₂·v + (1 − β₂)·g², both from 0;
  p ← p − rate/(1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + eps). ``eps`` is added outside the root and after
  the correction of its bias.
* `AdamW` (torch.optim.AdamW): no term in g; p ← p − rate·weight_decay·p before the step.

Sources: Kingma and Ba, Adam, 2015; Loshchilov and Hutter, Decoupled Weight Decay Regularization,
2019; docs.pytorch.org, torch.optim.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

OptimizerName = Literal["sgd", "adam", "adamw"]


@dataclass(frozen=True, kw_only=True)
class Sgd:
    """Stochastic gradient descent, plain unless momentum or decay is not 0."""

    rate: float
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0

    @property
    def is_plain(self) -> bool:
        """Whether a step is p − rate·g and nothing else."""
        return self.momentum == 0.0 and self.weight_decay == 0.0

    @property
    def kind(self) -> str:
        """The name and the options that take time, which distinguish rows of results."""
        parts = ["sgd"]
        if self.momentum:
            parts.append("nesterov" if self.nesterov else "momentum")
        return " ".join([*parts, "decay"] if self.weight_decay else parts)

    @property
    def state_arrays(self) -> int:
        """Number of arrays of the parameters' size in the optimizer's state."""
        return 1 if self.momentum else 0

    @property
    def operations(self) -> int:
        """Floating-point operations for each parameter and step."""
        return 2 + 2 * bool(self.weight_decay) + (2 + 2 * self.nesterov) * bool(self.momentum)


@dataclass(frozen=True, kw_only=True)
class Adam:
    """Adam; its weight decay is part of the gradient. Properties are those of `Sgd`."""

    rate: float = 0.001
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0

    @property
    def is_plain(self) -> bool:
        return False

    @property
    def kind(self) -> str:
        return "adam decay" if self.weight_decay else "adam"

    @property
    def state_arrays(self) -> int:
        return 2

    @property
    def operations(self) -> int:
        return 12 + 2 * bool(self.weight_decay)


@dataclass(frozen=True, kw_only=True)
class AdamW(Adam):
    """Adam with decoupled weight decay."""

    weight_decay: float = 0.01

    @property
    def kind(self) -> str:
        return "adamw"


Optimizer = Sgd | Adam
