from __future__ import annotations

from perceptron.report.charts.palette import stroke, strokes


def test_a_backend_keeps_its_look() -> None:
    """Ours differ from each other; another's follows from its name alone, in every process."""
    ours = [stroke(name) for name in ("numpy", "numpy-published", "torch-cpu", "torch-cuda")]
    assert len({look.colour for look in ours}) == len({look.dash for look in ours}) == 4
    assert stroke("somebody-elses").marker == "^"
    beside = strokes(["another", "numpy", "somebody-elses"])
    assert beside["somebody-elses"] == stroke("somebody-elses")
