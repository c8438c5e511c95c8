"""The thread pools of this process once some modules are imported, as JSON.

Started as ``python -m perceptron.measure.pools MODULE …`` with a worker's environment.
"""

from __future__ import annotations

import importlib
import sys

import msgspec
from threadpoolctl import threadpool_info

from perceptron.records.environment import ThreadPool


def main(modules: list[str]) -> None:
    """Import the modules, then print the pools; paths are left out, they tell of a user's home."""
    for module in modules:
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
    sys.stdout.buffer.write(msgspec.json.encode(pools))


if __name__ == "__main__":
    main(sys.argv[1:])
