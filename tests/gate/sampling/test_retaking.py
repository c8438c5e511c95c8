"""What is taken again is chosen by waiting alone: it favours no arm and moves no ratio."""

from __future__ import annotations

from collections.abc import Callable
from math import log1p

import numpy as np
import pytest
from msgspec.structs import replace

from perceptron.gate.sampling.retaking import MOST_RETAKES, due, is_one_sided
from perceptron.gate.verdict.estimate import estimate, p_above
from perceptron.gate.verdict.judge import log_ratios
from perceptron.records.block import Block, Reading, Status
from perceptron.waiting import LARGEST_WAITED_SHARE

MUCH = 2 * LARGEST_WAITED_SHARE


def reading(waited: float | None, value: float = 1.0, status: Status = "ok") -> Reading:
    return Reading(status=status, value=value, waited=waited)


def block(base: Reading, head: Reading, number: int = 0, take: int = 0) -> Block:
    return Block(
        stage="screen",
        number=number,
        take=take,
        benchmark="time_it",
        order=["base", "head"],
        sides={},
        base=base,
        head=head,
    )


@pytest.mark.parametrize(
    ("waits", "expected"),
    [
        ((0.0, 0.0), False),
        ((MUCH, 0.0), True),
        ((0.0, MUCH), True),
        ((MUCH, 9.0), False),
        ((0.0, LARGEST_WAITED_SHARE), False),
        ((None, MUCH), False),
        ((None, None), False),
    ],
)
def test_only_what_waited_on_one_side_is(
    waits: tuple[float | None, float | None], expected: bool
) -> None:
    base, head = waits
    assert is_one_sided({"base": reading(base), "head": reading(head)}) is expected


def test_a_second_copy_of_base_counts_as_an_arm() -> None:
    calm = reading(0.0)
    assert is_one_sided({"base": calm, "head": calm, "control": reading(MUCH)})


def test_what_failed_is_not_taken_again() -> None:
    """A failure is a finding, and has retries of its own."""
    failed = reading(None, status="failed")
    assert not is_one_sided({"base": reading(MUCH), "head": failed})


def test_the_last_take_decides_whether_there_is_another() -> None:
    first = block(reading(MUCH), reading(0.0))
    calm = block(reading(0.0), reading(0.0), take=1)
    assert due([first], "screen", 0, 1) == {"time_it"}
    assert due([first], "screen", 1, 1) == due([first], "confirmation", 0, 1) == set()
    assert due([first, calm], "screen", 0, 1) == set(), "it is there"
    assert due([first, calm], "screen", 0, 2) == set()
    assert due([first, replace(first, take=1)], "screen", 0, 2) == {"time_it"}


def test_what_waits_on_one_side_whatever_is_taken_again_is_left_alone() -> None:
    """Three blocks in a row say so; one in between that does not, or on the other side, ends it."""
    head, base = (reading(0.0), reading(MUCH)), (reading(MUCH), reading(0.0))
    calm = (reading(0.0), reading(0.0))

    def after(*sides: tuple[Reading, Reading]) -> set[str]:
        before = [
            block(*side, number, take) for number, side in enumerate(sides) for take in range(2)
        ]
        return due([*before, block(*head, len(sides))], "screen", len(sides), 1)

    assert after(head, head) == after(head, head, base) == after(head, head, calm, head)
    assert after(head, head) == {"time_it"}
    assert after(head, head, head) == after(base, base, base) == set()
    assert after(head, head, head, calm) == set(), "and it stays so"


RUNS, BLOCKS = 1500, 10
SPREAD = 0.02


def take_blocks(
    random: np.random.Generator, change: float, again: Callable[[Block], bool]
) -> list[float]:
    """Return the log-ratios of a screen beside a neighbour that hits one process in four.

    One that is hit waits for a random share of its time, and takes longer by as much and more.
    """
    blocks: list[Block] = []

    def measure(slower: float) -> Reading:
        waited = float(random.exponential(0.2)) if random.random() < 0.25 else 0.0
        time = float(np.exp(random.normal(slower, SPREAD) + waited * random.uniform(0.5, 2)))
        return reading(waited, time)

    for number in range(BLOCKS):
        for take in range(MOST_RETAKES + 1):
            made = block(measure(0.0), measure(log1p(change)), number, take)
            blocks.append(made)
            if not again(made):
                break
    return log_ratios(blocks, "screen")["time_it"]


def by_waiting(made: Block) -> bool:
    return is_one_sided(made.readings())


def by_time(made: Block) -> bool:
    """Take again what looks like an outlier: the rule that is not ours."""
    return abs(made.log_ratio() or 0.0) > 2 * SPREAD


def never(_: Block) -> bool:
    return False


def screens(change: float, again: Callable[[Block], bool]) -> tuple[float, float, float]:
    """Return of many screens (median estimate, share with p ≤ 10 % of no slowdown, spread)."""
    random = np.random.default_rng(5)
    estimates = [estimate(take_blocks(random, change, again)) for _ in range(RUNS)]
    alarms = np.mean([p_above(ratio, 0.0) <= 0.1 for ratio in estimates])
    means = [ratio.mean for ratio in estimates]
    return float(np.mean(means)), float(alarms), float(np.std(means))


def test_retaken_blocks_keep_the_level_and_the_estimate() -> None:
    """Two standard errors of 1,500 screens are 0.04 points of the estimate, 1.5 of the level."""
    mean, alarms, spread = screens(0.0, by_waiting)
    assert abs(mean) < 0.001
    assert 0.08 < alarms < 0.12
    slower, _, _ = screens(0.08, by_waiting)
    assert slower == pytest.approx(log1p(0.08), abs=0.001)
    _, _, without = screens(0.0, never)
    assert spread < 0.6 * without, "and they are worth their time"


def test_a_rule_on_the_times_would_lose_a_slowdown() -> None:
    slower, _, _ = screens(0.08, by_time)
    assert slower < log1p(0.08) - 0.005
