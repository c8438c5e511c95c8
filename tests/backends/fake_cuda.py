"""A CUDA for the CPU that records: a replay does again what was recorded, and nothing else.

It holds what capture forbids. Operations are recorded as a graph records kernels, with the tensors
that they were launched on, so what Python computed in between is frozen, as it is on a GPU.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

FORBIDDEN = "CUDA error: operation not permitted when stream is capturing"


class Stream:
    """A stream that writes down what it is asked."""

    def __init__(self, cuda: FakeCuda, name: str) -> None:
        self._cuda, self.name = cuda, name

    def wait_stream(self, other: Stream) -> None:
        self._cuda.log.append(f"{self.name} waits for {other.name}")

    def synchronize(self) -> None:
        self._cuda.synchronize()


class Graph:
    """Operations in their order; in what pool of memory and on which streams."""

    def __init__(self, cuda: FakeCuda) -> None:
        self._cuda = cuda
        self.operations: list[tuple[Any, Any, Any, Any]] = []
        self.pool: object = None
        self.recorded_on = ""
        self.was_collecting = False
        self.replayed_on: list[str] = []

    def replay(self) -> None:
        self.replayed_on.append(self._cuda.current.name)
        self._cuda.log.append(f"replay on {self._cuda.current.name}")
        # Tensors made in inference mode can be written to only there; all others can there too.
        with torch.inference_mode():
            for function, args, kwargs, result in self.operations:
                again = function(*args, **kwargs)
                if not function._schema.is_mutable:
                    _write(result, again)


class FakeCuda:
    """What `torch.cuda` has of streams and graphs."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.graphs: list[Graph] = []
        self.streams: list[Stream] = []
        self.strays: list[str] = []
        """Operations that were not on the first stream that was made."""
        self.current = self.default = Stream(self, "default")
        self.is_capturing = False

    def Stream(self) -> Stream:  # noqa: N802 PyTorch's own name
        self.streams.append(Stream(self, f"side {len(self.streams) + 1}"))
        return self.streams[-1]

    def CUDAGraph(self) -> Graph:  # noqa: N802
        self.graphs.append(Graph(self))
        return self.graphs[-1]

    def graph_pool_handle(self) -> object:
        return object()

    def current_stream(self) -> Stream:
        return self.current

    def synchronize(self) -> None:
        if self.is_capturing:
            raise RuntimeError(FORBIDDEN + "\nCUDA kernel errors might be reported later")
        self.log.append("synchronize")

    @contextmanager
    def stream(self, stream: Stream) -> Iterator[None]:
        before, self.current = self.current, stream
        try:
            yield
        finally:
            self.current = before

    @contextmanager
    def graph(self, graph: Graph, pool: object, stream: Stream) -> Iterator[None]:
        assert not self.is_capturing
        graph.pool, graph.recorded_on = pool, stream.name
        self.log.append(f"record on {stream.name}")
        recorder: Any = _Recorder(graph)  # type: ignore[no-untyped-call]
        graph.was_collecting = gc.isenabled()
        with self.stream(stream), recorder:
            self.is_capturing = True
            try:
                yield
            except RuntimeError:
                # As PyTorch does: to end what has failed fails once more.
                raise RuntimeError("operation failed during capture")  # noqa: B904
            finally:
                self.is_capturing = False

    def watching(self) -> AbstractContextManager[Any]:
        """Return a context in which every operation off the side stream is a stray."""
        watcher: Any = _Watcher(self)  # type: ignore[no-untyped-call]
        return watcher  # type: ignore[no-any-return]


class OnMetaAlone(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Fails where something is computed with a tensor of the host; there no value can be asked."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        result = function(*args, **(kwargs or {}))
        for value in tree_leaves((args, kwargs, result)):
            assert not isinstance(value, torch.Tensor) or value.is_meta, str(function)
        return result


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self, graph: Graph) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._graph = graph

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        if {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape} & set(function.tags):
            raise RuntimeError(FORBIDDEN)
        result = function(*args, **(kwargs or {}))
        if not function.is_view:
            self._graph.operations.append((function, args, kwargs or {}, result))
        return result


class _Watcher(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self, cuda: FakeCuda) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._cuda = cuda

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        cuda = self._cuda
        if not cuda.streams or cuda.current is not cuda.streams[0]:
            cuda.strays.append(f"{function} on {cuda.current.name}")
        return function(*args, **(kwargs or {}))


def _write(result: Any, again: Any) -> None:
    """Put values where the recorded operation put them."""
    if isinstance(result, torch.Tensor):
        if result.data_ptr() != again.data_ptr():
            result.copy_(again)
    elif isinstance(result, list | tuple):
        for part, other in zip(result, again, strict=True):
            _write(part, other)
