"""What becomes of one problem in a worker, without a process of its own."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from perceptron.backends import registry
from perceptron.backends.accelerators.protocol import Accelerator, Loop
from perceptron.backends.contract import agreement
from perceptron.backends.numpy_backend import NumpyBackend
from perceptron.backends.numpy_trainer import NumpyTrainer
from perceptron.measure import extras, hardware, training
from perceptron.measure.job import Extra, Outcome, Race, Time
from perceptron.measure.timing import Effort, time_training
from perceptron.problems.datasets import DATA_FOLDER
from perceptron.problems.problem import DType, Problem
from perceptron.records.measurement import Timings
from perceptron.records.race import target_of
from tests.measure.conftest import Clock, FakeAccelerator
from tests.stand_in import use_stand_ins


class LossOf(NumpyTrainer):
    value = 0.0

    def loss(self) -> float:
        return self.value if self._problem.name == "mlp-width:2" else super().loss()


class Diverges(NumpyBackend):
    def prepare(self, problem: Problem, dtype: DType) -> NumpyTrainer:
        return LossOf(problem, dtype)


ABOUT: dict[str, Any] = {
    "problem": "or-gate",
    "backend": "numpy",
    "dtype": "float32",
    "threads": 1,
    "samples": 3,
    "minimum_seconds": 0.001,
}


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Return a job of seven iterations; this process may have any number of threads."""
    monkeypatch.setattr(training, "assert_threads_of_each", lambda backend, threads: None)
    return Time(**ABOUT, iterations=7)


@pytest.mark.parametrize(("value", "name"), [(float("nan"), "NaN"), (float("inf"), "inf")])
def test_worker_diverging_loss_costs_its_row(
    job: Time, monkeypatch: pytest.MonkeyPatch, value: float, name: str
) -> None:
    """A training to NaN takes another time than a training: its row says so, the others go on."""
    monkeypatch.setattr(LossOf, "value", value)
    jobs = [replace(job, problem=f"mlp-width:{width}") for width in (2, 4)]
    outcomes = [training.measure(Diverges(), job) for job in jobs]
    assert [outcome.status for outcome in outcomes] == ["failed", "ok"]
    assert outcomes[0].reason == (f"the loss is {name} after 7 iterations: lower the rate")
    assert outcomes[0].seconds is None


def test_worker_reference_is_shared_between_workers(
    job: Time, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker of the run finds it in the folder that they share."""
    check = replace(job, problem="many-or-gates:4", step="check")
    monkeypatch.setenv(DATA_FOLDER, str(tmp_path))
    assert training.measure(NumpyBackend(), check).status == "ok"
    monkeypatch.setattr(agreement, "reference", lambda problem: pytest.fail("computed again"))
    assert training.measure(NumpyBackend(), check).status == "ok"


def test_worker_low_precision_is_checked_in_higher() -> None:
    """What it rounds away is its right; NumPy knows no such dtype."""
    about = {"problem": "or-gate", "backend": "numpy", "dtype": "bfloat16", "threads": 1}
    target = target_of("loss=0.1")
    check = Race(**about, step="check", target=target, epochs=1, check_iterations=1)
    assert training.measure(NumpyBackend(), check).reason is None


def test_worker_device_row_has_device_seconds(job: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a stand-in too, where no GPU has a state."""
    use_stand_ins(monkeypatch)
    short = replace(job, backend="torch-cuda", iterations=5)
    outcome = training.measure(registry.load("torch-cuda"), short)
    assert outcome.status == "ok", outcome.reason
    assert outcome.device_seconds is not None
    assert outcome.device_seconds > 0
    assert (outcome.gpu, outcome.peak_bytes) == (None, None)
    on_host = training.measure(NumpyBackend(), job)
    assert (on_host.device_seconds, on_host.gpu) == (None, None)


def test_worker_uses_least_sample_seconds_of_backend(
    job: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand trainings one by one have a thousand times what a call costs."""

    class Called(NumpyBackend):
        def least_seconds(self, problem: Problem) -> float:
            return 0.1

    efforts: list[Effort] = []

    def timed(trainer: NumpyTrainer, effort: Effort, **options: Any) -> Timings:
        efforts.append(effort)
        return time_training(trainer, Effort(samples=1, iterations=1), **options)

    monkeypatch.setattr(training, "time_training", timed)
    assert training.measure(Called(), replace(job, iterations=None)).status == "ok"
    assert [effort.minimum_seconds for effort in efforts] == [0.1]


class OutOfMemoryError(RuntimeError):
    pass


class Exhausting(NumpyBackend):
    """On a device that cannot hold the wider of two problems, and knows it only then."""

    def __init__(self) -> None:
        self.accelerator = FakeAccelerator(Clock())

    def prepare(self, problem: Problem, dtype: DType) -> NumpyTrainer:
        self.accelerator.synchronize()
        if problem.name == "mlp-width:4":
            raise OutOfMemoryError("tried to allocate 300 GiB")
        return NumpyTrainer(problem, dtype)


def test_worker_out_of_memory_costs_its_row(job: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one finds the memory that this one had, also in another process."""
    use_stand_ins(monkeypatch)
    backend = Exhausting()
    monkeypatch.setattr(training, "_backend", lambda name: backend)
    failed = next(training.answer(replace(job, problem="mlp-width:4"), is_first=False))
    assert (failed.status, failed.reason) == ("failed", "out of memory on the device")
    assert backend.accelerator.log[-1] == "release"
    narrow = replace(job, problem="mlp-width:2")
    (fits,) = training.answer(narrow, is_first=False)
    assert fits.status == "ok"


def test_worker_peak_memory_is_of_training(job: Time) -> None:
    """A loss is of all rows at once, which a training on batches never holds."""
    backend = Exhausting()

    class Holding(NumpyTrainer):
        def train(self, iterations: int) -> None:
            backend.accelerator.hold(100)
            super().train(iterations)

        def loss(self) -> float:
            backend.accelerator.hold(900)
            return super().loss()

    backend.prepare = Holding  # type: ignore[method-assign]
    assert training.measure(backend, job).peak_bytes == 100


class StartingAccelerator(FakeAccelerator):
    """A device that takes 3 s to start, whatever it is asked first."""

    started = False

    def __getattribute__(self, name: str) -> Any:
        if name in vars(Accelerator) and callable(vars(Accelerator)[name]) and not self.started:
            self.started = True
            self.clock.now += 3.0
        return super().__getattribute__(name)

    def transfers(self, size: int) -> dict[str, Loop]:
        return {}  # theirs would be timed by another clock


def test_worker_device_start_is_timed_first(job: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither preparing a problem nor asking for free memory: to start it then takes no time."""
    clock, backend = Clock(), Exhausting()
    backend.accelerator = StartingAccelerator(clock)
    monkeypatch.setattr(extras, "time", SimpleNamespace(perf_counter=clock))
    monkeypatch.setattr(hardware, "WARM_UP_SECONDS", 0.0)
    monkeypatch.setattr(training, "_backend", lambda name: backend)
    (first,) = training.answer(Extra(**ABOUT, extra="device"), is_first=True)
    assert isinstance(first, Outcome), first.reason
    assert {part.name: part.seconds for part in first.parts}["context"] >= 3.0


def test_worker_skips_problem_too_large_for_device(
    job: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The estimate is the reason, as on the host."""
    use_stand_ins(monkeypatch)
    backend = Exhausting()
    backend.accelerator.free = 1000
    outcome = training.measure(backend, replace(job, problem="mlp-width:2"))
    assert outcome.status == "skipped"
    assert outcome.reason is not None
    assert "are free on the device" in outcome.reason
    assert "reset peak" not in backend.accelerator.log


def test_worker_device_costs_come_from_fresh_worker(
    job: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each cost apart; what happens once has one sample, and a copy's work is its bytes.

    A second job finds the device started; an energy counter is nowhere to be had here.
    """
    use_stand_ins(monkeypatch)
    device_job = Extra(**(ABOUT | {"backend": "torch-cuda"}), extra="device")
    (first,) = training.answer(device_job, is_first=True)
    (second,) = training.answer(device_job, is_first=False)
    (energy,) = training.answer(replace(device_job, extra="energy"), is_first=False)
    assert first.status == "ok", first.reason
    parts = {part.name: part for part in first.parts}
    assert list(parts) == [
        *("context", "first iteration", "host to device", "device to host", "synchronize"),
    ]
    assert len(parts["context"].samples) == len(parts["first iteration"].samples) == 1
    assert parts["host to device"].work == parts["device to host"].work == 64 * 2**20
    assert parts["synchronize"].seconds < parts["host to device"].seconds
    assert second.status == "skipped"
    assert "fresh process" in str(second.reason)
    assert energy.status == "skipped"
    assert "stands in" in str(energy.reason)


def test_worker_row_states_compile_cache_hit(job: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = NumpyBackend()
    assert training.measure(backend, job).prepared_from_cache is None
    for from_cache in (False, True):
        monkeypatch.setattr(
            backend, "prepared_from_cache", lambda from_cache=from_cache: from_cache, raising=False
        )
        assert training.measure(backend, job).prepared_from_cache is from_cache


def test_worker_keeps_backend_between_jobs(job: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has loaded for one job is there for the next."""
    loaded: list[NumpyBackend] = []

    def load(name: str) -> NumpyBackend:
        loaded.append(NumpyBackend())
        return loaded[-1]

    training._backend.cache_clear()
    monkeypatch.setattr(registry, "load", load)
    for problem in ("or-gate", "mlp-width:2"):
        (outcome,) = training.answer(replace(job, problem=problem), is_first=False)
        assert outcome.status == "ok", outcome.reason
    assert len(loaded) == 1
