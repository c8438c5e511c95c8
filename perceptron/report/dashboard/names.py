"""How machines and commits are called on every page."""

from __future__ import annotations

from perceptron.analysis.stored.sweep import Sweep


def machine_name(machine: str, source: str) -> str:
    """Return the machine, and who measured if it was not the suite itself."""
    machine = machine if machine.strip() else "(no name)"
    return machine if source == "perceptron" else f"{machine} ({source})"


def state_name(commit: str | None, when: str, *more: str | None) -> str:
    """Return the state of the code: its revision, the day, and what else is known of it."""
    words = (commit or "no commit", when[:10] or "no date", *filter(None, more))
    return " · ".join(words)


def foreign_state(sweep: Sweep) -> tuple[str | None, ...]:
    """Return what else tells two sweeps of one commit apart, where other tools measured it."""
    if sweep.source == "perceptron":
        return ()
    return sweep.environment, sweep.version and f"version {sweep.version[:8]}"
