"""The backends and pairs to compare when the number of processes or of models varies."""

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
    """Return the backends ``named``, else the usual ones, over each number of processes.

    With ``counts`` and without names, data-parallel backends join the usual ones. Raises
    `UserError` if there are counts and none of the named backends takes them.
    """
    usual = (*registry.usual(), *(registry.data_parallel() if counts else ()))
    return registry.over_processes(named or usual, counts)


def pairs_between(counts: Iterable[int]) -> tuple[Pair, ...]:
    """Return the pairs that show from which size up more processes pay; none without counts.

    Each count is paired with the one before it, and with the backend in a single process without
    communication, which shows what that costs.
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
    """Return the pairs for each number of processes; single-process backends stay as they are.

    Raises `UserError` if no backend takes the counts, or if a pair states its own.
    """
    pairs = tuple(pairs)
    if not counts or not pairs:
        return pairs
    registry.over_processes([name for pair in pairs for name in pair], counts)
    spread = {
        (_over(incumbent, count), _over(challenger, count)): f"{incumbent}:{challenger}"
        for incumbent, challenger in pairs
        for count in counts
    }
    for (incumbent, challenger), typed in spread.items():
        if incumbent == challenger:
            raise UserError(f"--pair {typed} has its number of processes: leave out --processes")
    return tuple(spread)


def counts_of(backends: Iterable[str]) -> tuple[int, ...]:
    """Return the numbers of processes of the data-parallel backends among these, ascending."""
    loaded = [registry.load(name) for name in backends]
    return tuple(
        sorted({processes_of(backend) for backend in loaded if isinstance(backend, Distributed)})
    )


def require_backends(backends: Iterable[str], *threads: int) -> None:
    """Raise `UserError` for an unknown backend, and for one that cannot share its threads evenly.

    Compared backends have equal threads in all processes together. ``threads`` are those typed, and
    in a study also all cores of its machine.
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
"""Batched against sequential training of the same library, then batched ways against each other.

PyTorch has two on the CPU: the one in its documentation of ensembles, and the fastest.
"""

BESIDE = ("numpy-sequential",)
"""Backends that train several models beside the usual ones."""

# The backend that each process of the pool trains one model with.
_IN_POOL = "numpy"
# Single trainings take time in proportion to their number: larger numbers show nothing new. A quick
# run ends at a few times the usual crossover.
_MOST_SINGLE, _MOST_SINGLE_QUICKLY = 256, 16


def pairs_along_models(families: Iterable[str], files: Iterable[str]) -> tuple[Pair, ...]:
    """Return `PAIRS` if all these families and files vary the number of models, else none."""
    axes = [FAMILIES[name].axes for name in families if name in FAMILIES]
    axes += [catalogue.find_all(file)[0].axes for file in files]
    return PAIRS if axes and all(family_axes == (MODELS,) for family_axes in axes) else ()


def usual_for(problem: Problem, counts: Sequence[int] = ()) -> tuple[str, ...]:
    """Return the usual backends and `BESIDE` for several models; none for one model.

    Raises `UserError` for several models with counts of processes.
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
    """Return the smallest and largest size at which a pair is worth comparing along an axis."""
    low, high = axis.low, axis.high
    single = [name for name in pair if name.endswith(SEQUENTIAL) or name == POOL]
    if axis.problem(low).axes != (MODELS,) or not single:
        return low, high
    of_one_model = {_IN_POOL if name == POOL else name.removesuffix(SEQUENTIAL) for name in pair}
    if len(of_one_model) == 1:
        low = max(low, 2)  # one model is the same training on both
    most = _MOST_SINGLE_QUICKLY if quick else _MOST_SINGLE
    return low, min(high, max(low + 1, most))
