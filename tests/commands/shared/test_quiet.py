from __future__ import annotations

import pytest

from perceptron.commands.shared import quiet as module
from perceptron.measure import neighbours
from perceptron.measure.neighbours import Seen
from perceptron.records.conditions import CoreUse, Neighbour
from perceptron.report.tables import terminal

BUSY = CoreUse(neighbours=[Neighbour(name="backup", pid=7, share=64.0)], other_cores=64.0)
CALM = CoreUse(neighbours=[], other_cores=0.0)


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have a neighbour that is gone at the second look; record what happens in which order."""
    seen: list[str] = []

    class Look:
        def __init__(self, seconds: float = 2.0) -> None:
            seen.append("look")

        def end(self) -> Seen:
            seen.append("seen")
            return Seen(CALM if seen.count("seen") > 1 else BUSY)

    monkeypatch.setattr(neighbours, "Look", Look)
    monkeypatch.setattr(terminal, "note", seen.append)
    return seen


def steps(events: list[str], wait: float | None) -> None:
    progress = module.looking_first(lambda done, total, message: events.append(message), wait)
    for message in ("checking out", "discovering", "measuring"):
        progress(0, 1, message)


def test_who_uses_the_cores_is_said_before_the_second_step(events: list[str]) -> None:
    """The look goes on while the first is done, and costs no time of its own."""
    steps(events, None)
    *before, note, last = events
    assert before == ["checking out", "look", "discovering", "seen"]
    assert note.startswith("note: backup (pid 7) uses 64.00 cores")
    assert last == "measuring"


def test_the_second_step_waits_for_quiet_if_that_is_asked_for(events: list[str]) -> None:
    steps(events, 5.0)
    assert events[-3:-1] == ["seen", "quiet after 0.0 minutes"]
    assert events.count("look") == 2
