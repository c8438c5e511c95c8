"""All backends: a table of the built-in ones, and those of other packages.

A new built-in backend is one file and one line here. Another package adds a backend through the
entry-point group ``perceptron.backends``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points

from perceptron.backends.accelerators.torch_accelerator import surely_unavailable
from perceptron.backends.protocol import Backend, Distributed, Trainer
from perceptron.errors import UserError, unknown
from perceptron.problems.problem import DType, Problem

GROUP = "perceptron.backends"
OVER = "@"
"""The separator of a backend's name and its number of processes, as in ``torch-ddp@2``."""

# name → where it is, written as an entry point writes it
BUILT_IN: dict[str, str] = {
    "numpy": "perceptron.backends.numpy_backend:BACKEND",
    "numpy-published": "perceptron.backends.numpy_published:BACKEND",
    "numpy-plain": "perceptron.backends.numpy_plain:BACKEND",
    "numpy-inplace": "perceptron.backends.numpy_inplace:BACKEND",
    "python": "perceptron.backends.python_backend:BACKEND",
    "numba": "perceptron.backends.numba_backend:BACKEND",
    "torch-cpu": "perceptron.backends.torch_eager:CPU",
    "torch-cpu-dataloader": "perceptron.backends.torch_dataloader:CPU",
    "torch-cpu-fused": "perceptron.backends.torch_eager:CPU_FUSED",
    "torch-cpu-functional": "perceptron.backends.torch_functional:BACKEND",
    "torch-cpu-manual": "perceptron.backends.torch_manual:BACKEND",
    "torch-cpu-bmm": "perceptron.backends.torch_manual:BMM",
    "torch-cpu-compiled": "perceptron.backends.torch_compiled:BACKEND",
    "torch-ddp": "perceptron.backends.data_parallel.backend:CPU",
    "jax-cpu": "perceptron.backends.jax_backend:CPU",
    "torch-cuda": "perceptron.backends.torch_eager:CUDA",
    "torch-cuda-dataloader": "perceptron.backends.torch_dataloader:CUDA",
    "torch-cuda-fused": "perceptron.backends.torch_eager:CUDA_FUSED",
    "torch-cuda-manual": "perceptron.backends.torch_manual:CUDA_BACKEND",
    "torch-cuda-manual-graph": "perceptron.backends.torch_cuda_graph:MANUAL",
    "torch-cuda-bmm": "perceptron.backends.torch_manual:CUDA_BMM",
    "torch-cuda-compiled": "perceptron.backends.torch_compiled:CUDA_BACKEND",
    "torch-cuda-graph": "perceptron.backends.torch_cuda_graph:BACKEND",
    "torch-cuda-persistent": "perceptron.backends.torch_cuda_persistent:BACKEND",
    "torch-ddp-cuda": "perceptron.backends.data_parallel.backend:CUDA",
    "cupy": "perceptron.backends.cupy_backend:BACKEND",
    "jax-cuda": "perceptron.backends.jax_backend:CUDA",
    "torch-mps": "perceptron.backends.torch_eager:MPS",
    "torch-xpu": "perceptron.backends.torch_eager:XPU",
    "processes": "perceptron.backends.processes:BACKEND",
    "numpy-sequential": "perceptron.backends.sequential:NUMPY",
    "numba-sequential": "perceptron.backends.sequential:NUMBA",
    "torch-cpu-sequential": "perceptron.backends.sequential:TORCH_CPU",
    "jax-cpu-sequential": "perceptron.backends.sequential:JAX_CPU",
    "torch-cuda-sequential": "perceptron.backends.sequential:TORCH_CUDA",
}

_MOST_PROCESSES = 4096

# What a comparison runs by default, on any machine.
DEFAULT: tuple[str, ...] = ("numpy", "torch-cpu", "torch-cuda")
_OTHER_DEVICES = {"torch-mps": "mps", "torch-xpu": "xpu"}


def names() -> list[str]:
    """Return the names of all backends, built-in ones first; imports nothing."""
    return [*BUILT_IN, *sorted(_foreign())]


def usual() -> tuple[str, ...]:
    """Return `DEFAULT`, and the backends of other devices that this machine seems to have.

    Imports nothing: importing PyTorch to be sure would take seconds.
    """
    others = (name for name, kind in _OTHER_DEVICES.items() if surely_unavailable(kind) is None)
    return (*DEFAULT, *others)


def load(name: str) -> Backend:
    """Load the backend of this name; raises `UserError` with the nearest name if there is none.

    ``torch-ddp@2`` is ``torch-ddp`` over two processes; ``torch-ddp`` trains over one.

    If another package's backend fails to load, return a backend that is unavailable and says why:
    a mistake in another package must not take the other backends down.
    """
    alone, over, count = name.partition(OVER)
    if over and (alone in BUILT_IN or alone in _foreign()):
        return _over(load(alone), name, count)
    if name in BUILT_IN:
        backend: Backend = EntryPoint(name, BUILT_IN[name], GROUP).load()
        return backend
    foreign = _foreign()
    if name not in foreign:
        raise unknown("backend", name, names())
    try:
        entry = foreign[name].load()
        candidate = entry() if isinstance(entry, type) else entry
    except Exception as error:  # noqa: BLE001 an import may do anything
        return _Broken(name, f"cannot be loaded: {type(error).__name__}: {error}")
    if not isinstance(candidate, Backend):
        members = ("name", "device", "summary", "unavailable", "environment", "prepare")
        missing = [word for word in members if not hasattr(candidate, word)]
        return _Broken(name, f"is not a backend: it has no {', '.join(missing)}")
    return candidate


def _over(backend: Backend, name: str, count: str) -> Backend:
    """Return the backend over ``count`` processes; raises `UserError` if it trains in one only."""
    if not (count.isascii() and count.isdecimal() and 1 <= int(count) <= _MOST_PROCESSES):
        raise UserError(
            f"backend {name!r}: give a number of processes after {OVER}, such as {backend.name}@2"
        )
    if not isinstance(backend, Distributed):
        raise UserError(
            f"backend {name!r}: {backend.name} trains in one process: leave out {OVER}{count}"
        )
    return backend.over(int(count))


def published_dtype(name: str) -> DType:
    """Return the dtype in which the walk-through trained: float64 in NumPy, float32 in PyTorch.

    Variants below NumPy use its dtype, so that the ladder removes one thing at a time.
    """
    dtype: DType = getattr(load(name), "published_dtype", "float32")
    return dtype


def is_name(name: str) -> bool:
    """Return whether this is a backend's name, with or without ``@`` and processes."""
    alone = name.partition(OVER)[0]
    known_names = names()
    return name in known_names or alone in known_names


def data_parallel() -> tuple[str, ...]:
    """Return the built-in backends that train over several processes, on devices of this machine.

    Backends of the CPU are included even if unavailable: their row says why.
    """
    loaded = [load(name) for name in BUILT_IN]
    return tuple(
        backend.name
        for backend in loaded
        if isinstance(backend, Distributed)
        and (backend.device == "cpu" or reason_unavailable(backend.name) is None)
    )


def over_processes(names: Iterable[str], counts: Sequence[int]) -> tuple[str, ...]:
    """Repeat each backend that trains over several processes for each count; keep the others.

    >>> over_processes(["numpy", "torch-ddp"], [1, 2])
    ('numpy', 'torch-ddp', 'torch-ddp@2')

    Raises `UserError` if there are counts and none of the backends takes them.
    """
    spread: list[str] = []
    is_spread = False
    for name in names:
        if counts and isinstance(backend := load(name), Distributed) and OVER not in name:
            is_spread = True
            spread += [backend.over(count).name for count in counts]
        else:
            spread.append(name)
    if counts and not is_spread:
        raise UserError(
            f"--processes: {', '.join(spread)} train in one process: name one that trains over "
            "several, such as torch-ddp"
        )
    return tuple(dict.fromkeys(spread))


def reason_unavailable(name: str) -> str | None:
    """Return why this backend cannot run here, in one line; None if it can.

    Raises `UserError` for an unknown name.
    """
    backend = load(name)
    try:
        reason = backend.unavailable()
    except Exception as error:  # a foreign probe may do anything
        if name in BUILT_IN:
            raise
        reason = f"cannot be asked: {type(error).__name__}: {error}"
    return None if reason is None else " ".join(str(reason).split())


def _foreign() -> dict[str, EntryPoint]:
    installed = {entry.name: entry for entry in entry_points(group=GROUP)}
    return {name: entry for name, entry in installed.items() if name not in BUILT_IN}


class _Broken:
    """Stands in for another package's backend that could not be loaded."""

    device = "unknown"
    summary = ""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self._reason = reason

    def unavailable(self) -> str | None:
        return self._reason

    def environment(self, threads: int) -> dict[str, str]:
        return {}

    def prepare(self, problem: Problem, dtype: DType) -> Trainer:
        raise RuntimeError(f"backend {self.name!r} {self._reason}")
