from __future__ import annotations

import pytest

from perceptron.analysis.what_if.devices import DEVICES, device
from perceptron.errors import UserError


def test_every_figure_has_its_source() -> None:
    for figures in DEVICES.values():
        assert figures.source
        assert figures.bandwidth > 1e11
        assert figures.float32 > 1e12
        assert figures.float64 < 0.51 * figures.float32


@pytest.mark.parametrize(
    ("name", "share"),
    [("t4", 32), ("l4", 64), ("rtx-4090", 64), ("v100", 2), ("a100", 2), ("h100", 2), ("h200", 2)],
)
def test_float64_is_a_fraction_of_float32(name: str, share: int) -> None:
    figures = DEVICES[name]
    assert figures.float32 / figures.float64 == pytest.approx(share, rel=0.02)


def test_an_unknown_device_is_named() -> None:
    with pytest.raises(UserError, match="unknown device 'h10': did you mean 'h100'"):
        device("h10")
