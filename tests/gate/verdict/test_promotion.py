"""The screen sends to the confirmation what counted work does not decide."""

from __future__ import annotations

import pytest

from perceptron.gate.verdict.promotion import promote, suspicious
from perceptron.gate.verdict.rule import Rule
from perceptron.gate.verdict.work import work_of
from tests.gate.conftest import counts

RULE = Rule()
# Ten blocks whose one-sided p-value of at most 1 % slower is 0.04.
SLOWER = [0.06, -0.02, 0.05, 0.03, 0.02, 0.01, 0.07, 0.03, -0.01, 0.05]
SURE = [0.2 + 0.001 * number for number in range(10)]


def promoted(values: list[float], *changes: float) -> dict[str, int]:
    return promote({"t": values}, RULE, work_of(counts("t", *changes), RULE))


def test_what_did_the_same_work_must_look_slower_more_surely() -> None:
    assert promote({"t": SLOWER}, RULE) == {"t": 1}
    assert promoted(SLOWER, 0.012, 0.012) == {"t": 1}
    assert promoted(SLOWER, 0.0) == {}
    assert promoted(SURE, 0.0) == {"t": 1}


@pytest.mark.parametrize("sign", [1, -1])
def test_what_rose_is_judged_on_its_screen(sign: int) -> None:
    assert promoted([sign * value for value in SURE], 0.03, 0.03, 0.03) == {}


def test_what_fell_is_confirmed_only_as_slower() -> None:
    assert promoted(SURE, -0.03, -0.03, -0.03) == {"t": 1}
    assert promoted([-value for value in SURE], -0.03, -0.03, -0.03) == {}


def test_a_look_is_suspicious_where_it_seems_slower_of_the_same_work() -> None:
    screen = {
        "quiet": [0.001, -0.001] * 3,
        "slower": [0.1, 0.09, 0.11, 0.1, 0.12, 0.08],
        "slowest": [0.3, 0.31, 0.3, 0.29, 0.3, 0.3],
        "faster": [-0.3] * 6,
        "uncounted": [0.3] * 6,
        "too few": [0.3] * 4,
    }
    same = [key for key in screen if key != "uncounted"]
    work = work_of([block for key in same for block in counts(key, 0.0)], RULE)
    assert suspicious(screen, work, RULE) == ["slowest", "slower"]


def test_a_suspicion_stays_when_its_blocks_have_come() -> None:
    """It is about the look, whatever the blocks show that it was the reason for."""
    work = work_of(counts("t", 0.0), RULE)
    look = [0.1, 0.09, 0.11, 0.1, 0.12, 0.08]
    assert suspicious({"t": look + [-0.5] * 4}, work, RULE) == ["t"]
    assert suspicious({"t": [0.0] * 6 + [0.5] * 4}, work, RULE) == []
