"""Report other users of the cores before a measurement, and wait for idle cores on request."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from perceptron.machine import usable_cores
from perceptron.measure.budget import Progress
from perceptron.measure.other_processes import Look
from perceptron.processes.waiting import waiting_meter
from perceptron.records.conditions import Conditions, CoreUse
from perceptron.statistics.other_processes import is_known, others_need_cores, users_in_words

# A gate's run may take only ten seconds; the resolution of CPU time, 10 ms, is 2% of this.
_SHORT_SECONDS = 0.5


@dataclass(frozen=True)
class Wait:
    """How long to wait for idle cores, and a function that prints a line."""

    minutes: float = 0.0
    """0: look once, and measure whatever else is running."""
    say: Callable[[str], object] = lambda line: None


LOOK_ONCE = Wait()
"""Look once, and print nothing: for a study that no command runs."""


def say_first(seen: CoreUse, cores: int, threads: int, wait: Wait, asked_for: bool = True) -> None:
    """Print a line if other processes take cores from ``threads`` threads, or if that is unknown.

    ``asked_for`` is True if ``--threads`` gives the number.
    """
    if not is_known(seen):
        wait.say("note: other users of the cores are unknown on this system")
    elif others_need_cores(seen, cores, threads):
        advice = "times may be longer and intervals wider; next: --wait for idle cores"
        if asked_for and threads > 1:
            advice = (
                f"the {threads} threads of an iteration wait for the slowest of them, so an "
                "iteration can take many times as long; next: --threads 1 or --wait"
            )
        wait.say(f"note: {users_in_words(seen)}: {advice}")


def say_if_waiting_is_unknown(wait: Wait) -> None:
    """Print a line on systems where contention cannot be measured."""
    with waiting_meter() as waited:
        if waited() is None:
            wait.say(
                "note: waiting for a core is not measured on this system: no sample counts as "
                "contended"
            )


def wait_for_idle(
    seen: Conditions,
    cores: int,
    threads: int,
    wait: Wait,
    look: Callable[[], Look],
    clock: Callable[[], float] = time.monotonic,
) -> Conditions:
    """Wait until the cores are idle or the minutes are over; return the last conditions.

    Print the processes in the way every minute.
    """
    begin = clock()
    end = begin + 60 * wait.minutes
    last_minute: int | None = None
    while others_need_cores(seen, cores, threads):
        now = clock()
        if now >= end:
            wait.say(f"cores still busy after {_minutes(now - begin)}: measuring now")
            return seen
        minute = int((now - begin) // 60)
        if minute != last_minute:
            wait.say(
                f"waiting for idle cores, {_minutes(end - now)} at most: {users_in_words(seen)}"
            )
            last_minute = minute
        seen = look().end()
    if last_minute is not None:
        wait.say(f"cores idle after {_minutes(clock() - begin)}")
    return seen


def looking_first(progress: Progress, wait: Wait) -> Progress:
    """Return the progress function, extended to watch other users of the cores.

    It watches them during the first step, such as a setup. Before the second step it reports them
    or waits for idle cores.
    """
    cores = usable_cores()
    looks: list[Look] = []
    calls = count()

    def report(done: float, total: float, message: str) -> None:
        progress(done, total, message)
        call = next(calls)
        if call == 0:
            looks.append(Look(_SHORT_SECONDS))
        elif call == 1:
            seen = looks.pop().end()
            if wait.minutes:
                wait_for_idle(seen, cores, cores, wait, Look)
            else:
                say_first(seen, cores, cores, wait, asked_for=False)

    return report


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} minutes"
