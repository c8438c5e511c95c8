from __future__ import annotations

from perceptron.analysis.fleet.fastest import FastestOver
from perceptron.report.tables.fleet_words import fastest_words


def test_the_fastest_over_a_sweep_in_words() -> None:
    parts = [
        FastestOver(4, 64, "numpy", []),
        FastestOver(128, 128, "numpy", ["torch-cpu"]),
        FastestOver(256, 1024, "torch-cpu", []),
    ]
    assert fastest_words(parts, "width") == (
        "numpy at 4 to 64; not sure: numpy or torch-cpu at 128; torch-cpu at 256 to 1,024"
    )
    assert fastest_words(parts[:1], "batch") == "numpy at a batch of 4 to 64"
    assert fastest_words([], "width") == "no two backends have a time"
