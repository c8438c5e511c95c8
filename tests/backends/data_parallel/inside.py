"""What tests have ranks do: imported there, where no test is."""

from __future__ import annotations

import os
import signal
import sys

from perceptron.backends.data_parallel.rank_trainer import RankTrainer


def fail_at_step(rank: int, way: str, step: int) -> None:
    """Have a rank fail in a step to come, in the middle of a training."""
    import torch

    if torch.distributed.get_rank() != rank:
        return
    right = RankTrainer._fed

    def fed(self, iterations):  # type: ignore[no-untyped-def]
        for number, batch in enumerate(right(self, iterations), 1):
            if number == step:
                _fail(way)
            yield batch

    RankTrainer._fed = fed  # type: ignore[method-assign]


def _fail(way: str) -> None:
    print("the first line\nthe last line", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGKILL if way == "is killed" else signal.SIGSTOP)


def make_mistake(mistake: str) -> None:
    """Have a rank train wrongly until `unmake_mistakes`."""
    if mistake == "no weights":
        RankTrainer._weight = lambda self, rows: 1.0  # type: ignore[method-assign]
    if mistake == "sum over ranks":
        RankTrainer._weight = lambda self, rows: (  # type: ignore[method-assign]
            self._processes * _RIGHT["_weight"](self, rows)
        )
    if mistake == "no exchange":

        def queue(self: RankTrainer, iterations: int) -> None:
            with self._distributed.no_sync():
                _RIGHT["queue"](self, iterations)

        RankTrainer.queue = queue  # type: ignore[method-assign]


def unmake_mistakes() -> None:
    for name, method in _RIGHT.items():
        setattr(RankTrainer, name, method)


_RIGHT = {name: getattr(RankTrainer, name) for name in ("_weight", "queue")}


def thread_count() -> tuple[int, str]:
    import torch

    return torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]
