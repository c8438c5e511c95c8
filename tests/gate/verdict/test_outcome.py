"""Whatever happens while a benchmark is counted, it is not the revision's doing."""

from __future__ import annotations

import msgspec
import pytest

from perceptron.gate.verdict.outcome import outcome, retry
from perceptron.gate.verdict.waits import always_waiting, waits_of
from perceptron.records.block import Reading
from tests.gate.conftest import blocks, counts

CRASH = Reading(status="failed", reason="it ended with SIGILL")


def test_what_ends_under_valgrind_has_not_failed() -> None:
    trial = [msgspec.structs.replace(blocks("t", [0.0])[0], stage="calibration")]
    crashed = counts("t", failed=CRASH) * 4
    assert outcome([*trial, *crashed]) == outcome(trial)
    assert outcome(crashed) == outcome([])
    assert not retry(crashed)


def test_what_was_counted_and_fails_is_still_broken() -> None:
    failed = [
        msgspec.structs.replace(block, stage="calibration", head=CRASH)
        for block in blocks("t", [0.0, 0.0])
    ]
    assert outcome([*failed, *counts("t", 0.0)]).kind == "broke"
    assert retry([failed[0], *counts("t", 0.0)])


@pytest.mark.parametrize("stage", ["count", "calibration"])
def test_only_timed_blocks_say_how_long_it_waited(stage: str) -> None:
    waited = Reading(status="ok", instructions=1.0, waited=0.9)
    takes = [
        msgspec.structs.replace(block, stage=stage, head=waited, take=take)
        for take in (0, 1)
        for block in counts("t", *[0.0] * 4)
    ]
    assert waits_of(takes) == {}
    assert always_waiting(takes) is None


def test_what_head_was_spared_is_not_tried_again() -> None:
    slow = Reading(status="slow", reason="no answer within 10 s", wall_seconds=10.0)
    spared = Reading(status="untried", reason="one call is too long")
    trial = msgspec.structs.replace(
        blocks("t", [0.0])[0], stage="calibration", base=slow, head=spared
    )
    assert not retry([trial])
    assert retry([msgspec.structs.replace(trial, head=Reading(status="ok", value=1.0))])
