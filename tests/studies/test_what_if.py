"""Estimates of a device beside what was measured: against which backends, and on which machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.analysis.what_if.devices import DEVICES
from perceptron.analysis.what_if.estimate import EAGER, GRAPH, DeviceEstimate, KernelWork
from perceptron.problems.families import FAMILIES
from perceptron.problems.problem import Problem
from perceptron.studies import what_if as study
from tests.made import keep, measured

SIZES = (2, 32, 512, 8192)


def test_what_was_measured_stands_against_both_estimates(monkeypatch: pytest.MonkeyPatch) -> None:
    """numpy takes a microsecond for each unit of width; eagerly it is 100, as a graph 10."""

    def estimates(problems: list[Problem], *_: object) -> dict[str, list[DeviceEstimate]]:
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
                for backend, seconds in ((EAGER, 1e-4), (GRAPH, 1e-5))
            ]
            for problem in problems
        }

    monkeypatch.setattr(study, "estimates", estimates)
    rows = [
        measured(
            family="mlp-width",
            problem=f"mlp-width:{size}",
            size=size,
            seconds=1e-6 * size,
            repeat=process,
        )
        for size in SIZES
        for process in range(2)
    ]
    problems = [FAMILIES["mlp-width"].problem(size) for size in SIZES]
    eager, graph = study.of_crossovers(rows, problems, "float32", 2, DEVICES["h100"])
    assert (eager.challenger, graph.challenger) == (EAGER, GRAPH)
    assert eager.size == pytest.approx(100, rel=0.01)
    assert graph.size == pytest.approx(10, rel=0.01)
    assert eager.low is not None
    assert eager.high is not None
    assert eager.low < eager.size < eager.high


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
    def count(problems: list[Problem], *_: object) -> study.Counted:
        return study.Counted({own.name: [KernelWork(10, 100)] * 20 for own in problems}, 10)

    monkeypatch.setattr(study, "count_kernels", count)
    what = {"problem": "mlp-width:2", "family": "mlp-width", "size": 2, "backend": EAGER}
    rows = [measured(**what, seconds=8e-4, repeat=process) for process in range(2)]
    keep(tmp_path, {"study": "bench"}, rows, machine=machine)
    assert len(study.checks(tmp_path, "float32", DEVICES[device])) == checks
