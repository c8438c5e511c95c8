"""CuPy's trainer, on a CuPy made of NumPy whose arrays refuse to meet the host's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from perceptron import optional, rehearsal
from perceptron.backends.accelerators import cupy_accelerator
from perceptron.backends.contract import checks
from perceptron.backends.cupy_backend import BACKEND
from tests.backends.conftest import PROMISES, broken_promises
from tests.backends.fake_cupy import DeviceArray, FakeCupy

pytestmark = pytest.mark.usefixtures("references_kept")
PROBLEMS = {problem.name: problem for problem in checks.problems()}


@pytest.mark.parametrize(
    "name", ["or-gate", "batches-adam", "batches-momentum", "several-l1", "folds-adam"]
)
def test_arrays_of_a_device_keep_every_promise(cupy: FakeCupy, name: str) -> None:
    """The contract of all backends; nothing is computed with what lies on the host."""
    assert broken_promises(BACKEND, PROBLEMS[name], "float32", PROMISES) == []


def test_training_waits_for_the_device_once_and_queueing_does_not(cupy: FakeCupy) -> None:
    trainer = BACKEND.prepare(PROBLEMS["batches-adam"], "float32")
    cupy.calls.clear()
    trainer.queue(10)
    assert cupy.calls["synchronize"] == 0
    trainer.train(10)
    assert cupy.calls["synchronize"] == 1
    trainer.reset()
    assert cupy.calls["synchronize"] == 2


@pytest.mark.parametrize(("feed", "copies"), [("resident", 0), ("host", 2)])
def test_batches_are_copied_only_from_the_host(cupy: FakeCupy, feed: str, copies: int) -> None:
    """Inputs and targets of each; resident data lie on the device beforehand."""
    problem = replace(PROBLEMS["batches-adam"], feed=feed)
    trainer = BACKEND.prepare(problem, "float32")
    assert isinstance(trainer._inputs, DeviceArray) == (feed == "resident")
    cupy.calls.clear()
    trainer.train(7)
    assert cupy.calls["asarray"] == 7 * copies


def test_a_gpu_is_looked_for_before_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody should install CuPy for a GPU that is not there."""
    monkeypatch.delenv(rehearsal.VARIABLE, raising=False)
    monkeypatch.setattr(optional, "missing", lambda extra: f"no {extra}")
    monkeypatch.setattr(cupy_accelerator, "driver_unavailable", lambda: "no device")
    assert BACKEND.unavailable() == "no device"
    monkeypatch.setattr(cupy_accelerator, "driver_unavailable", lambda: None)
    assert BACKEND.unavailable() == "no cupy"
    assert BACKEND.imports == ("cupy",)


def test_products_are_in_full_precision_whatever_the_user_has_set() -> None:
    assert BACKEND.environment(3)["CUPY_TF32"] == "0"
    assert BACKEND.environment(3)["OMP_NUM_THREADS"] == "3"
