"""The ladder: backends in an order in which each does away with one thing.

What costs on a tiny problem is calling from Python, operation by operation. Each rung is one
backend that removes one thing from the rung before it; the last leaves the arithmetic alone. On a
GPU, where launching kernels is what costs, there is a ladder of its own.

Several models have another ladder: it starts with one model after the other, and what
costs there is calling from Python for each.

Every backend says itself where it stands, in its attributes ``rung`` and ``rung_of_models`` (see
`protocol.LadderStep`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from perceptron.backends import registry
from perceptron.backends.protocol import Distributed, LadderStep

STARTS = "nothing: the ladder starts here"


def rungs(
    device: str, batches: bool = True, processes: Sequence[int] = (), models: bool = False
) -> dict[str, str]:
    """Return the backends on this device's ladder in their order, with what each removes.

    ``batches`` says whether the ladder is that of a problem with batches, ``models`` whether it is
    that of several models. A backend without a rung there, or whose ``after`` is on no
    ladder of this device, is not among them. With ``processes`` it starts with what trains over so
    many, the most first, and goes on with what trains as that does in one: what stands above it
    without them removes something else, and is left out. Nothing trains several models over them.
    """
    ladder = _of_one_process(device, batches, "rung_of_models" if models else "rung")
    joined = _over_processes(device, ladder) if processes and not models else None
    if joined is None:
        return ladder
    names = list(ladder)
    below = names[names.index(joined.counterpart.name) + 1 :]
    return {
        **_steps_down(joined, sorted(set(processes), reverse=True)),
        **{name: ladder[name] for name in below},
    }


def _over_processes(device: str, ladder: Mapping[str, str]) -> Distributed | None:
    """Return what trains over several processes above one of this ladder; ours if there is one."""
    joined = (
        backend
        for backend in map(registry.load, registry.names())
        if isinstance(backend, Distributed)
        and backend.device == device
        and backend.counterpart.name in ladder
    )
    return next(joined, None)


def _steps_down(backend: Distributed, counts: Sequence[int]) -> dict[str, str]:
    """Return the rungs from most processes down to the counterpart, with what each removes."""
    counterpart = backend.counterpart
    most, *fewer = counts
    starts = STARTS if most == 1 else f"{STARTS}, over {most} processes"
    removes = (
        [counterpart.removes] if counts[-1] == 1 else [counterpart.partners, counterpart.removes]
    )
    return {
        backend.over(most).name: starts,
        **{backend.over(count).name: counterpart.partners for count in fewer},
        counterpart.name: "; ".join(removes),
    }


def _of_one_process(device: str, batches: bool, attribute: str) -> dict[str, str]:
    known: dict[str, LadderStep] = {}
    for name in registry.names():
        backend = registry.load(name)
        # Not inherited: a backend derived from another is not therefore a rung of the ladder.
        own = vars(type(backend)) | getattr(backend, "__dict__", {})
        rung = own.get(attribute)
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
