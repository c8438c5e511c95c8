from __future__ import annotations

import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from perceptron.backends import registry
from perceptron.backends.contract import agreement, checks
from perceptron.backends.data_parallel.backend import CPU, CUDA
from perceptron.backends.data_parallel.world import running_world
from perceptron.backends.protocol import Distributed, processes_of, ranks_of
from perceptron.problems import catalogue
from perceptron.problems.optimizer import Adam
from perceptron.problems.problem import DType, Problem
from tests.backends.conftest import PROMISES, broken_promises
from tests.backends.data_parallel import inside

if registry.reason_unavailable("torch-ddp"):
    pytest.skip(f"torch-ddp: {registry.reason_unavailable('torch-ddp')}", allow_module_level=True)

# Of one model: several at once are refused.
PROBLEMS = {problem.name: problem for problem in checks.problems() if problem.models == 1}


def test_its_name_says_over_how_many_it_trains() -> None:
    assert [CPU.over(count).name for count in (1, 2)] == ["torch-ddp", "torch-ddp@2"]
    assert CPU.over(4).over(2).name == "torch-ddp@2"
    assert isinstance(CPU, Distributed)
    assert processes_of(registry.load("torch-ddp@4")) == 4


def test_each_process_gets_its_share_of_the_threads() -> None:
    assert CPU.over(2).environment(4)["OMP_NUM_THREADS"] == "2"
    # As the worker then says of each problem.
    assert CPU.over(2).environment(3)["OMP_NUM_THREADS"] == "1"


def differences(name: str, problems: list[Problem], dtype: DType) -> list[str]:
    """Return what does not agree with the float64 reference, after ten steps of each problem."""
    found = []
    for problem in problems:
        trainer = registry.load(name).prepare(problem, dtype)
        difference = agreement.compare(problem, trainer, dtype, agreement.reference(problem))
        if not difference.agrees:
            found.append(f"{problem.name}: {difference}")
    return found


def test_two_processes_agree_on_every_problem() -> None:
    """In float64, to rounding: 70 rows, batches of 16 and a last one of 6, of 1, of all …"""
    assert differences("torch-ddp@2", list(PROBLEMS.values()), "float64") == []


def test_four_processes_agree_where_parts_are_unequal_or_empty() -> None:
    """Four rows and one; batches of 6 and of 3 by Adam and by momentum; every kind of loss."""
    small = replace(PROBLEMS["batches-adam"], batch=3)
    names = (
        *("or-gate", "batches-momentum", "batches-adam", "batches-of-one", "all-rows-adam"),
        *("several-mse", "several-bce", "several-l1", "quantities", "symptoms"),
    )
    try:
        assert differences("torch-ddp@4", [small, *map(PROBLEMS.get, names)], "float32") == []
    finally:
        if world := running_world(4, "cpu"):
            world.end()


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("or-gate", "float32"), ("batches-adam", "float64"), ("batches-of-one", "float32")],
)
def test_two_processes_keep_the_contract(name: str, dtype: DType) -> None:
    """Batches of one row leave a process without any; evaluate() is of all rows all the same."""
    assert broken_promises(registry.load("torch-ddp@2"), PROBLEMS[name], dtype, PROMISES) == []


def test_phases_are_loops_that_end_ever_later() -> None:
    """They run in all ranks, where the last is a whole iteration: it leaves what training does."""
    problem = replace(catalogue.find("mlp-batch:3000"), optimizer=Adam(rate=0.01))
    trainer, other = (registry.load("torch-ddp@2").prepare(problem, "float64") for _ in range(2))
    phases = trainer.phases()  # type: ignore[attr-defined]
    assert list(phases) == [
        *("Python's loop", "batch", "forward", "loss", "zero_grad", "backward"),
        *("buckets and all-reduce", "optimizer step"),
    ]
    start = [array.copy() for array in trainer.parameters()]
    for name in list(phases)[:-1]:
        phases[name](2)
        trainer.reset()
    for array, begin in zip(trainer.parameters(), start, strict=True):
        assert (array == begin).all()
    phases["optimizer step"](3)
    other.train(3)
    for array, expected in zip(trainer.parameters(), other.parameters(), strict=True):
        assert (array == expected).all()


def test_ranks_run_the_threads_of_their_environment() -> None:
    """In PyTorch too, which would take all cores; torchrun's own program would say 1."""
    ranks = ranks_of(registry.load("torch-ddp@2"))
    assert ranks is not None
    assert ranks.call(inside.thread_count) == [(1, "1"), (1, "1")]
    assert len(set(ranks.process_ids() or [])) == 2


def test_a_gpu_is_needed_for_each_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PERCEPTRON_REHEARSAL", raising=False)
    torch = SimpleNamespace(
        cuda=SimpleNamespace(device_count=lambda: 1), __spec__=SimpleNamespace(origin="here")
    )
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setattr(CUDA.accelerator.__class__, "unavailable", lambda self: None)
    assert CUDA.unavailable() is None
    assert CUDA.over(2).unavailable() == "needs 2 GPUs, one for each process, and finds 1"


def test_nodes_that_cannot_share_the_processes_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERCEPTRON_NODES", ";;")
    reason = registry.reason_unavailable("torch-ddp@4")
    assert reason is not None
    assert reason.startswith("4 processes cannot be shared out evenly over 3 nodes")
