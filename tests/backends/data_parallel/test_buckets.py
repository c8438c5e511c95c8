from __future__ import annotations

import pytest

from perceptron.backends import registry
from perceptron.backends.data_parallel.buckets import bucket_bytes, buckets_of
from perceptron.problems import catalogue
from tests.backends.data_parallel import inside

MIB = 2**20


def test_the_first_bucket_is_small_and_gradients_are_never_divided() -> None:
    assert buckets_of([MIB // 2, MIB // 2, 30 * MIB, MIB, MIB]) == (MIB, 30 * MIB, 2 * MIB)
    assert buckets_of([100]) == (100,)
    assert buckets_of([]) == ()


@pytest.mark.skipif(
    registry.reason_unavailable("torch-ddp") is not None, reason="torch is not installed"
)
@pytest.mark.parametrize("reference", ["or-gate", "mlp:8x512x600x512x700"])
def test_pytorch_makes_the_same_buckets(reference: str) -> None:
    """As it says itself, once it has seen in which order gradients are made."""
    problem = catalogue.find(reference)
    for told in registry.load("torch-ddp@2").ranks.call(  # type: ignore[attr-defined]
        inside.bucket_sizes, problem, "float32"
    ):
        assert tuple(told) == bucket_bytes(problem, "float32")
