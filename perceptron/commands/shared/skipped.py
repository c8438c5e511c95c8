"""Backends whose library is not installed, named before anything is measured."""

from __future__ import annotations

from collections.abc import Iterable


def announce_skipped(backends: Iterable[str]) -> None:
    """Name on standard error the backends to skip, and how to install their library.

    One line for each extra. A backend that is unavailable for another reason, such as a missing
    GPU, has the reason in its row. Raises `UserError` for an unknown backend.
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
