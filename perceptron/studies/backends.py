"""The backends, and whether each can run here."""

from __future__ import annotations

from perceptron.backends import registry
from perceptron.backends.protocol import Distributed
from perceptron.records.backend import BackendFacts


def survey() -> list[BackendFacts]:
    """Return every backend of the registry, in its order."""
    facts = []
    for name in registry.names():
        backend = registry.load(name)
        reason = registry.reason_unavailable(name)
        facts.append(
            BackendFacts(
                name=name,
                device=backend.device,
                summary=backend.summary,
                reason=reason,
                available=reason is None,
                distributed=isinstance(backend, Distributed),
            )
        )
    return facts
