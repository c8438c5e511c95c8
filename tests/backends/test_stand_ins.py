"""Every backend of a device beside the host keeps the contract, with the CPU in the device's place.

A backend that is added to the registry is tested here without another line.
"""

from __future__ import annotations

from itertools import product

import pytest

from perceptron.backends import registry
from perceptron.backends.protocol import Unsupported
from tests.backends.conftest import PROBLEMS, broken_promises, needs, trains_models_only
from tests.stand_in import use_stand_ins

DEVICES = [name for name in registry.BUILT_IN if registry.load(name).device != "cpu"]

pytestmark = pytest.mark.usefixtures("_stand_ins", "traced_not_compiled")


@pytest.fixture
def _stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    use_stand_ins(monkeypatch)


# All rows; batches that are fed from the host; several models at once.
KINDS = ("or-gate", "batches-adam", "folds-adam")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        # XLA compiles each for seconds, and what it compiles is what jax-cpu's is.
        pytest.param(*case, marks=[pytest.mark.slow] if case[0].startswith("jax") else [])
        for case in product(DEVICES, KINDS)
        if case != ("jax-cuda", "folds-adam")  # `jax-cpu` keeps it
    ],
)
def test_stand_in_keeps_contract(name: str, problem: str) -> None:
    needs(name)
    assert broken_promises(registry.load(name), PROBLEMS[problem], "float32") == []


@pytest.mark.parametrize("name", [name for name in DEVICES if name.startswith("torch")])
def test_work_can_be_queued_without_waiting(name: str) -> None:
    """A device's own seconds are read around work that was queued; see `Accelerator`."""
    needs(name)
    problem = PROBLEMS["many-momentum" if trains_models_only(name) else "batches-momentum"]
    try:
        trainers = [registry.load(name).prepare(problem, "float32") for _ in range(2)]
    except Unsupported as reason:
        pytest.skip(f"{name}: {reason}")
    trainers[0].train(7)
    trainers[1].queue(7)  # type: ignore[attr-defined]
    for array, expected in zip(trainers[1].parameters(), trainers[0].parameters(), strict=True):
        assert array.tolist() == expected.tolist()


def test_stand_in_accelerator_kind_is_device() -> None:
    """Whoever waits for a device, or asks for its memory, asks the backend's accelerator."""
    for backend in map(registry.load, DEVICES):
        accelerator = getattr(backend, "accelerator", None)
        assert accelerator is not None
        assert accelerator.kind == backend.device
