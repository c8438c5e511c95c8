from __future__ import annotations

from collections.abc import Iterator
from statistics import median

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.analysis.crossover.suspicion import flat_gpu
from perceptron.records.measurement import Measurement
from tests.analysis.crossover.conftest import only
from tests.conftest import MakeRow
from tests.made import linear, world


def test_a_gpu_that_ran_out_of_memory_is_not_suspect(row: MakeRow) -> None:
    """Flat over the two sizes that fit says nothing, however far the CPU went."""
    rows = world(row, {"numpy": linear(1e-3, 1.0), "torch-cuda": lambda size: 40.0})
    fits = [
        measurement
        for measurement in rows
        if measurement.backend == "numpy" or measurement.size <= 16
    ]
    assert only(fits).status == "never"


def test_a_flat_gpu_is_suspect(row: MakeRow) -> None:
    """Equal times while the CPU's grow ten thousandfold: it was not waited for."""
    costs = {"numpy": linear(1e-6, 1), "torch-cuda": lambda size: 40.0}
    crossover = only(world(row, costs, noise=0.005))
    assert crossover.status == "suspect"
    assert crossover.size is None
    assert "takes equally long" in str(crossover.reason)


def test_a_gpu_that_stops_winning_is_suspect(row: MakeRow) -> None:
    """More work never makes a GPU lose for good, but a queue that fills up does."""
    costs = {"numpy": linear(10, 0.01), "torch-cuda": linear(1, 0.1)}
    assert only(world(row, costs)).status == "suspect"


@pytest.mark.parametrize("name", ["torch-cuda", "jax[gpu]", "cupy", "TORCH_CUDA", "torch:mps"])
def test_a_gpu_is_known_by_its_name_where_no_device_is_stated(row: MakeRow, name: str) -> None:
    """Other people's tables seldom have a device; the CPU is the incumbent all the same."""
    rows = [
        msgspec.structs.replace(measurement, device=None)
        for measurement in world(row, {name: linear(10, 0.01), "numpy": linear(1, 0.1)})
    ]
    assert only(rows).incumbent == "numpy"
    stopped = [
        msgspec.structs.replace(measurement, device=None)
        for measurement in world(row, {name: linear(1, 0.1), "numpy": linear(10, 0.01)})
    ]
    assert only(stopped).status == "suspect"


@pytest.mark.parametrize("name", ["numpy-gpuless", "metallic", "barracuda", "compsum"])
def test_a_name_that_only_holds_such_a_word_is_no_gpu(row: MakeRow, name: str) -> None:
    rows = [
        msgspec.structs.replace(measurement, device=None)
        for measurement in world(row, {name: linear(1, 0.1), "numpy": linear(10, 0.01)})
    ]
    assert only(rows).status == "crosses"


def test_a_stated_device_outweighs_the_name(row: MakeRow) -> None:
    """A backend called cuda that ran on the CPU is none."""
    rows = [
        msgspec.structs.replace(measurement, device="cpu")
        for measurement in world(row, {"torch-cuda": linear(1, 0.1), "numpy": linear(10, 0.01)})
    ]
    assert only(rows).status == "crosses"


def test_two_gpus_may_change_places(row: MakeRow) -> None:
    """Suspect is a GPU that loses to a CPU for good, not one that loses to another GPU."""
    costs = {"torch-cuda": linear(1, 0.1), "cupy-cuda": linear(10, 0.01)}
    rows = [
        msgspec.structs.replace(measurement, device="cuda") for measurement in world(row, costs)
    ]
    assert only(rows).status == "crosses"


seconds = st.lists(st.sampled_from([1.0, 1.05, 1.2, 10.0, 900.0, 1100.0]), min_size=1, max_size=4)


@given(st.lists(st.tuples(seconds, seconds), min_size=1, max_size=4), st.integers(1, 4))
def test_flat_is_judged_by_the_median_of_each_size_that_is_asked_for(
    times: list[tuple[list[float], list[float]]], asked: int
) -> None:
    rows = [
        Measurement(
            source="t",
            machine="m",
            when="",
            family="f",
            size=size,
            backend=backend,
            process=process,
            seconds=value,
        )
        for size, both in enumerate(times)
        for backend, values in zip(("numpy", "cupy"), both, strict=True)
        for process, value in enumerate(values)
    ]
    cpu, gpu = ([median(here) for here in side[:asked]] for side in zip(*times, strict=True))
    flat = max(gpu) <= 1.1 * min(gpu) and max(cpu) >= 1000 * min(cpu)
    sizes = list(range(len(times)))[:asked]
    assert (flat_gpu(rows, ("numpy", "cupy"), sizes) is not None) == flat
    assert (flat_gpu(rows, ("cupy", "numpy"), sizes) is not None) == flat


class Counting(list[Measurement]):
    """Rows that count how often they are read."""

    passes = 0

    def __iter__(self) -> Iterator[Measurement]:
        self.passes += 1
        return super().__iter__()


def test_rows_are_not_read_again_for_every_size(row: MakeRow) -> None:
    """Else the work would grow with the square of the sizes."""

    def passes(sizes: int) -> int:
        costs = {"numpy": linear(1e-6, 1), "torch-cuda": linear(40, 0)}
        powers = [2**power for power in range(sizes)]
        rows = Counting(world(row, costs, sizes=powers, noise=0.0))
        assert flat_gpu(rows, ("numpy", "torch-cuda"), powers)
        return rows.passes

    assert passes(12) == passes(36)
