from __future__ import annotations

import pytest

from perceptron.analysis.what_if.devices import DEVICES, device
from perceptron.errors import UserError


def test_every_figure_has_its_source() -> None:
    for figures in DEVICES.values():
        assert figures.source
        assert figures.bandwidth > 1e11
        assert figures.float32 > 1e12


def test_an_unknown_device_is_named() -> None:
    with pytest.raises(UserError, match="unknown device 'h10': did you mean 'h100'"):
        device("h10")
