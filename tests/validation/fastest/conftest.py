"""A run that measured the machine made up, and its judgement."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.validation.fastest import measure
from benchmarks.validation.fastest.asking import appending
from benchmarks.validation.fastest.measure import tasks
from benchmarks.validation.fastest.plan import FastestPlan
from benchmarks.validation.fastest.record import WAYS, FastestTruth
from benchmarks.validation.fastest.result import result_of
from benchmarks.validation.fastest.shapes import draw
from perceptron.records.files.append import append
from perceptron.records.run import Run
from perceptron.records.store import open_run
from perceptron.studies.shared import opening
from tests.made import FACTS, SOUND, STARTED
from tests.made_fastest import PLAN, Measured, ask


@pytest.fixture
def plan() -> FastestPlan:
    return PLAN


@pytest.fixture
def run_tasks(monkeypatch: pytest.MonkeyPatch) -> Measured:
    fake = Measured()
    monkeypatch.setattr(measure, "run_tasks", fake)
    # Reading the facts of this machine, and watching its CPU, take seconds.
    monkeypatch.setattr(opening, "environment", lambda *_: FACTS)
    monkeypatch.setattr(opening, "conditions", lambda **_: SOUND)
    return fake


@pytest.fixture(scope="package")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run of the plan, below ``results/``: to be read only."""
    run = Run(
        plan=PLAN.as_json(),
        machine="box",
        environment=FACTS.id,
        commit="abc",
        started=STARTED,
        budget_seconds=60.0,
        spent_seconds=30.0,
    )
    trainings = draw(PLAN.trainings, PLAN.seed)
    with open_run(tmp_path_factory.mktemp("fastest") / "results", run, FACTS) as journal:
        Measured()(tasks(PLAN, trainings), journal, run)
        with appending(journal.folder) as stream:
            for way in WAYS:
                for training in trainings[: PLAN.asked]:
                    append(stream, ask(training, way))
        journal.finish(30.0)
        return journal.folder


@pytest.fixture
def measured_run(finished_run: Path, tmp_path: Path) -> Path:
    """A copy of that folder, to be changed."""
    results = shutil.copytree(finished_run.parents[2], tmp_path / "results")
    return results / finished_run.relative_to(finished_run.parents[2])


@pytest.fixture(scope="package")
def truth(finished_run: Path) -> FastestTruth:
    return result_of(finished_run)
