"""Which backends and pairs are compared where the number of processes or of models varies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import lcm

from perceptron.backends import registry
from perceptron.backends.protocol import Distributed, processes_of
from perceptron.errors import UserError
from perceptron.problems import catalogue
from perceptron.problems.families import FAMILIES
from perceptron.problems.problem import Problem
from perceptron.questions.shared.axes import SizeAxis
from perceptron.records.comparison_key import MODELS
from perceptron.statistics.over_processes import POOL, SEQUENTIAL

Pair = tuple[str, str]

# --- processes that train together ----------------------------------------------------------------


def backends_over(named: Sequence[str], counts: Sequence[int]) -> tuple[str, ...]:
    """Return the backends ``named``, else the usual ones, over each of these counts of processes.

    Without names, those that train over several processes join the usual ones. Raises `UserError`
    if there are counts and none of those named takes them.
    """
    usual = (*registry.usual(), *(registry.data_parallel() if counts else ()))
    return registry.over_processes(named or usual, counts)


def pairs_between(counts: Iterable[int]) -> tuple[Pair, ...]:
    """Return the pairs that tell from which size up more processes pay; none without counts.

    That is each count against the one before it, the first against what trains in one process
    without being joined to others, which shows what that costs, and all others against this too.
    """
    pairs: list[Pair] = []
    for name in registry.data_parallel() if (counts := sorted(set(counts))) else ():
        backend = registry.load(name)
        assert isinstance(backend, Distributed)
        first, *more = [backend.over(count).name for count in counts]
        alone = backend.counterpart.name
        pairs += [(alone, first), *pairwise((first, *more)), *((alone, other) for other in more)]
    return tuple(dict.fromkeys(pairs))


def pairs_over(pairs: Iterable[Pair], counts: Sequence[int]) -> tuple[Pair, ...]:
    """Return the pairs once for each count; a backend that trains in one process stays as it is.

    Raises `UserError` if there are counts and none of the backends takes them, or a pair has its
    own.
    """
    pairs = tuple(pairs)
    if not counts or not pairs:
        return pairs
    registry.over_processes([name for pair in pairs for name in pair], counts)
    spread = {
        (_over(one, count), _over(other, count)): f"{one}:{other}"
        for one, other in pairs
        for count in counts
    }
    for (one, other), typed in spread.items():
        if one == other:
            raise UserError(f"--pair {typed} has its number of processes: leave out --processes")
    return tuple(spread)


def counts_of(backends: Iterable[str]) -> tuple[int, ...]:
    """Return the numbers of processes that the data-parallel ones of these backends train over."""
    loaded = [registry.load(name) for name in backends]
    return tuple(sorted({processes_of(one) for one in loaded if isinstance(one, Distributed)}))


def require_backends(backends: Iterable[str], *threads: int) -> None:
    """Raise `UserError` for an unknown backend, and for one that cannot share its threads evenly.

    What is compared has equal threads, those of all processes together. A plan is asked about the
    threads that were typed, and its study, which starts where it measures, about all cores of that
    machine too.
    """
    processes = {name: processes_of(registry.load(name)) for name in backends}
    for number in threads:
        uneven = [name for name, count in processes.items() if number % count]
        if uneven:
            together = lcm(*processes.values())
            enough = -(-number // together) * together
            raise UserError(
                f"--threads {number} cannot be shared evenly by the {processes[uneven[0]]} "
                f"processes of {uneven[0]}: give --threads {enough}, the number for all processes "
                f"together, or --processes that divide {number}"
            )


def _over(name: str, count: int) -> str:
    backend = registry.load(name)
    if registry.OVER in name or not isinstance(backend, Distributed):
        return name
    return backend.over(count).name


# --- many models ----------------------------------------------------------------------------------

PAIRS: tuple[Pair, ...] = (
    ("numpy-sequential", "numpy"),
    ("torch-cpu-sequential", "torch-cpu"),
    ("numpy-sequential", "processes"),
    ("numpy", "torch-cpu"),
    ("numpy", "torch-cpu-bmm"),
    ("numpy", "torch-cuda"),
)
"""Each batched way beside the sequential one, then the ways beside each other.

PyTorch's are two on the CPU: as its documentation writes ensembles, and the fastest.
"""

BESIDE = ("numpy-sequential",)
"""Backends that several models are also trained on, beside the usual ones."""

# Backends that train several models one by one: in sequence, or in a pool of processes
# that each train by the last.
_IN_POOL = "numpy"
# Single trainings take time in proportion to their number: beyond this nothing is to be seen but
# how long that is. For a quick look a few times the number from which on all at once is faster.
_MOST_SINGLE, _MOST_SINGLE_QUICKLY = 256, 16


def pairs_along_models(families: Iterable[str], files: Iterable[str]) -> tuple[Pair, ...]:
    """Return `PAIRS` where all these families and files vary the number of models, else none."""
    axes = [FAMILIES[name].axes for name in families if name in FAMILIES]
    axes += [catalogue.find_all(file)[0].axes for file in files]
    return PAIRS if axes and all(own == (MODELS,) for own in axes) else ()


def usual_for(problem: Problem, counts: Sequence[int] = ()) -> tuple[str, ...]:
    """Return the usual backends and `BESIDE` for several models; none for one.

    Raises `UserError` if several are to be trained over these counts of processes.
    """
    refuse_processes(problem, counts)
    return (*registry.usual(), *BESIDE) if problem.models > 1 else ()


def refuse_processes(problem: Problem, counts: Sequence[int]) -> None:
    """Raise `UserError` for several models and counts of processes: no backend takes both."""
    if counts and problem.models > 1:
        raise UserError(
            f"--processes: no backend trains the {problem.models:,} models of {problem.name} over "
            "several processes together: leave it out"
        )


def between(axis: SizeAxis, pair: Pair, quick: bool = False) -> tuple[int, int]:
    """Return between which sizes a pair is worth comparing along an axis."""
    low, high = axis.low, axis.high
    single = [name for name in pair if name.endswith(SEQUENTIAL) or name == POOL]
    if axis.problem(low).axes != (MODELS,) or not single:
        return low, high
    of_one_model = {_IN_POOL if name == POOL else name.removesuffix(SEQUENTIAL) for name in pair}
    if len(of_one_model) == 1:
        low = max(low, 2)  # one model is the same training on both
    most = _MOST_SINGLE_QUICKLY if quick else _MOST_SINGLE
    return low, min(high, max(low + 1, most))
