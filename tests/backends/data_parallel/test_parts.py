from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.backends.data_parallel.parts import part_of, weight_of
from perceptron.problems.problem import Loss

ROWS = st.integers(1, 200)
PROCESSES = st.integers(1, 16)


@given(rows=ROWS, processes=PROCESSES)
def test_parts_are_all_rows_once_and_differ_by_one_at_most(rows: int, processes: int) -> None:
    parts = [part_of(rows, rank, processes) for rank in range(processes)]
    assert [row for begin, end in parts for row in range(begin, end)] == list(range(rows))
    sizes = [end - begin for begin, end in parts]
    assert max(sizes) - min(sizes) <= 1


@given(rows=ROWS, processes=PROCESSES, loss=st.sampled_from(["mse", "l1-sum"]))
def test_the_average_over_processes_is_the_loss_of_all_rows(
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
        assert (weight == 0.0) == (begin == end)
    assert sum(weighted) / processes == pytest.approx(of(values))


@given(each=st.integers(1, 20), processes=PROCESSES)
def test_equal_parts_are_not_weighted(each: int, processes: int) -> None:
    """Then the step is what PyTorch's tutorial writes, to the last bit."""
    assert weight_of("bce", each * processes, processes - 1, processes) == 1.0
