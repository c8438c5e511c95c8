from __future__ import annotations

import pytest

from perceptron.analysis.history.steps import level_stretches


def test_no_values_have_no_stretches() -> None:
    assert level_stretches([]) == []


@pytest.mark.parametrize("scale", [1e-7, 1.0, 1e300])
def test_a_step_divides_the_series(scale: float) -> None:
    """First and last index of each stretch, whatever the unit."""
    series = [scale] * 10 + [1.5 * scale] * 12
    assert level_stretches(series) == [(0, 9), (10, 21)]
    assert level_stretches([scale] * 5) == [(0, 4)]
