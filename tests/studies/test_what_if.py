"""Estimates of a device beside what was measured: against which backends, and on which machines."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from perceptron.analysis.what_if import EAGER, GRAPH, DeviceEstimate
from perceptron.errors import UserError
from perceptron.problems.problem import Problem
from perceptron.records.readers.stored_runs import read_run
from perceptron.studies import what_if as study
from perceptron.studies.answering import answer_run
from perceptron.studies.crossover import CrossoverPlan, CrossoverStudy
from tests.studies.conftest import Lab, carried_out

ESTIMATED = {EAGER: 1e-4, GRAPH: 1e-5}


def estimates(problems: list[Problem], *_: object) -> dict[str, list[DeviceEstimate]]:
    """Eagerly an iteration takes 100 µs at every size, as a graph 10."""
    return {
        problem.name: [
            DeviceEstimate(
                backend=backend,
                device="h100",
                size=problem.size,
                seconds=seconds,
                low=seconds / 2,
                high=seconds * 2,
            )
            for backend, seconds in ESTIMATED.items()
        ]
        for problem in problems
    }


def test_a_search_keeps_its_estimates_and_reads_them_back(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Against every backend; numpy takes a microsecond for each unit of width."""
    monkeypatch.setattr(study, "require", lambda problems: None)
    monkeypatch.setattr(study, "estimates", estimates)
    lab.seconds = lambda backend, problem: (1e-6 if backend == "numpy" else 2e-6) * problem.size
    plan = CrossoverPlan(
        families=("mlp-width",), pair=("numpy:torch-cpu",), threads=(1,), what_if="h100"
    )
    told = carried_out(CrossoverStudy(), plan.resolved(), tmp_path)
    guesses = {(one.incumbent, one.challenger): one for one in told.answer.data["what_if"]}
    assert set(guesses) == {(own, guess) for own in ("numpy", "torch-cpu") for guess in ESTIMATED}
    for guess, size in ((EAGER, 100), (GRAPH, 10)):
        against = guesses["numpy", guess]
        assert against.size == pytest.approx(size, rel=0.01)
        assert against.low < against.size < against.high
    assert answer_run(read_run(told.results)).answer == told.answer
    assert {row.backend for row in told.run.times} == {"numpy", "torch-cpu"}
    stored = told.results / "run.json"
    run = msgspec.json.decode(stored.read_bytes())
    stored.write_bytes(msgspec.json.encode(run | {"what_if": [{"family": 3}]}))
    with pytest.raises(UserError, match=r"run\.json, what_if: "):
        answer_run(read_run(told.results))
