"""Several models without vmap and autograd: batched products, gradients derived by hand.

Models of one layer that share their data are together one layer of models × outputs units, and its
product takes a fraction of the time of as many small ones; see `flat_trainer`.
"""

from __future__ import annotations

from perceptron.backends.protocol import LadderStep
from perceptron.backends.torch_manual import ManualBackend, ManualTrainer


class BmmTrainer(ManualTrainer):
    """Trains several models, and one as `ManualTrainer` does."""

    several = True


class BmmBackend(ManualBackend):
    """What `torch-cpu` computes for several models, without vmap and without autograd."""

    low_precision: tuple[str, ...] = ("bfloat16",)
    one_model = False
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
