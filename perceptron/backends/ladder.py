"""The ladder: backends in the order in which each does away with something.

What costs on a tiny problem is calling from Python, operation by operation. Each rung is one
backend that removes one thing from the one before it; the last leaves the arithmetic alone.
"""

from __future__ import annotations

# name → what it removes; the first is where the descent starts.
LADDER: dict[str, str] = {
    "torch-cpu": "nothing: a module, autograd and an optimizer, called from Python",
    "torch-cpu-functional": "the module and the optimizer",
    "torch-cpu-manual": "autograd: gradients are derived by hand",
    "numpy-published": "the framework: NumPy, as the walk-through wrote it",
    "numpy": "activations computed twice",
    "numpy-inplace": "allocations: every array is there before the loop",
    "torch-cpu-compiled": "most calls from Python: many steps in one compiled graph",
    "python": "arrays: plain numbers, in Python's own loop",
    "jax-cpu": "Python's loop: all steps in one call",
    "numba": "everything but the arithmetic: one compiled loop over plain arrays",
}

# The same on a GPU, where what costs is launching kernel by kernel.
GPU_LADDER: dict[str, str] = {
    "torch-cuda": "nothing: as torch-cpu, and a launch for each kernel",
    "torch-cuda-graph": "launches from Python: recorded steps, replayed",
    "jax-cuda": "Python's loop: all steps in one call",
}
