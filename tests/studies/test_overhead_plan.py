from __future__ import annotations

import pytest

from perceptron.backends import registry
from perceptron.backends.ladder import rungs
from perceptron.studies.overhead_plan import OverheadPlan, ladders


def test_a_device_that_is_there_brings_its_ladder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Below that of the CPU; one that is not is one line, so that it is not forgotten."""
    monkeypatch.setattr(registry, "reason_unavailable", lambda name: None)
    problem = OverheadPlan().problem
    everywhere = OverheadPlan().backends
    assert everywhere[: len(rungs("cpu", False))] == tuple(rungs("cpu", False))
    assert set(rungs("cuda", False)) <= set(everywhere)
    assert set(everywhere) == {name for ladder in ladders(problem).values() for name in ladder}
    monkeypatch.setattr(
        registry, "reason_unavailable", lambda name: "none here" if "cuda" in name else None
    )
    assert [name for name in OverheadPlan().backends if "cuda" in name] == ["torch-cuda"]


def test_starts_of_devices_have_time_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ladder of eight more rungs is not measured in the time of the CPU's alone."""
    monkeypatch.setattr(registry, "reason_unavailable", lambda name: None)
    alone = OverheadPlan(quick=True, backends=("numpy", "torch-cpu"))
    assert alone.budget_seconds == 120
    both = OverheadPlan(quick=True, backends=("numpy", "torch-cuda", "torch-cuda-graph"))
    assert both.budget_seconds == 120 + 2 * 3 * 4
    monkeypatch.setattr(registry, "reason_unavailable", lambda name: "not here")
    assert both.budget_seconds == 120
