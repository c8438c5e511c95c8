from __future__ import annotations

import pytest

from perceptron.records.comparison import CrossoverEnd
from perceptron.report.tables.comparison import crossover_ends, notes
from tests.report.gate_cases import comparison, moved, row


def test_a_moved_crossover_is_noted_with_both_intervals() -> None:
    """Under the table, as every crossover is worded."""
    lines = notes(comparison(row(), moved_crossovers=[moved()]))
    assert (
        "crossover moved: mlp-width: BASE torch-cpu from 64.0 [62.0, 66.0] on, "
        "HEAD torch-cpu from 32.0 [31.0, 33.0] on"
    ) in lines
    assert not any("crossover" in line for line in notes(comparison(row())))


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (
            CrossoverEnd(status="reverses", size=8.0, low=None, high=9.0),
            "torch-cpu first, numpy from 8.00 […, 9.00] on",
        ),
        (
            CrossoverEnd(status="always", size=None, low=None, high=None),
            "torch-cpu at every size",
        ),
        (CrossoverEnd(status="never", size=None, low=None, high=None), "numpy at every size"),
    ],
)
def test_every_status_has_its_words(end: CrossoverEnd, words: str) -> None:
    assert crossover_ends(moved(head=end))[1] == words
