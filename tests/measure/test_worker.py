"""What becomes of one problem in a worker, without a process of its own."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from msgspec.structs import replace
from threadpoolctl import threadpool_info, threadpool_limits

from perceptron.backends.contract import agreement
from perceptron.backends.numpy_backend import NumpyBackend, NumpyTrainer
from perceptron.measure import worker
from perceptron.measure.job import Job
from perceptron.problems.problem import DType, Problem


class LossOf(NumpyTrainer):
    value = 0.0
    asked = 0

    def loss(self) -> float:
        LossOf.asked += 1
        return self.value if self._problem.name == "mlp-width:2" else super().loss()


class Diverges(NumpyBackend):
    def prepare(self, problem: Problem, dtype: DType) -> NumpyTrainer:
        return LossOf(problem, dtype)


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Job:
    """Return a job of 1,234 iterations; this process may have any number of threads."""
    monkeypatch.setattr(worker, "_assert_threads", lambda threads: None)
    return Job(
        backend="numpy",
        problems=[],
        dtype="float32",
        threads=1,
        samples=3,
        minimum_seconds=0.001,
        iterations=1234,
    )


@pytest.mark.parametrize(("value", "name"), [(float("nan"), "NaN"), (float("inf"), "inf")])
def test_a_loss_that_diverges_costs_its_row_only(
    job: Job, monkeypatch: pytest.MonkeyPatch, value: float, name: str
) -> None:
    """A training to NaN takes another time than a training: its row says so, the others go on."""
    monkeypatch.setattr(LossOf, "value", value)
    outcomes = [worker.measure(Diverges(), f"mlp-width:{width}", job) for width in (2, 4)]
    assert [outcome.status for outcome in outcomes] == ["failed", "ok"]
    assert outcomes[0].reason == (f"the loss is {name} after 1,234 iterations: lower the rate")
    assert outcomes[0].seconds is None


def test_the_loss_is_asked_for_once_after_all_samples(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It passes over all rows and empties caches: between samples it would disturb them."""
    monkeypatch.setattr(LossOf, "asked", 0)
    worker.measure(Diverges(), "mlp-width:4", job)
    assert LossOf.asked == 1


def test_the_reference_of_short_iterations_takes_one_thread(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pools are as before when it is there: the backend itself is checked with all of them."""
    seen: list[list[int]] = []
    reference = agreement.reference

    def noted(problem: Problem) -> agreement.Reference:
        seen.append(pools())
        return reference(problem)

    def pools() -> list[int]:
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    monkeypatch.setattr(agreement, "reference", noted)
    with threadpool_limits(limits=2):
        before = pools()
        outcome = worker.measure(NumpyBackend(), "mlp-width:4", replace(job, check=True))
        assert pools() == before
    assert outcome.status == "ok"
    assert seen == [[1] * len(before)]


class Compiles(NumpyBackend):
    """Says what a test wants of its cache."""

    def __init__(self, found: bool) -> None:
        self.found = found

    def prepared_from_cache(self) -> bool:
        return self.found


@pytest.mark.parametrize(
    ("backend", "found"),
    [(NumpyBackend(), None), (Compiles(False), False), (Compiles(True), True)],
    ids=["compiles nothing", "compiled", "found"],
)
def test_a_row_says_whether_preparing_found_what_was_compiled(
    job: Job, backend: NumpyBackend, found: bool | None
) -> None:
    assert worker.measure(backend, "or-gate", job).prepared_from_cache is found


def test_a_device_is_touched_before_anything_is_prepared(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of a backend that compiles, which is warmed up on no other problem."""
    done: list[str] = []

    class OnDevice(NumpyBackend):
        compiles = True
        accelerator = SimpleNamespace(touch=lambda: done.append("touch"))

        def prepare(self, problem: Problem, dtype: DType) -> NumpyTrainer:
            done.append(problem.name)
            return super().prepare(problem, dtype)

    monkeypatch.setattr(worker.gc, "freeze", lambda: None)
    backend = OnDevice()
    worker._first_touch(backend, job)
    worker.measure(backend, "mlp-width:2", job)
    assert done == ["touch", "mlp-width:2"]


def test_a_profile_is_an_extra_of_a_backend_on_a_device(job: Job) -> None:
    outcome = worker.measure(NumpyBackend(), "or-gate", replace(job, extra="profile"))
    assert (outcome.status, outcome.reason) == (
        "skipped",
        "it trains on the CPU, which launches no kernels",
    )
