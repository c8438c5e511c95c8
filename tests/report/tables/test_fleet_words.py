from __future__ import annotations

import pytest

from perceptron.analysis.fleet.fastest import FastestOver
from perceptron.analysis.interval import Interval
from perceptron.report.numbers import NONE
from perceptron.report.tables.fleet_words import cost_words, fastest_words


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


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        (None, NONE),
        (Interval(0.0, 0.0, 0.0), "0 [0, 0]"),
        (Interval(12.5, 12.0, 13.0), "12.5 [12.0, 13.0]"),
        (Interval(2e-6, 1.9e-6, None), "2.00e-06 [1.90e-06, …]"),
        (Interval(2e-6, None, None), "2.00e-06 [no interval]"),
    ],
)
def test_money_in_words(cost: Interval | None, words: str) -> None:
    assert cost_words(cost) == words
