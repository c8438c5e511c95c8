from __future__ import annotations

import numpy as np
import pytest

from perceptron.errors import UserError
from perceptron.problems import catalogue
from perceptron.problems.families import FAMILIES, label


def test_sizes_are_those_the_design_names() -> None:
    """Results are compared over years: a family's range does not change by accident."""
    ends = {name: (family.sizes[0], family.sizes[-1]) for name, family in FAMILIES.items()}
    assert ends == {
        "perceptron-rows": ((4,), (4 * 2**20,)),
        "perceptron-features": ((2,), (64 * 2**10,)),
        "mlp-width": ((2,), (8 * 2**10,)),
        "mlp-depth": ((1,), (64,)),
        "mlp-batch": ((1,), (16 * 2**10,)),
        "mlp-batch-host": ((1,), (16 * 2**10,)),
        "mlp-width-adam": ((2,), (8 * 2**10,)),
        "many-or-gates": ((1,), (2**16,)),
        "many-mlps": ((1,), (2**10,)),
        "models-width": ((1, 4), (256, 256)),
        "batch-width": ((4, 4), (2048, 2048)),
        "mlp-map": ((16, 4), (8192, 2048)),
    }


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)
def test_family_problem_is_found_by_its_name(family) -> None:  # type: ignore[no-untyped-def]
    """What a row calls `problem` is what `--problem` takes."""
    for size in family.sizes:
        problem = family.problem(*size)
        assert problem.name == f"{family.name}:{label(size)}"
        assert catalogue.find(problem.name) == problem


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("or-gat", "did you mean 'or-gate'"),
        ("mlp-width", "needs a size, such as mlp-width:128"),
        ("mlp-width:", "needs a size"),
        ("mlp-width:big", "needs a size"),
        ("mlp-width:0", "width takes whole numbers from 1"),
        ("mlp-width:-4", "width takes whole numbers from 1"),
        ("mlp-width:--4", "needs a size"),
        ("mlp-width:٣", "needs a size"),
        pytest.param(f"mlp-width:{'1' * 5000}", "needs a size", id="too many digits"),
        ("mlp-map:16", "size of the form ROWSxWIDTH"),
        ("mlp-map:16x0", "width takes whole numbers from 1"),
    ],
)
def test_family_invalid_reference_is_explained(reference: str, message: str) -> None:
    """One line with the nearest name, or an example."""
    with pytest.raises(UserError, match=message):
        catalogue.find(reference)


def test_family_walkthrough_starts_as_published() -> None:
    """Seed 1 of NumPy's legacy generator, weights then bias."""
    weights, bias = catalogue.find("or-gate").start_parameters()
    np.testing.assert_allclose(weights[:, 0], [0.417022, 0.720324], atol=5e-7)
    assert f"{bias[0]:.6f}" == "0.000114"
