"""Estimates of a device beside what was measured: against which backends, and on which machines."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from perceptron.analysis.what_if.devices import DEVICES
from perceptron.analysis.what_if.estimate import EAGER, GRAPH, DeviceEstimate, KernelWork
from perceptron.errors import UserError
from perceptron.problems.problem import Problem
from perceptron.records.readers.stored_runs import read_run
from perceptron.studies import what_if as study
from perceptron.studies.answering import answer_run
from perceptron.studies.crossover import CrossoverPlan, CrossoverStudy
from tests.made import keep, measured
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


def count_kernels(problems: list[Problem], *_: object) -> study.Counted:
    kernels = {
        (name, own.name): [KernelWork(10, 100)] * 20 for name in ESTIMATED for own in problems
    }
    return kernels, 10


@pytest.mark.parametrize(
    ("machine", "device", "checks"),
    [
        ("l40s", "l4", 0),
        ("box-l4", "l4", 1),
        ("rtx4090-box", "rtx-4090", 1),
        ("box-RTX-4090", "rtx-4090", 1),
        ("rtx-4090", "rtx-4080", 0),
    ],
)
def test_a_machine_has_the_device_that_a_part_of_its_name_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, machine: str, device: str, checks: int
) -> None:
    monkeypatch.setattr(study, "count_kernels", count_kernels)
    what = {"problem": "mlp-width:2", "family": "mlp-width", "size": 2, "backend": EAGER}
    rows = [measured(**what, seconds=8e-4, repeat=process) for process in range(2)]
    keep(tmp_path, {"study": "bench"}, rows, machine=machine)
    assert len(study.checks(tmp_path, "float32", DEVICES[device])) == checks


def test_a_search_keeps_its_estimates_and_reads_them_back(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Against every backend, and where a device like it was measured, how far they were off.

    numpy takes a microsecond for each unit of width.
    """
    what = {"problem": "mlp-width:2", "family": "mlp-width", "size": 2, "backend": EAGER}
    keep(tmp_path, {"study": "bench"}, [measured(**what, seconds=8e-4)], machine="box-h100")
    monkeypatch.setattr(study, "require", lambda problems: None)
    monkeypatch.setattr(study, "estimates", estimates)
    monkeypatch.setattr(study, "count_kernels", count_kernels)
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
    assert [one.machine for one in told.answer.data["what_if_checks"]] == ["box-h100"]
    assert answer_run(read_run(told.results)).answer == told.answer
    assert {row.backend for row in told.run.times} == {"numpy", "torch-cpu"}
    stored = told.results / "run.json"
    run = msgspec.json.decode(stored.read_bytes())
    stored.write_bytes(msgspec.json.encode(run | {"what_if": [{"family": 3}]}))
    with pytest.raises(UserError, match=r"run\.json, what_if: "):
        answer_run(read_run(told.results))
