"""Counts are read back as they were recorded, and drawn with the noise that was."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from benchmarks.validation.gate.judging.counts import (
    RecordedCounts,
    count_blocks,
    is_seen,
    recorded_counts,
)
from perceptron.gate.verdict.rule import Rule
from perceptron.gate.verdict.work import work_of
from perceptron.records.block import Block
from perceptron.records.comparison import Work
from tests.validation.gate.conftest import MakeRun

RULE = Rule()
NAME = "bodies.time_training"


def draw(counts: RecordedCounts, level: float, seed: int = 1) -> list[Block]:
    return counts.draw(NAME, level, np.random.default_rng(seed), RULE)


def test_recorded_counts_are_judged_as_they_were() -> None:
    blocks = count_blocks(NAME, {0: [1e6, 1.03e6], 1: [1.001e6, 1.031e6], 2: [2e6, 2.06e6]})
    evidence = work_of(blocks, RULE)[NAME]
    assert evidence.kind == "rose"
    assert evidence.work is not None
    assert evidence.work.change == pytest.approx(0.03, abs=1e-3)


def test_a_failure_says_why_and_what_was_not_tried_says_nothing() -> None:
    assert work_of(count_blocks(NAME, {}, "it crashed"), RULE)[NAME].reason == "it crashed"
    assert count_blocks(NAME, {}) == []


@pytest.mark.parametrize(
    ("level", "rounds", "kind"),
    [(0.0, [0], "same"), (0.005, [0, 1], "same"), (0.03, [0, 1, 2], "rose")],
)
def test_as_many_rounds_are_drawn_as_the_gate_would_count(
    level: float, rounds: list[int], kind: str
) -> None:
    blocks = draw(RecordedCounts([1e6, 3e6], [0.0002, -0.0001]), level)
    assert [block.number for block in blocks] == rounds
    assert work_of(blocks, RULE)[NAME].kind == kind


def test_recorded_noise_is_in_every_draw() -> None:
    """What differs by 1 % from count to count is not repeatable, and not counted."""
    reasons = [
        work_of(draw(RecordedCounts([1e6], [0.01, -0.01]), 0.03, seed), RULE)[NAME].reason
        for seed in range(20)
    ]
    assert any(reason and "not repeatable" in reason for reason in reasons)


def test_what_was_counted_where_nothing_changed_is_the_noise(run: MakeRun) -> None:
    """Of every round; what could not be counted has none."""
    counted = recorded_counts(
        [
            run("same", 0, counts={0: [1e6, 1.0002e6]}),
            run("neighbour", 0, counts={0: [2e6, 2.004e6], 1: [2e6, 2.001e6]}),
            run("same", 1, benchmark="bodies.time_python", not_counted="it crashed"),
            run("same", 2, benchmark="bodies.time_python", counts={0: [1e6, 1.002e6]}),
        ]
    )
    assert [*counted] == [NAME]
    assert counted[NAME].base == [1e6, 2e6]
    assert counted[NAME].differences == pytest.approx([log(1.0002), log(1.002), log(1.0005)])


@pytest.mark.parametrize(
    ("change", "noise", "seen"),
    [(0.01, 0.001, True), (0.01, 0.02, False), (0.004, 0.0, False), (-0.01, 0.0, False)],
)
def test_a_rise_beyond_the_noise_is_seen(change: float, noise: float, seen: bool) -> None:
    assert is_seen(Work(base=1.0, head=1.0, change=change, noise=noise)) == seen
    assert not is_seen(None)
