from __future__ import annotations

from perceptron.report.charts.palette import stroke


def test_a_backend_keeps_its_look() -> None:
    """The same at every call, and ours differ from each other."""
    ours = [stroke(name) for name in ("numpy", "numpy-published", "torch-cpu", "torch-cuda")]
    assert len({look.colour for look in ours}) == len({look.dash for look in ours}) == 4
    assert stroke("somebody-elses") == stroke("somebody-elses")
