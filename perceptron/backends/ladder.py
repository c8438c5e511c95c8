"""The ladder: an order of backends in which each removes one cost of the backend before it.

On a tiny problem most time goes into calls from Python, one for each operation. The last variant of
the ladder has only the arithmetic left. GPUs have another ladder, because launching kernels is
what costs there. Several models have a third ladder: it starts with one model after the other,
where calls from Python for each model are what costs.

A backend declares its variant in its attributes ``ladder_step`` and ``ladder_step_of_models``, see
`protocol.LadderStep`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from perceptron.backends import registry
from perceptron.backends.protocol import Distributed, LadderStep

STARTS = "nothing: the ladder starts here"


def variants(
    device: str, batches: bool = True, processes: Sequence[int] = (), models: bool = False
) -> dict[str, str]:
    """Return the backends on this device's ladder, in order, with the cost that each removes.

    ``batches`` selects the ladder of a problem with batches, ``models`` that of several models. A
    backend without a step there, or whose ``after`` is on no ladder of this device, is omitted.
    With ``processes`` the ladder starts with the distributed backend over each of these numbers,
    the largest first, and goes on with its counterpart in one process; variants above that are
    omitted. No backend trains several models over several processes.
    """
    attribute = "ladder_step_of_models" if models else "ladder_step"
    ladder = _single_process_ladder(device, batches, attribute)
    distributed = _over_processes(device, ladder) if processes and not models else None
    if distributed is None:
        return ladder
    names = list(ladder)
    below = names[names.index(distributed.counterpart.name) + 1 :]
    return {
        **_steps_down(distributed, sorted(set(processes), reverse=True)),
        **{name: ladder[name] for name in below},
    }


def _over_processes(device: str, ladder: Mapping[str, str]) -> Distributed | None:
    """Return a distributed backend whose counterpart is on this ladder; a built-in one first."""
    candidates = (
        backend
        for backend in map(registry.load, registry.names())
        if isinstance(backend, Distributed)
        and backend.device == device
        and backend.counterpart.name in ladder
    )
    return next(candidates, None)


def _steps_down(backend: Distributed, counts: Sequence[int]) -> dict[str, str]:
    """Return the variants from most processes to the counterpart, with the cost each removes."""
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


def _single_process_ladder(device: str, batches: bool, attribute: str) -> dict[str, str]:
    steps: dict[str, LadderStep] = {}
    for name in registry.names():
        backend = registry.load(name)
        # Not inherited: a subclass of a backend on the ladder is not itself a variant.
        attributes = vars(type(backend)) | getattr(backend, "__dict__", {})
        step = attributes.get(attribute)
        if isinstance(step, LadderStep) and backend.device == device:
            steps[name] = step
    ladder = [name for name in _descent(None, steps) if batches or not steps[name].needs_batches]
    return {name: _removes(steps[name], ladder) for name in ladder}


def _removes(step: LadderStep, ladder: Sequence[str]) -> str:
    """Return the cost that a variant removes; `STARTS` if the one before is not on this ladder."""
    return step.removes if step.after is None or step.after in ladder else STARTS


def _descent(after: str | None, steps: dict[str, LadderStep]) -> Iterator[str]:
    """Yield the variants after ``after``, depth first where several follow the same variant."""
    for name, step in steps.items():
        if step.after == after:
            yield name
            yield from _descent(name, steps)
