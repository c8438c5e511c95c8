"""The ladder of many models, some of whose rungs take most of the time that there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from perceptron.backends.ladder import rungs
from perceptron.measure.job import Job
from perceptron.problems import catalogue
from perceptron.problems.problem import Problem
from perceptron.studies import overhead as study
from perceptron.studies.shared.progress import silent
from tests.studies.conftest import Lab, parts_of

GATES = catalogue.find("many-or-gates:1024")
LADDER = rungs("cpu", batches=False, models=True)
SINGLE = {name for name in LADDER if name.endswith("-one-by-one") or name == "processes"}


@pytest.fixture
def lab(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    lab.start_seconds = 0.2
    lab.measure_extra = lambda job: parts_of(job, {"part": 1e-5})
    monkeypatch.setattr(study, "usable_cores", lambda: 2)
    for device in ("cuda", "mps", "xpu"):
        lab.missing.update(dict.fromkeys(rungs(device, models=True), "not here"))
    return lab


def single_trainings_take(seconds: float) -> Callable[[Job, Problem], float]:
    def takes(job: Job, problem: Problem) -> float:
        if job.backend in SINGLE:
            return seconds if not job.check else seconds / 2
        return 0.1

    return takes


def plan(quick: bool = False) -> study.OverheadPlan:
    return study.OverheadPlan(GATES, threads=2, quick=quick)


@pytest.mark.parametrize(("seconds", "quick"), [(12.0, False), (1e6, True)])
def test_the_budget_is_kept_whatever_rungs_take(
    lab: Lab, tmp_path: Path, seconds: float, quick: bool
) -> None:
    """All rungs that train at once are measured all the same."""
    lab.takes = single_trainings_take(seconds)
    asked = plan(quick)
    result = study.overhead(asked, "box", tmp_path, silent)
    assert lab.now <= asked.budget_seconds
    measured = Counter(row.backend for row in result.rows if row.phase is None and row.seconds)
    assert all(measured[name] for name in LADDER.keys() - SINGLE)


def test_a_rung_that_does_not_end_says_so(lab: Lab, tmp_path: Path) -> None:
    """Beside a warning, where its time would stand."""

    def takes(job: Job, problem: Problem) -> float:
        return 1e6 if job.backend == "numba-one-by-one" else 0.1

    lab.takes = takes
    result = study.overhead(plan(), "box", tmp_path, silent)
    reasons = {rung.backend: rung.reason for rung in result.rungs if rung.reason}
    assert reasons.pop("torch-cuda") == "not here"
    assert list(reasons) == ["numba-one-by-one"]
    assert reasons["numba-one-by-one"].startswith("did not end within ")
