"""Training over several processes: parts and weights of rows, and what all ranks leave."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.backends import registry
from perceptron.backends.contract import agreement
from perceptron.backends.data_parallel.backend import CPU, CUDA
from perceptron.backends.data_parallel.rank_trainer import part_of, weight_of
from perceptron.backends.data_parallel.world import running_world
from perceptron.backends.protocol import Distributed, RankFailed, distributed, processes_of
from perceptron.problems import catalogue
from perceptron.problems.optimizer import Adam
from perceptron.problems.problem import DType, Loss, Problem
from tests.backends.conftest import PROBLEMS, broken_promises, needs
from tests.backends.data_parallel import inside

needs("torch-ddp")


def test_data_parallel_name_states_process_count() -> None:
    assert [CPU.over(count).name for count in (1, 2)] == ["torch-ddp", "torch-ddp@2"]
    assert CPU.over(4).over(2).name == "torch-ddp@2"
    assert isinstance(CPU, Distributed)
    assert processes_of(registry.load("torch-ddp@4")) == 4


def test_data_parallel_threads_are_shared_among_processes() -> None:
    assert CPU.over(2).environment(4)["OMP_NUM_THREADS"] == "2"
    # As the worker then says of each problem.
    assert CPU.over(2).environment(3)["OMP_NUM_THREADS"] == "1"


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("or-gate", "float32"), ("batches-adam", "float64"), ("batches-of-one", "float32")],
)
def test_data_parallel_two_processes_keep_contract(name: str, dtype: DType) -> None:
    """Batches of one row leave a process without any; evaluate() is of all rows all the same."""
    assert broken_promises(registry.load("torch-ddp@2"), PROBLEMS[name], dtype) == []


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
    """In PyTorch too, which would take all cores."""
    ranks = distributed(registry.load("torch-ddp@2"))
    assert ranks is not None
    assert ranks.call(inside.thread_count) == [(1, "1"), (1, "1")]
    assert len(set(ranks.process_ids())) == 2


def test_data_parallel_needs_a_gpu_per_process(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = SimpleNamespace(
        cuda=SimpleNamespace(device_count=lambda: 1), __spec__=SimpleNamespace(origin="here")
    )
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setattr(CUDA.accelerator.__class__, "unavailable", lambda self: None)
    assert CUDA.unavailable() is None
    assert CUDA.over(2).unavailable() == "needs 2 GPUs, one for each process, and finds 1"


ROWS = st.integers(1, 200)


PROCESSES = st.integers(1, 16)


@given(rows=ROWS, processes=PROCESSES)
def test_parts_are_all_rows_once_and_differ_by_one_at_most(rows: int, processes: int) -> None:
    parts = [part_of(rows, rank, processes) for rank in range(processes)]
    assert [row for begin, end in parts for row in range(begin, end)] == list(range(rows))
    sizes = [end - begin for begin, end in parts]
    assert max(sizes) - min(sizes) <= 1


@given(rows=ROWS, processes=PROCESSES, loss=st.sampled_from(["mse", "l1-sum"]))
def test_data_parallel_weighted_average_is_loss_of_all_rows(
    rows: int, processes: int, loss: Loss
) -> None:
    values = [float(row * row % 17) for row in range(rows)]

    def of(part: list[float]) -> float:
        return sum(part) if loss == "l1-sum" else sum(part) / len(part)

    weighted = []
    for rank in range(processes):
        begin, end = part_of(rows, rank, processes)
        weight = weight_of(loss, rows, rank, processes)
        weighted.append(weight * of(values[begin:end]) if weight else 0.0)
        # Then the step is what PyTorch's tutorial writes, to the last bit.
        assert weight == 1.0 or loss == "l1-sum" or rows % processes
        assert (weight == 0.0) == (begin == end)
    assert sum(weighted) / processes == pytest.approx(of(values))


@pytest.fixture
def ranks() -> Iterator[Distributed]:
    backend = distributed(registry.load("torch-ddp@2"))
    assert backend is not None
    yield backend
    backend.call_running(inside.unmake_mistakes)


@pytest.mark.parametrize(
    ("mistake", "problem"),
    [
        ("no weights", "quantities"),
        ("no weights", "or-gate"),
        ("sum over ranks", "mlp-width:8"),
    ],
)
def test_data_parallel_wrong_weighting_disagrees(
    mistake: str, problem: str, ranks: Distributed
) -> None:
    """What is averaged over ranks is a mean of unequal parts, of none, or a sum."""
    assert agrees(problem)
    ranks.call(inside.make_mistake, mistake)
    assert not agrees(problem)


def test_ranks_that_do_not_exchange_are_found_out(ranks: Distributed) -> None:
    """Their parameters drift apart, and those of one alone would tell nothing."""
    ranks.call(inside.make_mistake, "no exchange")
    with pytest.raises(RankFailed, match=r"^rank 1 of 2 has other parameters than rank 0$"):
        agrees("mlp-width:8")


def agrees(name: str) -> bool:
    return differs("torch-ddp@2", PROBLEMS[name]).agrees


def differs(name: str, problem: Problem) -> agreement.Difference:
    """Return how far ten steps are from the float64 reference."""
    trainer = registry.load(name).prepare(problem, "float32")
    return agreement.compare(problem, trainer, "float32", agreement.reference(problem))


@pytest.mark.slow
def test_four_processes_agree_where_parts_are_unequal_or_empty() -> None:
    """Four rows and one; batches of 6 and of 3 by Adam and by momentum; every kind of loss."""
    small = replace(PROBLEMS["batches-adam"], batch=3)
    names = (
        *("or-gate", "batches-momentum", "batches-adam", "batches-of-one", "all-rows-adam"),
        *("several-mse", "several-bce", "several-l1", "quantities", "symptoms"),
    )
    try:
        for problem in (small, *map(PROBLEMS.__getitem__, names)):
            difference = differs("torch-ddp@4", problem)
            assert difference.agrees, f"{problem.name}: {difference}"
    finally:
        if world := running_world(4, "cpu"):
            world.end()
