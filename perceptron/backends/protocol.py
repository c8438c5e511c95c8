"""What a backend promises. Everything else in the suite relies on these two protocols alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from perceptron.machine import THREAD_VARIABLES
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem
from perceptron.problems.problem import Unsupported as Unsupported  # authors find all here

_T = TypeVar("_T")


@dataclass(frozen=True)
class Score:
    """How well the present parameters do on one part of the data."""

    loss: float
    """As `Problem` defines it, over all rows of the part at once."""
    accuracy: float | None
    """Share of the rows whose class is predicted, 0 to 1; None where targets are no classes.

    The predicted class is the largest output; of one output, whether it is above 0.5.
    """


@dataclass(frozen=True)
class Evaluation:
    """How well a trainer's present parameters do."""

    train: Score
    test: Score | None
    """On the held-out part; None if nothing is held out."""


class Trainer(Protocol):
    """A problem made ready on a device. Nothing but `train` is ever timed.

    Of several models at once (`Problem.models`) an iteration is a step of each, and losses and
    accuracies are their means.

    It may have ``least_seconds``: how long a timed call should take at least, so that what it costs
    once, whatever the iterations, is not taken for what they cost.
    """

    def train(self, iterations: int) -> None:
        """Take this many steps of the problem's optimizer, a batch each: THE timed call.

        Returns only when the work is done, not when it is queued. Training continues with the next
        batch, from the present parameters and the present state of the optimizer: ``train(500)``
        twice leaves what ``train(1000)`` leaves. Batches are those of `Problem.batches`, made
        beforehand.
        """

    def reset(self) -> None:
        """Go back to the start: parameters, optimizer state and first batch; returns when done."""

    def loss(self) -> float:
        """Return the present loss of all training rows, as `Problem` defines it."""

    def evaluate(self) -> Evaluation:
        """Return loss and accuracy on both parts of the data; see `evaluation.evaluate`."""

    def parameters(self) -> list[Array]:
        """Return copies of the parameters: [weights 1 (fan in, fan out), bias 1 (fan out,), …].

        Of several models at once each array has one axis more, in front: (models, …).
        """


@dataclass(frozen=True)
class LadderStep:
    """Where a backend stands on a ladder of `perceptron overhead`."""

    removes: str
    """What this backend does away with."""
    after: str | None
    """The backend that it removes this from; None where a ladder starts."""
    needs_batches: bool = False
    """Whether it stands only on the ladder of a problem with batches."""


@runtime_checkable
class Backend(Protocol):
    """A way to train. Making one is free: heavy imports stay inside the methods.

    What follows a backend may have besides:

    * ``imports``: the modules that `prepare` will need. A worker imports them beforehand, so that
      the import does not count as preparing.
    * ``compiles``: True if it must not be warmed up on another problem, because what it compiles
      counts as preparing.
    * ``prepared_from_cache()``: for one that compiles, whether the last `prepare` had, or found on
      disk, what it would have compiled.
    * ``kernels(problem, dtype)``: what an iteration dispatches (see `kernels.trace`).
    * ``phased``: True if its trainer has ``phases()``, loops that end after ever more phases.
      A trainer on an accelerator may have ``queue(iterations)``: as `Trainer.train`, but it returns
      when the work is queued.
    * ``require(problem, dtype)``: raises `Unsupported`, as `prepare` would, where that can be told
      from the problem alone. Cheap.
    * ``accelerator``: the `accelerators.protocol.Accelerator` that it trains on; none on the CPU.
    * ``ranks``: the `Ranks` of one that trains over several processes.
    * ``unprofiled()``: why its kernels cannot be listed by a profiler, or None.
    * ``least_seconds(problem)``: the ``least_seconds`` of the trainer that `prepare` would make,
      from which a study estimates what measuring will take. Cheap.
    * ``process_ids()``: the numbers of processes that it has do its work, where it trains no model
      over several of them together; none may be there yet.
    * ``rung``: its `LadderStep`, if it stands on the ladder of one model; not inherited.
    * ``rung_of_models``: the same, on the ladder of several models at once; not inherited.
    * ``counterpart``: of a `Distributed`, its `Counterpart`.
    * ``low_precision``: names of dtypes beside float32 and float64 that it trains in, for `race`
      alone: agreement cannot be shown in them.
    * ``published_dtype``: the `DType` in which the walk-through was, or would have been, published
      with it; float32 without this.
    """

    name: str
    device: str
    summary: str

    def unavailable(self) -> str | None:
        """Return why this backend cannot run here, in one line, or None. Cheap."""

    def environment(self, threads: int) -> dict[str, str]:
        """Return the variables that a worker must be started with to use this many threads."""

    def prepare(self, problem: Problem, dtype: DType) -> Trainer:
        """Allocate, copy to the device, compile, warm up; then stand at the start parameters.

        Not part of a training's time: it is measured apart. Raises `Unsupported` for a problem
        that this backend cannot train; one that trains a single model only needs to do nothing for
        that, because `Problem.start_parameters` does.
        """


@dataclass(frozen=True)
class Counterpart:
    """The backend that trains as a `Distributed` does, without what joins several processes.

    Where processes are asked for, the ladder goes down from most processes to this one.
    """

    name: str
    removes: str
    """What it does away with beside the `Distributed` over one process."""
    partners: str
    """What the `Distributed` does away with over fewer processes."""


@runtime_checkable
class Distributed(Protocol):
    """A `Backend` that trains one model over several processes together.

    What is loaded by its name alone trains over one process. Its ``environment(threads)`` and the
    worker's threads are those of all processes together, which share them out evenly.
    """

    name: str
    processes: int

    def over(self, processes: int) -> Backend:
        """Return the same backend over so many processes.

        Its name ends with ``@`` and their number, unless that is 1.
        """


class Ranks(Protocol):
    """The processes of a `Distributed` backend, for `perceptron.measure`; see `ranks_of`."""

    def call(self, function: Callable[..., _T], *arguments: Any) -> list[_T]:
        """Return what the function returns in each rank, which imports its module.

        Ranks that are not there are started first. Raises `RankFailed`.
        """

    def call_running(self, function: Callable[..., _T], *arguments: Any) -> list[_T]:
        """Call a function as `call` does in ranks that are there; [] if there are none.

        Raises nothing: ranks that fail are ended, and what is asked of them next says why.
        """

    def on_each_node(self) -> int:
        """Return how many of them share the memory of a machine."""

    def process_ids(self) -> list[int] | None:
        """Return the numbers of the processes; None if some run on another machine."""


def ranks_of(backend: Backend) -> Ranks | None:
    """Return the processes that train together, in a backend's attribute ``ranks``, if it has it.

    A worker measures in them what it measures in itself otherwise: memory, threads, waiting.
    """
    ranks: Ranks | None = getattr(backend, "ranks", None)
    return ranks


def processes_of(backend: Backend) -> int:
    """Return how many processes the backend trains over."""
    return backend.processes if isinstance(backend, Distributed) else 1


def nodes_of(backend: Backend) -> int:
    """Return over how many machines the processes that train together are shared out.

    Raises `UserError` if they cannot be.
    """
    ranks = ranks_of(backend)
    return 1 if ranks is None else processes_of(backend) // ranks.on_each_node()


def least_seconds_of(backend: Backend, problem: Problem) -> float | None:
    """Return how long a timed call must take at least, if the backend has that to say."""
    asked: Callable[[Problem], float] | None = getattr(backend, "least_seconds", None)
    return None if asked is None else asked(problem)


def refusal(backend: Backend, problem: Problem, dtype: DType) -> str | None:
    """Return why the backend cannot train a problem, if it can say so without preparing."""
    require: Callable[[Problem, DType], object] | None = getattr(backend, "require", None)
    try:
        if require is not None:
            require(problem, dtype)
    except Unsupported as reason:
        return str(reason)
    return None


def threads_of_each(backend: Backend, threads: int) -> int:
    """Return the threads of each process where all together have so many.

    Raises `Unsupported` if they cannot be shared out evenly: what is compared has equal threads.
    """
    processes = processes_of(backend)
    each, rest = divmod(threads, processes)
    if rest or not each:
        raise Unsupported(
            f"{processes} processes cannot share {threads} threads evenly: give --threads "
            f"{max(1, each + bool(rest)) * processes}"
        )
    return each


class RankFailed(Exception):
    """One of the processes that train together failed; the message names it, in one line."""


def thread_variables(threads: int) -> dict[str, str]:
    """Return the environment of a process whose thread pools (OpenMP, OpenBLAS, …) have this size.

    Libraries read these when they are imported, so they must be set before the process starts.
    """
    return dict.fromkeys(THREAD_VARIABLES, str(threads))
