from __future__ import annotations

import pytest

from perceptron.backends import registry
from perceptron.backends.protocol import Unsupported
from perceptron.measure import extras
from perceptron.measure.job import Part
from perceptron.measure.timed_loop import TimedLoop, repeat
from perceptron.measure.timing import Effort, time_training
from perceptron.problems import catalogue

SHORT = Effort(samples=2, minimum_seconds=0.001)


def kernels(name: str, problem: str) -> list[Part]:
    return list(extras.kernels(registry.load(name), catalogue.find(problem), "float32"))


def test_an_empty_training_takes_next_to_nothing() -> None:
    """Far less than a training that adds up numbers, on any machine."""
    (part,) = extras.harness(samples=50)
    assert part.name == "call"
    adding = TimedLoop(repeat(lambda: sum(range(100_000))))
    assert 0 < part.seconds < time_training(adding, SHORT).seconds
    assert len(part.samples) == 50


def test_ceilings_know_their_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Operations of the product; every byte of the copy read and written."""
    monkeypatch.setattr(extras, "_PRODUCT_WIDTH", 64)
    monkeypatch.setattr(extras, "_COPY_BYTES", 2**16)
    product, copy = extras.ceilings(registry.load("numpy"), "float32", SHORT)
    assert (product.name, product.work) == ("product", 2 * 64**3)
    assert (copy.name, copy.work) == ("copy", 2**17)
    assert product.seconds > 0
    assert copy.seconds > 0


def test_phases_end_with_a_whole_iteration() -> None:
    """What has none says so."""
    problem = catalogue.find("or-gate")
    parts = list(extras.phases(registry.load("torch-cpu"), problem, "float32", SHORT))
    assert [part.name for part in parts] == [
        *("Python's loop", "forward", "loss", "zero_grad", "backward", "optimizer step"),
    ]
    assert parts[0].seconds < parts[1].seconds < parts[-1].seconds
    with pytest.raises(Unsupported, match="no separate phases"):
        list(extras.phases(registry.load("numpy"), problem, "float32", SHORT))


@pytest.mark.parametrize("name", ["torch-cpu", "torch-cpu-functional", "torch-cpu-manual"])
def test_kernels_are_counted_and_grow_with_the_layers(name: str) -> None:
    """Ten to thirty for a perceptron; every further layer brings more; rows bring none."""
    counts = [len(kernels(name, problem)) for problem in ("or-gate", "mlp-depth:1", "mlp-depth:4")]
    assert 10 <= counts[0] <= 30
    assert counts[0] < counts[1] < counts[2]
    few, many = kernels(name, "perceptron-rows:16"), kernels(name, "perceptron-rows:4096")
    assert [part.name for part in few] == [part.name for part in many]
    assert sum(part.bytes_moved or 0 for part in few) < sum(part.bytes_moved or 0 for part in many)
