from __future__ import annotations

import pytest

from perceptron.problems import catalogue
from perceptron.problems.cost import operations
from perceptron.questions.fastest.advise import LONGEST_SECONDS, all_axes, axes_through
from tests.conftest import ROOT, MakeRow


@pytest.mark.parametrize(
    ("problem", "axes"),
    [
        ("mlp:1000x20x64", ["rows", "features", "hidden width"]),
        ("mlp:1000x20x64x32", ["rows", "features"]),  # two widths have no size in common
        ("mlp:60000x784x128:10c:128b:adam", ["batch", "hidden width", "features"]),
        ("mlp-width:64", ["width"]),
        ("mlp:1000x20:10c:128b:400m", ["models", "batch", "features"]),
        ("many-mlps:64", ["models"]),
        ("digits", []),
        (f"{ROOT}/docs/examples/points-width.toml:64", ["size"]),
    ],
)
def test_axes_are_sorted_by_effect(problem: str, axes: list[str]) -> None:
    """On batches more rows are more of the same iterations: they are left out."""
    assert [named.axis for named, _ in all_axes(catalogue.find(problem))] == axes


def test_axes_batch_ends_at_number_of_rows() -> None:
    (_, batch), *_ = all_axes(catalogue.find("mlp:1000x20x64:10c:100b"))
    assert (batch.low, batch.high) == (1, 1000)
    assert batch.problem(1000).batch == 1000


def test_models_are_looked_along_down_to_one() -> None:
    """From how many up the answer changes: one is what most people train."""
    (_, models), *_ = all_axes(catalogue.find("mlp:1000x20x64:10c:100b:40m"))
    assert (models.low, models.high, models.family) == (1, 2560, "mlp:1000x20x64:10c:100b:*m")
    assert models.problem(1).models == 1


def test_long_iterations_are_left_out(row: MakeRow) -> None:
    problem = catalogue.find("mlp:60000x784x128:10c:128b:adam")
    (_, batch), *_ = axes_through(problem, [row(seconds=1e-3)])
    assert 128 < batch.high < 60_000
    factor = operations(batch.problem(batch.high)) / operations(problem)
    assert 1e-3 * factor <= LONGEST_SECONDS
