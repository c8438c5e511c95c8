from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from perceptron.backends.ladder import rungs
from perceptron.errors import UserError
from perceptron.measure import launch
from perceptron.measure.job import Job, Outcome, Part
from perceptron.studies import overhead as study
from perceptron.studies.shared import campaign
from perceptron.studies.shared.progress import silent

LADDER = rungs("cpu")


class Lab:
    """Backends whose iterations take as long as their place on the ladder says."""

    def __init__(self) -> None:
        self.extras: list[tuple[str, str]] = []
        self.trained: list[tuple[str, str]] = []

    def run(self, job: Job) -> Iterator[Outcome]:
        for name in job.problems:
            if job.extra:
                self.extras.append((job.backend, job.extra))
                yield Outcome(problem=name, status="ok", parts=self.parts(job))
            elif job.check:
                yield Outcome(problem=name, status="ok")
            else:
                self.trained.append((job.backend, job.dtype))
                seconds = 1e-4 / (1 + list(LADDER).index(job.backend)) ** 2
                yield Outcome(
                    problem=name,
                    status="ok",
                    seconds=seconds,
                    samples=[seconds],
                    iterations=100,
                    prepare_seconds=1e-3,
                )

    def parts(self, job: Job) -> list[Part]:
        named = {
            "phases": {"forward": 4e-5, "backward": 1e-4},
            "ceilings": {"product": 1.0, "copy": 1.0},
            "harness": {"call": 1e-7},
            "kernels": {"kernels": 0.0},
        }[job.extra or ""]
        return [
            Part(name=part, work=13.0, seconds=seconds, samples=[seconds], iterations=1)
            for part, seconds in named.items()
        ]


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, known_machine: None) -> Lab:
    found = Lab()
    monkeypatch.setattr(campaign, "run_job", lambda job, backend: found.run(job))
    monkeypatch.setattr(launch.Workers, "run", lambda self, name, job, backend: found.run(job))
    monkeypatch.setattr(
        campaign.registry,
        "reason_unavailable",
        lambda name: "no CUDA device found" if "cuda" in name else None,
    )
    return found


def test_the_ladder_is_climbed_whole(lab: Lab, tmp_path: Path) -> None:
    """Every rung in every process; a GPU that is not there is one line with its reason."""
    found = study.overhead(study.OverheadPlan(quick=True, threads=1), "box", tmp_path, silent)
    assert [rung.backend for rung in found.rungs] == [*LADDER, "torch-cuda"]
    assert len([rung for rung in found.rungs if rung.seconds_per_iteration]) >= 10
    assert found.rungs[-1].reason == "no CUDA device found"
    assert found.rungs[0].kernels_per_iteration == 1
    assert len(lab.trained) == 3 * len(LADDER)
    assert [phase.phase for phase in found.phases] == ["forward", "backward"]
    assert found.harness_seconds == pytest.approx(1e-7)


def test_the_walk_through_is_measured_as_published(lab: Lab, tmp_path: Path) -> None:
    """NumPy and what stands below it in float64, PyTorch in float32; --dtype has the last word."""
    study.overhead(study.OverheadPlan(quick=True, threads=1), "box", tmp_path, silent)
    dtypes = dict(lab.trained)
    assert {dtypes[name] for name in ("numpy", "python", "numba", "jax-cpu")} == {"float64"}
    assert {dtypes[name] for name in LADDER if name.startswith("torch")} == {"float32"}
    assert study.OverheadPlan(dtype="float32").dtype_of("numpy") == "float32"
    assert study.OverheadPlan("mlp-width:8").dtype_of("numpy") == "float32"


def test_a_ladder_that_was_cut_short_goes_on(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was measured is not measured again, extras neither."""
    plan = study.OverheadPlan(quick=True, threads=1, backends=("torch-cpu", "numpy"))

    def power_cut(*_: object, **__: object) -> object:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(study.judge, "ladder", power_cut)
        with pytest.raises(KeyboardInterrupt):
            study.overhead(plan, "box", tmp_path, silent)
    trained, extras = len(lab.trained), [each for each in lab.extras if each[1] != "kernels"]
    found = study.overhead(plan, "box", tmp_path, silent)
    assert len(lab.trained) == trained
    assert [each for each in lab.extras if each[1] != "kernels"] == extras
    assert found.phases


def test_an_unknown_rung_is_named() -> None:
    with pytest.raises(UserError, match="unknown backend 'nunpy': did you mean 'numpy'"):
        study.OverheadPlan(backends=("nunpy",))
