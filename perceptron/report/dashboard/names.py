"""How machines and commits are called on every page."""

from __future__ import annotations


def machine_name(machine: str, source: str) -> str:
    """Return the machine, and who measured if it was not the suite itself."""
    machine = machine if machine.strip() else "(no name)"
    return machine if source == "perceptron" else f"{machine} ({source})"


def state_name(commit: str | None, when: str, *more: str | None) -> str:
    """Return the state of the code: its revision, the day, and what else is known of it."""
    words = (commit or "no commit", when[:10] or "no date", *filter(None, more))
    return " · ".join(words)
