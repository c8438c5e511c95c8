"""The CPU in the place of devices that are not here, so that backends of a GPU train anywhere."""

from __future__ import annotations

import pytest

from perceptron.backends.accelerators.protocol import PLACES


def use_stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every backend of a device train on the CPU, in this process, until the test ends."""
    for kind in ("cuda", "mps", "xpu"):
        monkeypatch.setitem(PLACES, kind, "cpu")
