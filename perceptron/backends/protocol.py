"""The promises of a backend. The rest of the suite relies on these two protocols alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from perceptron.machine import THREAD_VARIABLES
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem
from perceptron.problems.problem import Unsupported as Unsupported  # for authors of backends

_T = TypeVar("_T")


@dataclass(frozen=True)
class Score:
    """Scores of the present parameters on one part of the data."""

    loss: float
    """Loss as `Problem` defines it, over all rows of the part."""
    accuracy: float | None
    """Share of the rows whose class is predicted, 0 to 1; None where targets are no classes.

    The predicted class is the largest output; of one output, whether it is above 0.5.
    """


@dataclass(frozen=True)
class Evaluation:
    """Scores of a trainer's present parameters."""

    train: Score
    test: Score | None
    """Scores on the test set; None without one."""


class Trainer(Protocol):
    """A problem made ready on a device. Only `train` is timed.

    With several models (`Problem.models`) an iteration is a step of each, and losses and accuracies
    are their means.
    """

    def train(self, iterations: int) -> None:
        """Take this many steps of the problem's optimizer, a batch each. This call is timed.

        Returns when the work is done, not when it is queued. Training continues with the next
        batch, from the present parameters and the present state of the optimizer: ``train(500)``
        twice leaves what ``train(1000)`` leaves. Batches are those of `Problem.batches`, whose
        orders are made beforehand. Each is gathered by its indices in the timed loop: of
        ``resident`` data on the device, of ``host`` data in host memory, from where it is copied.
        Where the host is the device, a problem's ``feed`` makes no difference.
        """

    def reset(self) -> None:
        """Go back to the start: parameters, optimizer state and first batch; returns when done."""

    def loss(self) -> float:
        """Return the present loss of all training rows, as `Problem` defines it."""

    def evaluate(self) -> Evaluation:
        """Return loss and accuracy on both parts of the data; see `evaluation.evaluate`."""

    def parameters(self) -> list[Array]:
        """Return copies of the parameters: [weights 1 (fan in, fan out), bias 1 (fan out,), …].

        With several models each array has one more axis in front: (models, …).
        """


@dataclass(frozen=True)
class LadderStep:
    """The step that a backend takes in a cost breakdown of `perceptron overhead`."""

    removes: str
    """The cost that this backend removes."""
    after: str | None
    """The backend before this one on the ladder; None for the first."""
    needs_batches: bool = False
    """Whether it takes part only for problems with batches."""


@runtime_checkable
class Backend(Protocol):
    """A way to train. Making a backend is free: heavy imports stay inside the methods.

    Optional attributes and methods:

    * ``imports``: the modules that `prepare` will need. A worker imports them beforehand, so that
      the import does not count as setup.
    * ``compiles``: True if it must not be warmed up on another problem, because its
      compilation counts as setup.
    * ``prepared_from_cache()``: for a backend that compiles, whether the last `prepare` found its
      compiled code in memory or on disk.
    * ``compiled_in(folder)``: the variables with which its processes keep what they compile in a
      folder, and find what others have compiled.
    * ``kernels(problem, dtype)``: the operations dispatched by an iteration (see `kernels.trace`).
    * ``phased``: True if its trainer has ``phases()``, loops that end after ever more phases.
      A trainer on an accelerator may have ``queue(iterations)``: as `Trainer.train`, but it returns
      when the work is queued.
    * ``one_model``: True if it trains no several models together.
    * ``require(problem, dtype)``: raises `Unsupported`, as `prepare` would, where the problem
      alone decides that. Cheap.
    * ``accelerator``: the `accelerators.protocol.Accelerator` that it trains on; none on the CPU.
    * ``unprofiled()``: why its kernels cannot be listed by a profiler, or None.
    * ``least_seconds(problem)``: the least duration of a timed call, so that the cost of the call
      itself does not count as the cost of its iterations. Cheap.
    * ``process_ids()``: the numbers of the processes of a pool that trains different models; the
      list may still be empty.
    * ``ladder_step``: its `LadderStep` in the cost breakdown of one model; not inherited.
    * ``ladder_step_of_models``: the same for several models; not inherited.
    * ``low_precision``: names of further dtypes that it trains in, for `race` alone: agreement
      cannot be shown in them.
    * ``published_dtype``: the `DType` in which the published walk-through ran, or would have run,
      on it; float32 without this attribute.
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

        This is setup, which is measured apart from training. Raises `Unsupported` for a problem
        that this backend cannot train. `Problem.start_parameters` raises it for several models.
        """


@dataclass(frozen=True)
class Counterpart:
    """The backend that trains as a `Distributed` does, without the code that joins processes.

    With ``--processes`` the cost breakdown goes from most processes down to this backend.
    """

    name: str
    removes: str
    """The cost that it removes, compared with the `Distributed` over one process."""
    partners: str
    """The cost that the `Distributed` saves over fewer processes."""


@runtime_checkable
class Distributed(Protocol):
    """A `Backend` that trains one model over several processes together, its ranks.

    Its plain name trains over one process. The threads of its ``environment(threads)`` and of the
    worker are shared out evenly among the ranks. A worker measures memory, threads and waiting in
    these instead of in itself.
    """

    name: str
    device: str
    processes: int
    counterpart: Counterpart

    def over(self, processes: int) -> Backend:
        """Return the same backend over this number of processes.

        Its name ends with ``@`` and their number, unless that is 1.
        """

    def call(self, function: Callable[..., _T], *arguments: Any) -> list[_T]:
        """Return the function's results, one for each rank, which imports its module.

        Ranks that are not there are started first. Raises `RankFailed`.
        """

    def call_running(self, function: Callable[..., _T], *arguments: Any) -> list[_T]:
        """Call a function as `call` does in ranks that are there; [] if there are none.

        Raises nothing: ranks that fail are ended, and the next call says why.
        """

    def process_ids(self) -> list[int]:
        """Return the numbers of the ranks' processes."""


def distributed(backend: Backend) -> Distributed | None:
    """Return the backend if it is `Distributed`."""
    return backend if isinstance(backend, Distributed) else None


def processes_of(backend: Backend) -> int:
    """Return the number of processes that the backend trains over."""
    return backend.processes if isinstance(backend, Distributed) else 1


def least_seconds_of(backend: Backend, problem: Problem) -> float:
    """Return the least seconds of a timed call; 0 unless the backend states them."""
    least_seconds: Callable[[Problem], float] | None = getattr(backend, "least_seconds", None)
    return 0.0 if least_seconds is None else least_seconds(problem)


def refusal(backend: Backend, problem: Problem, dtype: DType) -> str | None:
    """Return why the backend cannot train a problem, or None; cheap, so without `prepare`."""
    require: Callable[[Problem, DType], object] | None = getattr(backend, "require", None)
    try:
        if getattr(backend, "one_model", False):
            problem.require_one_model()
        if require is not None:
            require(problem, dtype)
    except Unsupported as reason:
        return str(reason)
    return None


def threads_of_each(backend: Backend, threads: int) -> int:
    """Return the threads of each process; ``threads`` is their sum.

    Raises `Unsupported` if they cannot be shared out evenly: only equal threads are compared.
    """
    processes = processes_of(backend)
    threads_each, remainder = divmod(threads, processes)
    if remainder or not threads_each:
        raise Unsupported(
            f"{processes} processes cannot share {threads} threads evenly: give "
            f"{max(1, threads_each + bool(remainder)) * processes} threads"
        )
    return threads_each


class RankFailed(Exception):
    """One of the processes that train together failed; the message names it, in one line."""


def thread_variables(threads: int) -> dict[str, str]:
    """Return the variables that give a process's pools (OpenMP, OpenBLAS, …) this many threads.

    Libraries read these when they are imported, so they must be set before the process starts.
    """
    return dict.fromkeys(THREAD_VARIABLES, str(threads))
