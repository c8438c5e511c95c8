from __future__ import annotations

from dataclasses import replace

import pytest

from perceptron.backends.protocol import Unsupported
from perceptron.backends.shared.one_block import MOST_BYTES, Block, block_of, fitting
from perceptron.problems import catalogue
from perceptron.problems.optimizer import Adam, Sgd
from perceptron.problems.problem import DType, Problem

OR_GATE = catalogue.find("or-gate")


def test_sizes_are_padded_to_powers_of_two() -> None:
    """No further than that, where every product is small."""
    block = block_of(catalogue.find("mlp:7x3x5"))
    assert block == Block((7, 3, 5, 1), (8, 4, 8, 1), has_dots=False)
    assert block.warps == 1


def test_large_products_are_dots_with_the_sizes_that_triton_takes() -> None:
    block = block_of(catalogue.find("mlp-map:16x32"))
    assert block == Block((16, 64, 32, 1), (16, 64, 32, 16), has_dots=True)
    assert block.warps == 8


def test_bytes_are_those_of_everything_that_an_iteration_needs() -> None:
    """Inputs, targets, parameters, gradients, and each layer's outputs and slopes, padded."""
    block = block_of(catalogue.find("mlp:7x3x5"))
    data = 8 * 4 + 8 * 1
    first, last = 2 * (4 * 8 + 8) + 2 * 8 * 8, 2 * (8 + 1) + 2 * 8
    assert block.size == 4 * (data + first + last)


@pytest.mark.parametrize(
    ("problem", "dtype", "reason"),
    [
        (OR_GATE, "float64", "trains in float32 only, not in float64"),
        (replace(OR_GATE, batch=2), "float32", "trains on all rows at once, not on batches"),
        (
            replace(OR_GATE, optimizer=Adam(rate=0.1)),
            "float32",
            "trains by plain sgd only, not by adam",
        ),
        (
            replace(OR_GATE, optimizer=Sgd(rate=0.1, weight_decay=0.1)),
            "float32",
            "trains by plain sgd only, not by sgd decay",
        ),
        (catalogue.find("mlp-depth:4"), "float32", "trains up to 3 layers, not 5"),
        (
            catalogue.find("mlp-width:8"),
            "float32",
            "takes 155 KiB, at most 128 KiB are taken: all of it stays in one block's registers",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_the_limit(
    problem: Problem, dtype: DType, reason: str
) -> None:
    with pytest.raises(Unsupported) as refused:
        fitting(problem, dtype)
    assert str(refused.value) == reason


@pytest.mark.parametrize("rows", [1 << 12, 1 << 22])
def test_the_limit_is_one_of_bytes(rows: int) -> None:
    """4,096 rows of two features fit; four million are refused before they are loaded."""
    problem = catalogue.find(f"perceptron-rows:{rows}")
    if block_of(problem).size <= MOST_BYTES:
        assert fitting(problem, "float32").real == (rows, 2, 1)
    else:
        with pytest.raises(Unsupported, match="KiB"):
            fitting(problem, "float32")
    assert (rows == 1 << 12) == (block_of(problem).size <= MOST_BYTES)
