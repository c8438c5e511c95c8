from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from perceptron.questions.idle import (
    Wait,
    say_first,
    wait_for_idle,
)
from perceptron.records.conditions import Conditions, OtherProcess

CALM = Conditions(other_processes=[], other_cores=0.02)


def busy(pid: int = 7) -> Conditions:
    name = {7: "backup", 8: "update"}[pid]
    one = OtherProcess(name=name, pid=pid, share=0.9)
    return Conditions(other_processes=[one], other_cores=0.9)


class Waiting:
    """A clock that only looks move, two seconds each, and what they see."""

    def __init__(self, sees: Callable[[float], Conditions]) -> None:
        self.now = 0.0
        self.lines: list[str] = []
        self._sees = sees

    def look(self) -> Waiting:
        return self

    def end(self) -> Conditions:
        self.now += 2.0
        return self._sees(self.now)

    def wait(self, minutes: float) -> Conditions:
        patience = Wait(minutes, self.lines.append)
        first = self._sees(0.0)
        return wait_for_idle(
            first,
            2,
            2,
            patience,
            self.look,  # type: ignore[arg-type]
            lambda: self.now,
        )


def test_waiting_ends_when_nobody_is_in_the_way() -> None:
    """It says for whom it waits, and how long that took."""
    waiting = Waiting(lambda now: busy() if now < 30 else CALM)
    assert waiting.wait(10) == CALM
    assert waiting.now == 30.0
    assert waiting.lines == [
        "waiting for idle cores, 10.0 minutes at most: backup (pid 7) uses 0.90 of a core",
        "cores idle after 0.5 minutes",
    ]


def test_waiting_ends_with_the_minutes_and_says_so() -> None:
    """Then measuring begins all the same: a line each minute, and nothing waits for ever."""
    waiting = Waiting(lambda now: busy())
    assert waiting.wait(2) == busy()
    assert 120 <= waiting.now <= 122
    assert [line.partition(":")[0] for line in waiting.lines] == [
        "waiting for idle cores, 2.0 minutes at most",
        "waiting for idle cores, 1.0 minutes at most",
        "cores still busy after 2.0 minutes",
    ]


@pytest.mark.parametrize(
    ("seen", "threads", "lines"),
    [
        (
            busy(),
            2,
            [
                "note: backup (pid 7) uses 0.90 of a core: the 2 threads of an iteration wait for "
                "the slowest of them, so an iteration can take many times as long; "
                "next: --threads 1 or --wait"
            ],
        ),
        (busy(), 1, []),
        (CALM, 2, []),
        (Conditions(), 2, ["note: other users of the cores are unknown on this system"]),
    ],
)
def test_idle_names_other_processes_in_one_line(
    seen: Conditions, threads: int, lines: Sequence[str]
) -> None:
    """A process that leaves a core for each thread is no obstacle; unknown use is reported."""
    printed: list[str] = []
    say_first(seen, 2, threads, Wait(0.0, printed.append))
    assert printed == lines
