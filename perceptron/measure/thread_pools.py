"""Whether the thread pools of a process have the size that was asked for."""

from __future__ import annotations

from threadpoolctl import threadpool_info


def assert_threads(threads: int) -> None:
    """Raise for a thread pool of another size: backends are compared on equal threads only."""
    for pool in threadpool_info():
        if pool["num_threads"] != threads:
            raise RuntimeError(
                f"{pool['internal_api']} runs {pool['num_threads']} threads instead of {threads}: "
                "environment(threads) must set its variable"
            )
