from __future__ import annotations

import pytest

from perceptron.problems.catalogue import find
from perceptron.studies.shared.places import places_of


@pytest.mark.parametrize(
    ("problem", "family", "size"),
    [
        ("mlp:256x64x700", "mlp-width", 700),
        ("mlp:256x64x64x64x64", "mlp-depth", 3),
        ("mlp:5000x2", "perceptron-rows", 5000),
        ("mlp:256x3000", "perceptron-features", 3000),
        ("mlp:16384x64x128:10c:100b:adam", "mlp-batch", 100),
        ("mlp:16384x64x128:10c:100b:adam:host", "mlp-batch-host", 100),
        ("mlp:16384x64x99:10c:128b:adam", "mlp-width-adam", 99),
        ("mlp-width:700", "mlp:256x64x*", 700),
        ("or-gate", "many-or-gates", 1),
        ("many-or-gates:16", "many-or-gates", 16),
        ("models-width:64x32", "many-mlps", 64),
        ("mlp:1000x20x64:32b:adam:400m", "mlp:1000x20x64:32b:adam:*m", 400),
        ("mlp:1000x20x64:32b:adam:400m", "mlp:1000x20x64:*b:adam:400m", 32),
        ("mlp:1000x20x64", "mlp:*x20x64", 1000),
    ],
)
def test_a_shape_lies_on_every_family_that_does_its_work(
    problem: str, family: str, size: int
) -> None:
    places = {place.family: place.size for place in places_of(find(problem))}
    assert places[family] == size


@pytest.mark.parametrize(
    ("problem", "family"),
    [
        ("mlp:257x64x700", "mlp-width"),  # a row more
        ("mlp:256x64x700:adam", "mlp-width"),  # another optimizer
        ("mlp:16384x64x128:10c:100b", "mlp-batch"),
        ("mlp:16384x64x128:10c:100b:adam", "mlp-batch-host"),
        ("xor-hidden", "mlp-width"),
        ("mlp:256x64x700:2m", "mlp-width"),  # a model more
    ],
)
def test_other_work_is_not_near(problem: str, family: str) -> None:
    assert family not in {place.family for place in places_of(find(problem))}


def test_a_problem_lies_where_it_was_measured_itself() -> None:
    for name in ("or-gate", "mlp-depth:3", "mlp:1000x20x64"):
        problem = find(name)
        first = places_of(problem)[0]
        assert (first.family, first.size) == (problem.family, problem.size)
        assert name in (first.problem, f"{first.problem}:{first.size}")
