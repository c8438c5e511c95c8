"""Backends whose library is not installed, named before anything is measured."""

from __future__ import annotations

from collections.abc import Iterable


def announce_skipped(backends: Iterable[str]) -> None:
    """Say on standard error which backends will be skipped, and how their library is installed.

    One line for each extra. A backend that is unavailable for another reason, such as a GPU that is
    not there, is left to its row. Raises `UserError` for a backend that there is not.
    """
    from perceptron import optional
    from perceptron.backends import registry
    from perceptron.report.tables import terminal

    not_installed = {optional.missing(extra) for extra in optional.EXTRAS} - {None}
    skipped: dict[str, list[str]] = {}
    for name in backends:
        reason = registry.reason_unavailable(name)
        if reason is not None and reason in not_installed:
            skipped.setdefault(reason, []).append(name)
    for reason, names in skipped.items():
        terminal.note(f"skipped: {', '.join(names)}: {reason}")
