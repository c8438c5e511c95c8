"""The screen sends to the confirmation what counted work does not decide."""

from __future__ import annotations

import pytest

from perceptron.gate.verdict.instructions import instruction_evidence
from perceptron.gate.verdict.promotion import promote, suspicious
from tests.gate.conftest import counts
from tests.gate.verdict.conftest import RULE, calm

# Ten blocks whose one-sided p-value of at most 1 % slower is 0.04.
SLOWER = [0.06, -0.02, 0.05, 0.03, 0.02, 0.01, 0.07, 0.03, -0.01, 0.05]
SURE = [0.2 + 0.001 * number for number in range(10)]
FASTER = [-value for value in SURE]


@pytest.mark.parametrize(
    ("screen", "changes", "promoted"),
    [
        (SLOWER, (), [1]),
        (SLOWER, (0.012, 0.012), [1]),
        (SLOWER, (0.0,), []),  # of the same work it must look slower more surely
        (SURE, (0.0,), [1]),
        (SURE, (0.03,) * 3, []),  # what rose is judged on its screen
        (FASTER, (0.03,) * 3, []),
        (SURE, (-0.03,) * 3, [1]),  # what fell is confirmed only as slower
        (FASTER, (-0.03,) * 3, []),
    ],
)
def test_promotion_of_open_counts(
    screen: list[float], changes: tuple[float, ...], promoted: list[int]
) -> None:
    promotions = promote({"t": screen}, RULE, instruction_evidence(counts("t", *changes), RULE))
    assert list(promotions.values()) == promoted


def test_promotion_puts_slower_before_faster() -> None:
    """However sure the speed-up looks: time for both may not be left."""
    screen = {"faster": calm(-0.5, 0.001).tolist(), "slower": calm(0.1, 0.02).tolist()}
    assert list(promote(screen, RULE).items()) == [("slower", 1), ("faster", -1)]


def test_promotion_probe_of_same_work_is_suspicious_if_slower() -> None:
    """It stays so, whatever the blocks show that it was the reason for."""
    look = [0.1, 0.09, 0.11, 0.1, 0.12, 0.08]
    screen = {
        "quiet": [0.001, -0.001] * 3,
        "slower": [*look, *[-0.5] * 4],
        "slowest": [0.3, 0.31, 0.3, 0.29, 0.3, 0.3],
        "later": [0.0] * 6 + [0.5] * 4,
        "faster": [-0.3] * 6,
        "uncounted": [0.3] * 6,
        "too few": [0.3] * 4,
    }
    same = [key for key in screen if key != "uncounted"]
    instructions = instruction_evidence([block for key in same for block in counts(key, 0.0)], RULE)
    assert suspicious(screen, instructions, RULE) == ["slowest", "slower"]
