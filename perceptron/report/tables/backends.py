"""The backends: what can run here, and why the rest cannot."""

from __future__ import annotations

from collections.abc import Iterable

from perceptron.records.backend import BackendFacts
from perceptron.report.tables.terminal import table

COLUMNS = ("name", "device", "here", "what it is")


def show(backends: Iterable[BackendFacts]) -> None:
    """Print what can run here, and why the rest cannot."""
    table("Backends", COLUMNS, map(cells, backends))


def cells(backend: BackendFacts) -> tuple[str, ...]:
    """Return a backend as a row of text."""
    here = "yes" if backend.reason is None else f"no: {backend.reason}"
    several = f"; {backend.name}@2 over two processes, and so on" if backend.distributed else ""
    return backend.name, backend.device, here, f"{backend.summary}{several}"
