"""The first half minute of a day: numbers beside what is expected, and nothing that can stop it."""

from __future__ import annotations

import pytest

from perceptron import rehearsal
from perceptron.studies.smoke import EXPECTED, smoke, smoked


@pytest.mark.parametrize(
    ("what", "measured", "shown", "remark"),
    [
        ("torch-cuda", 120e-6, 120, None),
        ("torch-cuda", 200e-6, 200, None),  # not expected, and no known mistake
        ("torch-cuda", 45e-6, 45, "below 50: not synchronised"),
        ("torch-cuda-graph", 5e-6, 5, "below 8: an incomplete replay"),
        ("jax-cuda", 90e-6, 90, "above 25: the host steers the loop"),
        ("product", 400e12, 400, "above 100: TF32 is on"),
        ("host to device", 13e9, 13, "below 20: not pinned"),
        ("cupy", 70e-6, 70, None),
    ],
)
def test_a_number_far_off_says_what_that_means(
    what: str, measured: float, shown: float, remark: str | None
) -> None:
    found = smoked(what, measured)
    assert (found.measured, found.remark) == (pytest.approx(shown), remark)
    assert (found.low is None) == (what not in EXPECTED)


def test_every_backend_has_a_line_and_one_that_is_late_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What trains has a time, after it has agreed; then the device is asked."""
    monkeypatch.setenv(rehearsal.VARIABLE, "1")
    found = {one.what: one for one in smoke(["numpy", "cupy"], "cupy", 100.0)}
    around = ("product", "copy", "host to device", "device to host")
    assert list(found) == ["numpy", "cupy", "cupy, its device", *around]
    assert all(one.measured and not one.failed for one in found.values())
    (late, *_) = smoke(["numpy"], "cupy", 0.01)
    assert (late.measured, late.failed, late.remark) == (None, True, "did not end in time")
