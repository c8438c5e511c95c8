"""`perceptron backends`: list the backends that can run here, and why others cannot."""

from __future__ import annotations

from msgspec import Struct

from perceptron.options import Json


class BackendFacts(Struct, frozen=True, kw_only=True):
    """Whether a backend can run here; ``reason`` is None if it can."""

    name: str
    device: str
    summary: str
    reason: str | None
    available: bool
    distributed: bool = False
    """Whether it can train over several processes: ``@N`` after its name says over how many."""


def backends(json: Json = False) -> int:
    """Print the backends; return 0, also if some cannot run."""
    from perceptron.backends import registry
    from perceptron.report import documents
    from perceptron.report.tables import terminal

    facts = list(map(_facts, registry.names()))
    if json:
        documents.write({"backends": facts})
        return 0
    available = sum(backend.available for backend in facts)
    terminal.line(f"{available} of {len(facts)} backends can run here")
    terminal.table("", ("name", "device", "here", "description"), map(_cells, facts))
    terminal.show_next("perceptron bench --quick")
    return 0


def _facts(name: str) -> BackendFacts:
    from perceptron.backends import registry
    from perceptron.backends.protocol import Distributed

    backend, reason = registry.load(name), registry.reason_unavailable(name)
    return BackendFacts(
        name=name,
        device=backend.device,
        summary=backend.summary,
        reason=reason,
        available=reason is None,
        distributed=isinstance(backend, Distributed),
    )


def _cells(backend: BackendFacts) -> tuple[str, ...]:
    availability = "yes" if backend.reason is None else f"no: {backend.reason}"
    several = f"; {backend.name}@2 over two processes, and so on" if backend.distributed else ""
    return backend.name, backend.device, availability, f"{backend.summary}{several}"
