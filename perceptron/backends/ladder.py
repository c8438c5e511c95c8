"""The ladder: backends in an order in which each does away with one thing.

What costs on a tiny problem is calling from Python, operation by operation. Each rung is one
backend that removes one thing from the rung before it; the last leaves the arithmetic alone. On a
GPU, where launching kernels is what costs, there is a ladder of its own.

Every backend says itself where it stands, in its attribute ``rung`` (see `protocol.LadderStep`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perceptron.backends import registry
from perceptron.backends.protocol import LadderStep

STARTS = "nothing: the ladder starts here"


def rungs(device: str, batches: bool = True) -> dict[str, str]:
    """Return the backends on this device's ladder in their order, with what each removes.

    ``batches`` says whether the ladder is that of a problem with batches. A backend without a
    rung, or whose ``after`` is on no ladder of this device, is not among them.
    """
    known: dict[str, LadderStep] = {}
    for name in registry.names():
        backend = registry.load(name)
        # Not inherited: a backend derived from another is not therefore a rung of the ladder.
        own = vars(type(backend)) | getattr(backend, "__dict__", {})
        rung = own.get("rung")
        if isinstance(rung, LadderStep) and backend.device == device:
            known[name] = rung
    ladder = [name for name in _descent(None, known) if batches or not known[name].needs_batches]
    return {name: _removes(known[name], ladder) for name in ladder}


def _removes(rung: LadderStep, ladder: Sequence[str]) -> str:
    """Return what a rung removes from the one before it, which may not be on this ladder."""
    return rung.removes if rung.after is None or rung.after in ladder else STARTS


def _descent(after: str | None, known: dict[str, LadderStep]) -> Iterator[str]:
    """Yield the rungs after this one; where two follow the same, each with those after it."""
    for name, rung in known.items():
        if rung.after == after:
            yield name
            yield from _descent(name, known)
