"""What some backends load into a process: its thread pools and versions, as JSON.

Started as ``python -m perceptron.measure.loaded_libraries BACKEND …`` with a worker's environment.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys

import msgspec
from threadpoolctl import threadpool_info

from perceptron.backends import registry
from perceptron.backends.accelerators.protocol import accelerator_of
from perceptron.records.environment import ThreadPool

Loaded = tuple[list[ThreadPool], dict[str, str]]
"""The answer, without paths, which would name a user's home: and the versions of what lies beneath
the libraries and drives a device, by name."""


def main(backends: list[str]) -> None:
    """Load NumPy and what the backends need, then print what there is.

    What cannot be loaded is left out: the worker that needs it will say why.
    """
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a module prints is no part of the answer
    versions: dict[str, str] = {}
    importlib.import_module("numpy")
    for name in backends:
        with contextlib.suppress(Exception):
            backend = registry.load(name)
            for module in getattr(backend, "imports", ()):
                importlib.import_module(module)
            if accelerator := accelerator_of(backend):
                versions |= accelerator.versions()
    pools = [
        ThreadPool(
            library=pool["internal_api"],
            version=pool.get("version"),
            kernel=pool.get("architecture"),
            threads=pool.get("num_threads"),
        )
        for pool in threadpool_info()
    ]
    answer.write(msgspec.json.encode((pools, versions)))
    answer.close()


if __name__ == "__main__":
    main(sys.argv[1:])
    # At once: unloading takes time, and libraries of GPUs that share a process may not survive it.
    os._exit(0)
