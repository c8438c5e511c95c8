"""Work that is recorded once on a device and replayed: on which stream, and what it must not do.

Autograd keeps to the stream on which it first saw a parameter, and PyTorch's allocator keeps the
memory of each stream apart. So one stream is shared by all that a trainer does: it makes its
tensors there, warms up, records, replays and is evaluated there.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol

from perceptron.backends.protocol import Unsupported

if TYPE_CHECKING:
    import torch

Work = Callable[[], None]

# Until cuBLAS has its workspaces and the allocator its blocks; PyTorch's notes on CUDA graphs
# take three.
WARM_UP_CALLS = 3


class Capture(Protocol):
    """A stream of a device, and what records the work on it."""

    def on_stream(self) -> AbstractContextManager[None]:
        """Make the stream the current one.

        It begins after all that was queued before, and what is queued afterwards begins after it.
        """

    def record(self, work: Work, host_values: Sequence[torch.Tensor] = ()) -> Work:
        """Return what does ``work`` again without launching it piece by piece.

        To be called on the stream. Warming up and recording do the work several times. Raises
        `Unsupported` if the work does what cannot be recorded; it may read ``host_values``.
        """


class NotRecorded(RuntimeError):
    """The device refused to record; the message has its first line."""


class CudaCapture:
    """Records CUDA graphs, all on one stream and in one pool of memory.

    Graphs may share a pool, in whatever order they are replayed, because nothing that lies in it
    is read by another graph: what lives longer than a graph was made before the first one.

    ``cuda`` has what `torch.cuda` has.
    """

    def __init__(self, cuda: Any, device: str = "cuda") -> None:
        self._cuda, self._device = cuda, device
        self._stream = cuda.Stream()  # capture is forbidden on the default stream
        self._pool = cuda.graph_pool_handle()

    @contextmanager
    def on_stream(self) -> Iterator[None]:
        outside = self._cuda.current_stream()
        self._stream.wait_stream(outside)
        with self._cuda.stream(self._stream):
            yield
        outside.wait_stream(self._stream)

    def record(self, work: Work, host_values: Sequence[torch.Tensor] = ()) -> Work:
        for _ in range(WARM_UP_CALLS - 1):
            work()
        with refusing(self._device, host_values):
            work()
        self._stream.synchronize()
        graph = self._cuda.CUDAGraph()
        try:
            with self._cuda.graph(graph, pool=self._pool, stream=self._stream):
                work()
        except RuntimeError as error:
            first, *_ = str(error).splitlines() or [type(error).__name__]
            raise NotRecorded(f"a CUDA graph could not be recorded: {first}") from error
        replay: Work = graph.replay
        return replay


class Repeating:
    """Records nothing: it repeats the work, and refuses what a device would refuse."""

    def on_stream(self) -> AbstractContextManager[None]:
        return nullcontext()

    def record(self, work: Work, host_values: Sequence[torch.Tensor] = ()) -> Work:
        with refusing("cpu", host_values):
            work()
        return work


def capture(place: str) -> Capture:
    """Return what records there: graphs of a GPU; on the CPU nothing does, but it refuses alike."""
    if place == "cpu":
        return Repeating()
    import torch

    # A graph that is destroyed while another is recorded would spoil it: those that nobody holds
    # go now.
    gc.collect()
    return CudaCapture(torch.cuda)


def refusing(device: str, host_values: Sequence[torch.Tensor] = ()) -> AbstractContextManager[None]:
    """Return a context in which an operation that cannot be recorded raises `Unsupported`.

    That is one whose result or shape Python must ask the device for, and one on tensors elsewhere:
    a replay would see the value that was there while it was recorded. Reading ``host_values`` is
    permitted.
    """
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    asking = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
    permitted = {tensor.data_ptr() for tensor in host_values}

    def require(is_recordable: bool, function: Any, why: str) -> None:
        if not is_recordable:
            raise Unsupported(f"its step cannot be recorded: {function} {why}")

    def require_here(function: Any, values: Any) -> None:
        for value in tree_leaves(values):
            where = value.device if isinstance(value, torch.Tensor) else value
            if isinstance(where, torch.device):
                require(where.type == device, function, f"works on {where.type}, not on {device}")

    class Refusing(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            first = args[0] if args else None
            if not (isinstance(first, torch.Tensor) and first.data_ptr() in permitted):
                require(asking.isdisjoint(function.tags), function, "asks the device for a value")
                require_here(function, (args, kwargs))
            result = function(*args, **(kwargs or {}))
            require_here(function, result)
            return result

    mode: AbstractContextManager[None] = Refusing()  # type: ignore[no-untyped-call]
    return mode
