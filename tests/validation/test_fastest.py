"""Random trainings are measured, asked about and judged: how good the picks of `fastest` are."""

from __future__ import annotations

import json
import os
from math import exp, inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import perceptron
from benchmarks.validation import fastest, lines
from benchmarks.validation.fastest import (
    ANSWERS,
    WAYS,
    FastestPlan,
    Pick,
    Training,
    Way,
    measure,
    picks_table,
    result_of,
)
from benchmarks.validation.grid import TextTable
from perceptron.measure import campaign
from perceptron.measure.campaign import Ask
from perceptron.measure.job import Job, Outcome
from perceptron.measure.rows import rows_of, subject_fields
from perceptron.problems import catalogue
from perceptron.problems.cost import operations
from perceptron.problems.problem import Problem
from perceptron.questions import run_study as opening
from perceptron.questions.fastest.cache import FOLDER
from perceptron.questions.fastest.judge import Advice
from perceptron.records.run import Run
from perceptron.records.store import RunJournal, load_plan
from tests.made import FACTS, SOUND, UnknownLook, silent

# Seconds of a call, operations a second, seconds of preparing.
BACKENDS = {"numpy": (1e-5, 1e9, 1e-4), "numba": (1e-4, 1e10, 1e-3)}
PLAN = FastestPlan(
    trainings=[
        Training(reference, 10)
        for reference in (
            *("mlp:64x2", "mlp:100x5x4:3c:10b", "mlp:2000x300x100:4c:500b:adam"),
            *("mlp:9000x64x32", "mlp:500x8:9m"),
        )
    ],
    backends=list(BACKENDS),
    threads=1,
    processes=2,
)


def seconds_of(backend: str, problem: Problem) -> float:
    call, rate, _ = BACKENDS[backend]
    return call + operations(problem) / rate


def fastest_of(training: Training) -> str:
    problem = catalogue.find(training.reference)
    iterations = training.epochs * problem.iterations_per_epoch
    return min(
        BACKENDS, key=lambda name: BACKENDS[name][2] + iterations * seconds_of(name, problem)
    )


class Measured:
    """Stands in for the loop: rows of this machine, each process off by about a percent."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(1)
        self.measured: list[Job] = []

    def __call__(self, ask: Ask, journal: RunJournal, run: Run, *_: Any) -> bool:
        for job in ask(journal.rows, inf):
            seconds = seconds_of(job.backend, catalogue.find(job.problem))
            seconds *= exp(self.random.normal(0, 0.01))
            outcome = Outcome(
                seconds=seconds,
                samples=[seconds] * 5,
                iterations=10,
                prepare_seconds=BACKENDS[job.backend][2],
            )
            journal.append(*rows_of(job, subject_fields(job), outcome, run))
            self.measured.append(job)
        return True


@pytest.fixture(autouse=True)
def measured_here(monkeypatch: pytest.MonkeyPatch) -> Measured:
    fake = Measured()
    monkeypatch.setattr(campaign, "run_campaign", fake)
    # Noting the facts of this machine, and watching its CPU and who uses it, take seconds.
    monkeypatch.setattr(opening, "environment", lambda *_: FACTS)
    monkeypatch.setattr(opening, "conditions", lambda **_: SOUND)
    monkeypatch.setattr(opening, "Look", UnknownLook)
    return fake


ASK = fastest.ask


@pytest.fixture(autouse=True)
def asked_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastest, "ask", ask)


def ask(_: FastestPlan, __: Path, training: Training, way: Way) -> Pick:
    """Answer right, as who has measured; `cached` always says NumPy, and is sure of it."""
    backend = "numpy" if way.measure == "cached" else fastest_of(training)
    return Pick(
        reference=training.reference, way=way, backend=backend, sure=True, source="measured"
    )


def test_fastest_validation_resumes(
    measured_here: Measured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are not measured again, nor is asked again what was answered; half a line is cut off."""
    questions: list[str] = []

    def interrupted(plan: FastestPlan, folder: Path, training: Training, way: Way) -> Pick:
        questions.append(training.reference)
        if len(questions) == 8:
            raise KeyboardInterrupt
        return ask(plan, folder, training, way)

    monkeypatch.setattr(fastest, "ask", interrupted)
    with pytest.raises(KeyboardInterrupt):
        measure(PLAN, "box", tmp_path, silent)
    (file,) = tmp_path.glob(f"runs/box/*/{ANSWERS}")
    with file.open("ab") as stream:
        stream.write(b'{"reference": "mlp')
    folder = measure(PLAN, "box", tmp_path, silent)
    assert folder == file.parent
    seen = {(job.problem, job.backend, job.repeat) for job in measured_here.measured}
    assert len(seen) == len(measured_here.measured) == 5 * 2 * 2
    drawn = [training.reference for training in PLAN.trainings]
    assert questions[8:] == drawn[2:] + 2 * drawn
    assert [(pick.way, pick.reference) for pick in lines.read(folder / ANSWERS, Pick)] == [
        (way, reference) for way in WAYS for reference in drawn
    ]
    run = load_plan(folder)
    assert run.finished is not None
    assert not run.cut_short


def test_fastest_validation_isolates_cache_and_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither results nor the user's own cache may answer, nor one way for another."""
    calls: list[tuple[str, bool]] = []

    def stub(results: Path, measure: str, **_: Any) -> Advice:
        memory = Path(os.environ[FOLDER])
        assert not results.exists()
        calls.append((measure, memory.exists()))
        memory.mkdir(exist_ok=True)
        return Advice(
            backend="numpy",
            device="cpu",
            seconds=1.0,
            low=0.9,
            high=1.1,
            why="",
            decided=True,
            source="measured",
            measured=None,
            stale=None,
            candidates=(),
        )

    monkeypatch.setattr(perceptron, "fastest", stub, raising=False)
    monkeypatch.setenv(FOLDER, "/own")
    for way in WAYS:
        for training in PLAN.trainings[:2]:
            ASK(PLAN, tmp_path, training, way)
    assert calls == [
        *[("cached", False), ("cached", True), ("now", False), ("now", True)],
        *[("now", False)] * 4,
    ]
    assert os.environ[FOLDER] == "/own"


@pytest.fixture
def measured_run(tmp_path: Path) -> Path:
    return measure(PLAN, "box", tmp_path / "results", silent)


def rows_of_table(table: TextTable) -> dict[str, dict[str, str]]:
    """The cells of each row by their columns, by the row's label."""
    names = [name.rstrip(">") for name in table.columns]
    return {row[0]: dict(zip(names, row, strict=True)) for row in table.rows}


def test_regret_is_the_time_of_the_pick_over_that_of_the_fastest(measured_run: Path) -> None:
    truth = result_of(measured_run)
    times = truth.trainings
    assert {name: next(iter(seconds)) for name, seconds in times.items()} == {
        training.reference: fastest_of(training) for training in PLAN.trainings
    }
    rows = rows_of_table(truth.picks)
    cached, now, cold, numpy, numba = rows.values()
    assert list(rows) == [
        WAYS[0].label,
        WAYS[1].label,
        WAYS[3].label,
        *map("always {}".format, BACKENDS),
    ]
    for right in (now, cold):
        assert right["right [95% interval]"].startswith("100.0% ")
        assert (right["regret: median"], right["worst"]) == ("1.00", "1.00")
    slow = [
        seconds["numpy"] / seconds["numba"]
        for seconds in times.values()
        if seconds["numpy"] > seconds["numba"]
    ]
    assert slow
    assert cached["worst"] == numpy["worst"] == f"{max(slow):.2f}"
    assert cached["right [95% interval]"] == numpy["right [95% interval]"]
    shares = [float(row["right [95% interval]"].partition("%")[0]) for row in (cached, numba)]
    assert sum(shares) == 100.0
    assert cached["decided, and wrong"] == f"{len(slow)} of 5"
    assert (cached["trainings"], cached["measured"]) == ("5", "5")


def test_fastest_validation_unable_pick_is_wrong(measured_run: Path) -> None:
    before = result_of(measured_run)
    file = measured_run / "measurements.jsonl"
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        if row["backend"] == "numba" and row["problem"] == "mlp:64x2":
            row |= {"status": "skipped", "reason": "no", "seconds": None, "samples": []}
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    truth = result_of(measured_run)
    assert set(before.trainings) - set(truth.trainings) == {"mlp:64x2"}, "one alone is no choice"
    pick = ask(PLAN, measured_run, Training("mlp:9000x64x32", 10), WAYS[1])
    table = picks_table({"now": [(pick, {"numpy": 1.0, "torch-cpu": 1.05})]})
    row = rows_of_table(table)["now"]
    assert row["right [95% interval]"].startswith("0.0% ")
    assert (row["worst"], row["decided, and wrong"]) == ("–", "1 of 1")
    assert row["undecided, where two are close"] == "0 of 1"
    assert table.notes[-1].endswith("no regret: now 1.")
