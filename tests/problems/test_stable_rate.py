from __future__ import annotations

from collections.abc import Iterator

import pytest

from perceptron.backends import registry
from perceptron.backends.contract import agreement
from perceptron.problems import catalogue
from perceptron.problems.cost import operations
from perceptron.problems.shape import Shape

# Corners of the range: few rows and many features, the reverse, narrow, wide, deep, a bottleneck.
CORNERS = (
    (2, 1, ()),
    (2, 2000, ()),
    (10_000, 20, ()),
    (2, 2000, (2,)),
    (4, 20, (4096,)),
    (10_000, 1, (2,)),
    (1000, 20, (64,)),
    (2, 2000, (256, 256)),
    (1000, 1, (64, 64, 64)),
    (100, 20, (512, 4, 512)),
    (2, 1, (16,) * 8),
    (1000, 2, (2,) * 8),
    (2, 3, (8,) * 5),
    (100, 64, (64,) * 16),
)
CLASSES = (
    "mlp:3x2000:3c",
    "mlp:1000x20:10c:32b",
    "mlp:1000x784x128:10c:1b",
    "mlp:1000x20x64:100c:32b",
    "mlp:500x20x512x16x512:10c:64b",
    "mlp:500x64" + "x64" * 16 + ":10c:32b",
)


def corners() -> Iterator[object]:
    """Those that take over half a second are left to `make test-long`."""
    for reference in (*(Shape(*corner).reference for corner in CORNERS), *CLASSES):
        is_slow = operations(catalogue.find(reference)) > 1e7
        yield pytest.param(reference, marks=[pytest.mark.slow] if is_slow else [])


@pytest.mark.parametrize("reference", [*corners()])
def test_agreement_can_be_shown(reference: str) -> None:
    """The rate moves everything by more than rounding, and float32 stays beside float64."""
    problem = catalogue.find(reference)
    expected = agreement.reference(problem)
    trainer = registry.load("numpy").prepare(problem, "float32")
    difference = agreement.compare(problem, trainer, "float32", expected)
    # Half of what is allowed: another library rounds elsewhere.
    assert difference.difference <= difference.allowed / 2, str(difference)
    loss = expected["the loss"]
    assert loss.end < loss.start
