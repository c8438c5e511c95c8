"""Other users of the cores: their names, and whether they take cores from our threads."""

from __future__ import annotations

from perceptron.processes.waiting import LARGEST_WAIT_SHARE
from perceptron.records.conditions import CoreUse, OtherProcess
from perceptron.untrusted_text import shortened

LARGEST_OTHER_CORES = 0.2
"""Cores that other processes may use beyond those left over: an idle desktop stays below, and a
busy process is far above."""
_LONGEST_NAME = 40
# Named in a line; the rest is in the sum.
_NAMED = 2


def is_known(use: CoreUse) -> bool:
    """Return whether the cores that other processes used are known."""
    return use.other_processes is not None or use.other_cores is not None


def others_need_cores(use: CoreUse, cores: int, threads: int) -> bool:
    """Return whether others use more than the cores that ``threads`` threads leave over."""
    return other_cores(use) > cores - min(threads, cores) + LARGEST_OTHER_CORES


def is_idle(use: CoreUse) -> bool:
    """Return whether the cores were idle and no thread waited for one.

    Then the load of the last minute has ended: on an idle machine of two cores, runs right after
    others of the suite began with a load of 2 to 11.
    """
    waited = use.threads_waited or 0.0
    is_free = is_known(use) and other_cores(use) <= LARGEST_OTHER_CORES
    return is_free and waited <= LARGEST_WAIT_SHARE


def other_cores(use: CoreUse) -> float:
    """Return the cores that others use: as counted, else the sum of the listed processes."""
    if use.other_cores is not None:
        return use.other_cores
    return sum(process.share for process in use.other_processes or ())


def named(use: CoreUse) -> list[str]:
    """Return the names of the largest neighbours, such as ``chromium (pid 1234)``."""
    return [name(process) for process in (use.other_processes or ())[:_NAMED]]


def users_in_words(use: CoreUse) -> str:
    """Return the other users of the cores: the largest by name, then the sum of the rest.

    ``chromium (pid 1234) uses 0.93 of a core; others 0.40``
    """
    neighbours = (use.other_processes or [])[:_NAMED]
    parts = [f"{name(process)} uses {_cores(process.share)}" for process in neighbours]
    rest = other_cores(use) - sum(process.share for process in neighbours)
    if not parts:
        return f"short-lived or hidden processes use {_cores(other_cores(use))}"
    return "; ".join(parts) + (f"; others {rest:.2f}" if rest >= LARGEST_OTHER_CORES / 2 else "")


def name(process: OtherProcess) -> str:
    """Return a process as ``chromium (pid 1234)``."""
    # Shortened again: a stored file is as untrusted as a process.
    return f"{shortened(process.name, _LONGEST_NAME) or 'a process'} (pid {process.pid})"


def _cores(share: float) -> str:
    return f"{share:.2f} cores" if share >= 1.005 else f"{share:.2f} of a core"
