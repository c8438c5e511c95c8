from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks import by_hand
from perceptron.backends import registry
from perceptron.problems import catalogue

needs_torch = pytest.mark.skipif(
    registry.reason_unavailable("torch-cpu") is not None, reason="torch-cpu cannot run here"
)


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
    assert by_hand.ratio("torch-cpu", reference) == 1.0
    assert len(calls) == problem.iterations_per_epoch
