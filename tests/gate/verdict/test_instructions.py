"""Counts say whether it is the same work, or why they cannot say it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron.gate.verdict.instructions import (
    InstructionEvidence,
    instruction_evidence,
    wants_again,
    wants_other_draws,
)
from perceptron.records.block import Block, SideMeasurement
from tests.gate.conftest import counts
from tests.gate.verdict.conftest import RULE, judged, trial


def evidence(*changes: float, again: float = 0.0) -> InstructionEvidence:
    return instruction_evidence(counts("time_it", *changes, again=again), RULE)["time_it"]


@pytest.mark.parametrize(
    ("changes", "again", "kind"),
    [
        ((0.0,), 0.0, "same"),
        ((0.0099, 0.0099), 0.0, "same"),
        ((0.011, 0.011, 0.011), 0.0, "changed"),
        ((0.016, 0.016, 0.016), 0.0, "rose"),
        ((-0.016, -0.016, -0.016), 0.0, "fell"),
        ((0.05, 0.05, 0.005), 0.0, "changed"),
        ((0.05, 0.05, -0.05), 0.0, "changed"),
        ((0.05, 0.05), 0.0, "changed"),  # one draw is not enough
        ((0.05, 0.05, 0.02), 0.0, "changed"),  # draws that do not agree, until there are many
        ((0.05, 0.05, 0.045, 0.05, 0.055), 0.0, "rose"),
        ((0.05, 0.05), 0.01, "not counted"),
        ((0.05, 0.05, 0.05), 0.004, "rose"),
        # Loops over integers: +27%, and 1.8% more of both in another layout of memory.
        ((0.27, 0.27, 0.27), 0.0175, "rose"),
        ((0.15, 0.15, 0.15), 0.0175, "not counted"),
    ],
)
def test_work_rose_only_if_it_did_in_every_round_by_far_more_than_its_noise(
    changes: tuple[float, ...], again: float, kind: str
) -> None:
    seen = evidence(*changes, again=again)
    assert seen.kind == kind
    assert ("not repeatable" in (seen.reason or "")) is (seen.instructions is None)


def test_inputs_that_are_others_on_each_side_are_hardly_ever_a_rise() -> None:
    """Simulated: each side of each draw executes what its own input needs."""
    random = np.random.default_rng(1)
    risen = 0
    for spread in (0.02, 0.1, 0.3):
        for _ in range(300):
            drawn = np.expm1(random.normal(0, spread, 4))
            changes = [drawn[0], *drawn]
            known = 2
            while known < 5 and wants_other_draws(counts("time_it", *changes[: known + 1]), RULE):
                known += 1
            risen += evidence(*changes[: known + 1]).kind == "rose"
    assert risen <= 9, "of 900"


def test_work_of_waiting_benchmark_is_not_counted() -> None:
    """A sleep of twice the time, or a process of its own that does twice the work."""
    waits, runs = (trial(head=SideMeasurement(status="ok", idle=idle)) for idle in (0.9, 0.2))
    seen = instruction_evidence([waits, *counts("time_it", 0.0)], RULE)["time_it"]
    assert (seen.kind, seen.instructions) == ("not counted", None)
    assert "waits" in (seen.reason or "")
    (row,) = judged([waits, *counts("time_it", 0.0), replace(trial(), stage="screen")]).rows
    assert row.idle == 0.9
    assert instruction_evidence([runs, *counts("time_it", 0.0)], RULE)["time_it"].kind == "same"


@pytest.mark.parametrize(
    ("failed", "reason"),
    [
        (
            SideMeasurement(status="failed", reason="an instruction is missing"),
            "an instruction is missing",
        ),
        (SideMeasurement(status="slow", reason="it takes long"), "it takes long"),
        (SideMeasurement(status="untried", reason="no time"), "no time"),
        (SideMeasurement(status="ok", instructions=0.0), "no instruction"),
    ],
)
def test_work_not_counted_has_reason(failed: SideMeasurement, reason: str) -> None:
    seen = instruction_evidence(counts("time_it", failed=failed), RULE)["time_it"]
    assert (seen.kind, seen.instructions) == ("not counted", None)
    assert reason in (seen.reason or "")


def in_rounds(changes: dict[int, float], base: dict[int, float] | None = None) -> list[Block]:
    """Counts of these rounds, in which HEAD executes so much more; BASE so often 10 million."""
    return [
        replace(block, number=number)
        for number, change in changes.items()
        for block in counts("time_it", change, base=1e7 * (base or {}).get(number, 1.0))
    ]


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({0: 0.0009}, False),
        ({0: 0.002}, True),  # which shows how they repeat
        ({0: 0.002, 2: 0.005}, False),
        ({0: 0.05, 2: 0.05}, False),  # it agrees
        ({0: 0.05, 2: 0.02, 1: 0.05}, True),
        ({0: 0.05, 1: 0.05, 2: 0.0501}, False),
        ({0: 0.05, 1: 0.05, 2: 0.01}, False),  # as little of other draws decides it
    ],
)
def test_another_round_follows_only_where_there_is_a_doubt(
    changes: dict[int, float], wanted: bool
) -> None:
    assert wants_other_draws(in_rounds(changes), RULE) is wanted


def test_work_is_recounted_if_draws_differ() -> None:
    """Other draws of as much work show by themselves that counts repeat."""
    both = {0: 0.05, 2: 0.05}
    for changes, base, again, kind in (
        ({0: 0.05}, 1.0, False, "not counted"),
        (both, 1.0, False, "rose"),
        (both, 1.004, False, "rose"),
        (both, 1.3, True, "not counted"),
        ({**both, 1: 0.05}, 1.3, False, "rose"),
        ({0: 0.005, 2: 0.005}, 1.0, False, "same"),
    ):
        some = in_rounds(changes, {2: base})
        assert wants_again(some, RULE) is again
        assert instruction_evidence(some, RULE)["time_it"].kind == kind, (changes, base)
    seen = instruction_evidence(in_rounds({0: 0.005, 2: 0.005}, {2: 1.002}), RULE)[
        "time_it"
    ].instructions
    assert seen is not None
    assert seen.noise == pytest.approx(0.002)


@settings(deadline=None)
@given(st.lists(st.floats(-0.5, 1.0), min_size=2, max_size=3))
def test_swapped_revisions_turn_the_work_around(changes: list[float]) -> None:
    forth = counts("time_it", *changes)
    back = [replace(block, base=block.head, head=block.base) for block in forth]
    swapped, other = (instruction_evidence(counted, RULE)["time_it"] for counted in (forth, back))
    assert {"rose": "fell", "fell": "rose"}.get(swapped.kind, swapped.kind) == other.kind
