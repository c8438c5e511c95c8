from __future__ import annotations

import msgspec
import pytest

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
