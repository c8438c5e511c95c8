"""PyTorch modules that a user wrote, in the worker that trains them unchanged."""

from __future__ import annotations

import inspect
import io
import sys
import time
from itertools import repeat
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from perceptron.backends import registry
from perceptron.backends.accelerators.torch_accelerator import TorchAccelerator
from perceptron.backends.torch_eager import start_again
from perceptron.measure.job import Module, reason_of
from perceptron.measure.memory import keep_freed_memory
from perceptron.measure.pickled import received
from perceptron.measure.timing import Effort, time_training
from perceptron.measure.training import first_touch
from perceptron.records.measurement import Timings


def answer(job: Module, is_first: bool) -> Timings:
    """Time a module; return a failed row if it raises an error."""
    try:
        return _answer(job, is_first)
    except Exception as error:  # noqa: BLE001 the code is the user's
        return Timings(status="failed", reason=reason_of(error))


def _answer(job: Module, is_first: bool) -> Timings:
    backend = registry.load(job.backend)
    if is_first:
        keep_freed_memory()
        first_touch(backend, job)
    if job.step == "start":
        return Timings()
    begin = time.perf_counter()
    training = ModuleTraining(Path(job.problem), backend.device, backend.name.endswith("-compiled"))
    training.train(2)  # compiles; first kernels
    prepare_seconds = time.perf_counter() - begin
    timing = time_training(training, Effort(job.samples, job.minimum_seconds))
    return replace(timing, prepare_seconds=prepare_seconds)


class ModuleTraining:
    """The training loop around a user's module, as a `timing.Repeatable`."""

    def __init__(self, file: Path, device: str, is_compiled: bool) -> None:
        import torch

        self._accelerator = TorchAccelerator(device)
        device_type = self._accelerator.device_type
        parts = torch.load(io.BytesIO(received(file)), map_location=device_type, weights_only=False)
        model, self._loss, self._optimizer, self._batch, feed = parts
        self._tensors = [*model.to(device_type).parameters(), *model.buffers()]
        self._start = [tensor.detach().clone() for tensor in self._tensors]
        for group in self._optimizer.param_groups:
            for parameter in group["params"]:
                state = self._optimizer.state.get(parameter, {})
                # Steps are counted on the host, unless all is to stay on the device.
                stays = group.get("capturable") or group.get("fused")
                if isinstance(state.get("step"), torch.Tensor) and not stays:
                    state["step"] = state["step"].cpu()
        self._model = model
        if is_compiled:
            _find_globals(model)
            self._model = torch.compile(model)
        self._place = None
        if feed == "host":
            self._place = device_type
            self._batch = tuple(tensor.cpu() for tensor in self._batch)

    def train(self, iterations: int) -> None:
        """Take ``iterations`` steps on the batch; a host batch is copied to the device in each."""
        model, loss, optimizer, device = self._model, self._loss, self._optimizer, self._place
        inputs, targets = self._batch
        for _ in repeat(None, iterations):
            if device is not None:
                inputs, targets = (tensor.to(device) for tensor in self._batch)
            error = loss(model(inputs), targets)
            optimizer.zero_grad()
            error.backward()
            optimizer.step()
        self._accelerator.synchronize()

    def reset(self) -> None:
        """Go back to the parameters in the file."""
        start_again(self._tensors, self._start, self._optimizer)
        self._accelerator.synchronize()


def _find_globals(model: Any) -> None:
    """Copy globals that the user's classes refer to into ``__main__``, for the compiler."""
    main = vars(sys.modules["__main__"])
    for kind in {type(part) for part in model.modules()}:
        if kind.__module__ == "__main__":
            for function in filter(inspect.isfunction, vars(kind).values()):
                for name, value in function.__globals__.items():
                    main.setdefault(name, value)
