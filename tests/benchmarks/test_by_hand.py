from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from benchmarks import by_hand
from perceptron.backends import registry
from perceptron.problems import catalogue

needs_torch = pytest.mark.skipif(
    registry.reason_unavailable("torch-cpu") is not None, reason="torch-cpu cannot run here"
)


class Clock:
    """Stands still while nothing takes time."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def taking(self, *seconds: float) -> Callable[[], None]:
        """Return what takes these times in turn."""
        turns = iter(seconds * 100)

        def work() -> None:
            self.now += next(turns)

        return work


def test_the_shortest_times_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """What else ran meanwhile makes times longer, never shorter."""
    clock = Clock()
    monkeypatch.setattr(time, "thread_time", clock)
    monkeypatch.setattr(time, "perf_counter", clock)
    ours, theirs = clock.taking(5.0, 3.0, 4.0), clock.taking(2.0, 9.0)
    assert by_hand.shortest_ratio(ours, theirs, seconds=60.0) == 1.5


@needs_torch
@pytest.mark.parametrize("reference", by_hand.PROBLEMS)
def test_an_epoch_by_hand_is_an_epoch_of_the_problem(
    reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many steps on as many rows, of layers as wide."""
    import torch

    problem = catalogue.find(reference)
    assert problem.batches is not None
    calls: list[list[int]] = []
    step = torch.optim.Adam.step

    def counted(optimizer: torch.optim.Adam) -> None:
        (group,) = optimizer.param_groups
        calls.append([parameter.numel() for parameter in group["params"]])
        step(optimizer)

    def compared(ours: Callable[[], None], theirs: Callable[[], None], seconds: float) -> float:
        calls.clear()  # those that prepared
        ours()
        first = calls.copy()
        calls.clear()
        theirs()
        assert calls == first
        return 1.0

    monkeypatch.setattr(torch.optim.Adam, "step", counted)
    monkeypatch.setattr(by_hand, "shortest_ratio", compared)
    assert by_hand.ratio(reference) == 1.0
    assert len(calls) == problem.iterations_per_epoch
