"""Runs of the proof, and one of random trainings, on machines made up: nothing takes a time."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks.validation import lines
from benchmarks.validation.fastest.judge import FastestTruth, result_of
from benchmarks.validation.fastest.measure import ANSWERS, WAYS, jobs
from benchmarks.validation.gate.recorded import Pair, count_blocks, pair
from benchmarks.validation.gate.runs import Counts, Nanoseconds, ProofRow, ProofRun
from perceptron.gate.verdict.rule import Rule
from perceptron.gate.verdict.work import work_of
from perceptron.measure import campaign
from perceptron.records.run import Run
from perceptron.records.store import open_run
from perceptron.studies import carry_out as opening
from tests.made import FACTS, SOUND, STARTED, UnknownLook
from tests.validation.made_fastest import PLAN, Measured, ask

MakeRun = Callable[..., ProofRun]


def recorded(ratios: Sequence[float], sides: int = 2, base: float = 1e6) -> list[Nanoseconds]:
    """Blocks with these log-ratios of head and base, five equal samples each."""
    return [
        [[round(base)] * 5, [round(base * float(np.exp(ratio)))] * 5, [round(base)] * 5][:sides]
        for ratio in ratios
    ]


def noise(spread: float, count: int, seed: int = 1) -> list[float]:
    return np.random.default_rng(seed).normal(0, spread, count).tolist()


def pairs(ratios: Sequence[float]) -> list[Pair]:
    return [pair(block) for block in recorded(ratios)]


@pytest.fixture
def run() -> MakeRun:
    """A run of the proof; any field can be given, and those of its one row."""

    def make(
        kind: str = "same",
        number: int = 0,
        ratios: Sequence[float] = (),
        benchmark: str = "bodies.time_training",
        row_verdict: str = "no change",
        counts: Counts | None = None,
        **fields: object,
    ) -> ProofRun:
        judged = work_of(count_blocks(benchmark, counts or {}), Rule())
        row = ProofRow(
            benchmark=benchmark,
            verdict=row_verdict,  # type: ignore[arg-type]
            change=0.001,
            screen=recorded(ratios or noise(0.018, 10, number)),
            confirmation=[],
            counts=counts or {},
            work=judged[benchmark].work if judged else None,
        )
        defaults: dict[str, object] = {
            "when": f"2026-01-01T00:{number % 60:02}:00Z",
            "work": "w",
            "commit": "abc",
            "environment": "e",
            "seconds": 10.0,
            "cpu_seconds": 9.0,
            "verdict": "clean",
            "reason": "nothing",
            "control_alarmed": False,
            "rows": [row],
        }
        return ProofRun(kind=kind, number=number, **(defaults | fields))  # type: ignore[arg-type]

    return make


@pytest.fixture
def measured_here(monkeypatch: pytest.MonkeyPatch) -> Measured:
    fake = Measured()
    monkeypatch.setattr(campaign, "carry_out", fake)
    # SideMeasurement the facts of this machine, and watching its CPU and who uses it, take seconds.
    monkeypatch.setattr(opening, "environment", lambda *_: FACTS)
    monkeypatch.setattr(opening, "conditions", lambda **_: SOUND)
    monkeypatch.setattr(opening, "Look", UnknownLook)
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
    with open_run(tmp_path_factory.mktemp("fastest") / "results", run, FACTS) as journal:
        Measured()(lambda *_: jobs(PLAN), journal, run)
        with lines.appending(journal.folder / ANSWERS) as write:
            for way in WAYS:
                for training in PLAN.trainings[: PLAN.asked]:
                    write(ask(training, way))
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
