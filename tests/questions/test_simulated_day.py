"""The day on a GPU, simulated: the script's commands, by the real plans, on a clock of costs.

What does not fit is a plan that would bring nothing home.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Hashable, Mapping
from pathlib import Path
from string import Template
from typing import NamedTuple

import numpy as np
import pytest

from perceptron.backends import registry
from perceptron.measure import budget, campaign, launch
from perceptron.measure.budget import Budget
from perceptron.measure.job import Job, Race, Time
from perceptron.problems import cost
from perceptron.problems.problem import Problem
from perceptron.questions.overhead import study as overhead
from perceptron.questions.registry import STUDIES
from perceptron.records.race import Check, RaceTimes, Training
from perceptron.records.readers.stored_runs import read_run
from perceptron.records.row import races, times
from tests.conftest import ROOT, Perceptron
from tests.questions.conftest import Lab, parts_of


class Cost(NamedTuple):
    """What a backend is assumed to take, in seconds, and its operations a second."""

    start: float
    """Of a process."""
    compiling: float
    """Of one problem."""
    device: float
    """Of one problem: to be copied and tried."""
    call: float
    """Of an iteration, whatever its size."""
    speed: float


# By the longest beginning of a backend's name.
COSTS = {
    "": Cost(0.6, 0.0, 0.1, 5e-6, 5e10),
    "torch-cpu": Cost(2.1, 0.0, 0.1, 60e-6, 2e11),
    "torch-cuda": Cost(5.5, 0.0, 0.6, 110e-6, 2e13),
    "torch-cuda-manual": Cost(5.5, 0.0, 0.6, 80e-6, 2e13),
    "torch-cuda-bmm": Cost(5.5, 0.0, 0.6, 80e-6, 2e13),
    "torch-cuda-compiled": Cost(5.5, 8.0, 0.6, 110e-6, 2e13),
    "torch-cuda-graph": Cost(5.5, 0.0, 0.6, 20e-6, 2e13),
    "torch-cuda-manual-graph": Cost(5.5, 0.0, 0.6, 15e-6, 2e13),
    "torch-cuda-persistent": Cost(5.5, 2.0, 0.6, 1e-6, 2e13),
    "jax-cuda": Cost(5.5, 5.0, 0.6, 10e-6, 2e13),
}
# Of what explains a training, of a training to its target, and of compiled code that is found.
EXTRA, TRAINING, FOUND = 3.0, 3.0, 0.5
CORES = 16


def cost_of(backend: str) -> Cost:
    return COSTS[max(filter(backend.startswith, COSTS), key=len)]


class Day(Lab):
    """Starts processes side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.takes, self.seconds = self._takes, self._iteration
        self.extra_seconds = EXTRA
        self.measure_extra = lambda job: parts_of({job.extra: 1e-6})
        self._random = np.random.default_rng(0)

    def _iteration(self, backend: str, problem: Problem) -> float:
        of = cost_of(backend)
        calls = of.call * (problem.models if "sequential" in backend else 1)
        exact = calls + cost.operations(problem) / of.speed
        return float(exact * np.exp(self._random.normal(0, 0.02)))

    def _takes(self, job: Job, problem: Problem) -> float:
        of, iteration = cost_of(job.backend), self._iteration(job.backend, problem)
        compiling = of.compiling
        if job.step == "check":
            return 0.3 + compiling + 12 * iteration
        if compiling and job.shares_compiled and job.repeat and job.backend.startswith("jax"):
            compiling = FOUND
        assert isinstance(job, Time)
        sample = max(job.minimum_seconds, (job.iterations or 1) * iteration)
        return compiling + of.device + (job.samples + 2) * sample

    def warm(self, workers: launch.Workers, wanted: Mapping[Hashable, Job]) -> None:
        fresh = {name: job for name, job in wanted.items() if (workers, name) not in self._started}
        if fresh:
            slowest = max((job.backend for job in fresh.values()), key=cost_of)
            self._pass(cost_of(slowest).start, workers._seconds_left, slowest)
            self._started.update((workers, name) for name in fresh)

    def _start(
        self, workers: launch.Workers, name: Hashable, job: Job, subject: str | None = None
    ) -> None:
        self.warm(workers, {name: job})

    def race(self, job: Race, seconds_left: launch.SecondsLeft) -> RaceTimes:
        of = cost_of(job.backend)
        seconds = of.start + of.compiling + of.device + TRAINING
        self._pass(seconds, seconds_left, job.backend, job.subject)
        there = Training(checks=[Check(38, 0.1, 0.96, 0.1)], waited=0.0)
        return RaceTimes(
            import_seconds=2.0, prepare_seconds=1.0, data_seconds=0.1, fresh=there, resident=there
        )


@pytest.fixture
def day(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Day:
    """A machine with a GPU, whose clock is the costs'."""
    made = Day()
    monkeypatch.setattr(budget, "monotonic", lambda: made.now)
    # Not counted from the start of this process, whose clock is another.
    whole = classmethod(lambda cls, seconds: cls(seconds, ending=5.0))
    monkeypatch.setattr(Budget, "of_study", whole)
    monkeypatch.setattr(launch.Workers, "warm", lambda self, wanted: made.warm(self, wanted))
    monkeypatch.setattr(
        launch.Workers, "run", lambda self, name, job: made.run_by_name(self, name, job)
    )
    monkeypatch.setattr(campaign, "run_race", made.race)
    monkeypatch.setattr(overhead, "usable_cores", lambda: CORES)
    return made


def stages() -> list[tuple[float, list[str]]]:
    """Return seconds and words of each study, as the script has them."""
    script = (ROOT / "benchmarks" / "gpu_day.sh").read_text(encoding="utf-8")
    names = dict(re.findall(r"(eager|launched)=(\S+)", script))
    commands = [
        (float(seconds), Template(words).substitute(names).split())
        for seconds, words in re.findall(r'^  "(\d+)\|(.*)"$', script, re.MULTILINE)
    ]
    return [(seconds, words) for seconds, words in commands if words[0] in STUDIES]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seconds", "words"), stages(), ids=["_".join(words[:3]) for _, words in stages()]
)
def test_simulated_day_stage_has_three_repeats_and_answer(
    day: Day, here: Perceptron, tmp_path: Path, seconds: float, words: list[str]
) -> None:
    named = ("--results", "results", "--machine", "box", "--json", "--budget", f"{seconds / 60}")
    process = here(*words, *named)
    assert process.returncode in (0, 3), process.stderr
    (folder,) = (file.parent for file in tmp_path.glob("results/runs/box/*/run.json"))
    rows = read_run(folder).rows
    trained = [row for row in times(rows) if row.phase is None and row.seconds]
    repeats = Counter((row.problem, row.backend) for row in [*trained, *races(rows)])
    cut = {cell: count for cell, count in repeats.items() if count < 3}
    assert not cut
    assert {backend for _, backend in repeats} >= _named(words)
    assert "no" not in {verdict["decided"] for verdict in json.loads(process.stdout)["verdicts"]}
    if words[0] == "overhead":
        assert {row.family for row in times(rows)} >= {"profile", "energy", "device"}


def _named(words: list[str]) -> set[str]:
    """Return the backends that a command names."""
    return {word for word in re.split("[ ,:]", " ".join(words)) if word in registry.BUILT_IN}
