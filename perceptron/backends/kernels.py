"""How many kernels an iteration dispatches: counted without a GPU, and without computing.

On PyTorch's meta device tensors have shapes and no values: the same operations are dispatched as
on a CPU or a GPU, and none is carried out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from perceptron.backends.protocol import Trainer

# Make a tensor without writing to it.
_ALLOCATING = ("aten.empty", "aten.new_empty", "aten.resize_")


def count_kernels(make: Callable[[], Trainer]) -> int:
    """Operations of one iteration that a device would be given to run; views are not among them.

    ``make`` builds the trainer, whose tensors come to lie on the meta device. The second iteration
    is counted: the first makes what later ones find.
    """
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    class Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
        """Passes every operation on and counts those that run something."""

        count = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            if not (function.is_view or str(function).startswith(_ALLOCATING)):
                self.count += 1
            return function(*args, **(kwargs or {}))

    with torch.device("meta"):
        trainer = make()
        trainer.train(1)
        counter: Any = Counter()  # type: ignore[no-untyped-call]
        with counter:
            trainer.train(1)
    return int(counter.count)
