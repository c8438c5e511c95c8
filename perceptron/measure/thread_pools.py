"""The thread pools of this process once some modules are imported, as JSON.

Started as ``python -m perceptron.measure.thread_pools MODULE …`` with a worker's environment.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys

import msgspec
from threadpoolctl import threadpool_info

from perceptron.records.environment import ThreadPool


def main(modules: list[str]) -> None:
    """Import the modules, then print the pools without paths, which would name a user's home.

    A module that cannot be imported is left out too: the worker that needs it will say why.
    """
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a module prints is no part of the answer
    for module in modules:
        with contextlib.suppress(Exception):
            importlib.import_module(module)
    pools = [
        ThreadPool(
            library=pool["internal_api"],
            version=pool.get("version"),
            kernel=pool.get("architecture"),
            threads=pool.get("num_threads"),
        )
        for pool in threadpool_info()
    ]
    answer.write(msgspec.json.encode(pools))
    answer.close()


if __name__ == "__main__":
    main(sys.argv[1:])
