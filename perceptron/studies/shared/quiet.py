"""Before measuring: say who uses the cores, and wait for quiet if that is asked for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from perceptron.analysis.neighbours import in_the_way, is_known, users_in_words
from perceptron.measure.neighbours import Look, Seen
from perceptron.waiting import waiting_meter


def nobody(line: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Quiet:
    """How long to wait for quiet, and how to say in a line what was found."""

    minutes: float = 0.0
    """0: look once, and measure whatever else runs."""
    say: Callable[[str], None] = nobody


LOOK_ONCE = Quiet()
"""And say nothing: for a study that no command runs."""


def say_first(seen: Seen, cores: int, threads: int, quiet: Quiet, asked_for: bool = True) -> None:
    """Say in a line who is in the way of so many threads, or that this cannot be told here.

    ``asked_for`` if ``--threads`` says how many.
    """
    if not is_known(seen.use):
        quiet.say("note: this system does not tell who else uses the cores")
    elif in_the_way(seen.use, cores, threads):
        then = "times may be longer and intervals wider; --wait waits for quiet"
        if asked_for and threads > 1:
            then = f"{threads} threads beside a busy process wait at barriers, "
            then += "times may be many times longer; next: --threads 1 or --wait"
        quiet.say(f"note: {users_in_words(seen.use)}: {then}")


def say_if_waiting_is_unknown(quiet: Quiet) -> None:
    """Say in a line if no sample can be found to be contended."""
    with waiting_meter() as waited:
        if waited() is None:
            quiet.say(
                "note: this system does not tell how long threads wait for a core: "
                "no sample counts as contended"
            )


def wait_for_quiet(
    seen: Seen,
    cores: int,
    threads: int,
    quiet: Quiet,
    look: Callable[[], Look],
    clock: Callable[[], float] = time.monotonic,
) -> Seen:
    """Look again and again until nobody is in the way or the minutes are over.

    Return what was seen last. Say for whom it waits: at first, when that changes, every minute.
    """
    begin = clock()
    end = begin + 60 * quiet.minutes
    said: tuple[int | None, int] | None = None
    while in_the_way(seen.use, cores, threads):
        now = clock()
        if now >= end:
            quiet.say(f"not quiet after {_minutes(now - begin)}: measuring all the same")
            return seen
        largest = seen.use.neighbours[0].pid if seen.use.neighbours else None
        news = (largest, int((now - begin) // 60))
        if news != said:
            quiet.say(
                f"waiting for quiet, {_minutes(end - now)} at most: {users_in_words(seen.use)}"
            )
            said = news
        seen = look().end()
    if said is not None:
        quiet.say(f"quiet after {_minutes(clock() - begin)}")
    return seen


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} minutes"
