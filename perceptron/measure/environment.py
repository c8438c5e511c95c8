"""Facts about this machine, as a worker process finds them.

Run with ``BACKEND …`` and the environment of a worker, this module prints their `Loaded`.
"""

from __future__ import annotations

import importlib
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

import msgspec
import psutil

from perceptron.backends import registry
from perceptron.backends.accelerators.protocol import accelerator_of
from perceptron.backends.protocol import Backend, processes_of
from perceptron.errors import UserError
from perceptron.machine import cpu_name, steering_variables, usable_cores
from perceptron.measure.launch import printed, worker_environment
from perceptron.measure.library_versions import versions_of
from perceptron.measure.nvml import NoDevice, driver
from perceptron.processes import fresh_python
from perceptron.records.environment import Environment, Gpu, ThreadPool

# With a cold disk cache the libraries of a GPU take half of it.
_LOADING_SECONDS = 90.0

Loaded = tuple[list[ThreadPool], dict[str, str]]
"""The thread pools of a process, without paths, which would name a user's home; and the versions of
the lower-level libraries and drivers of devices, by name."""


def environment(backends: list[Backend], threads: int) -> Environment:
    """Return the facts, with the thread pools as a worker of these backends will have them.

    Another process loads the libraries of the backends, so that this one does not.
    """
    variables = dict(os.environ)
    # Backends of one process come last: a backend over several must not change their facts.
    for backend in sorted(backends, key=processes_of, reverse=True):
        with suppress(Exception):  # its worker will report the error
            variables |= worker_environment(backend, threads)
    pools, beneath = _loaded([backend.name for backend in backends], variables)
    driver_versions, gpus = gpus_here()
    release = re.match(r"[0-9.]*[0-9]", platform.release())
    return Environment(
        cpu=cpu_name(),
        architecture=platform.machine(),
        cores=usable_cores(),
        memory_bytes=psutil.virtual_memory().total,
        # Without the suffix that a distribution appends to the version of its kernel.
        system=f"{platform.system()} {release[0] if release else platform.release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        # The version of the loaded library wins over that of an installed package.
        libraries=versions_of() | driver_versions | beneath,
        pools=pools,
        gpus=gpus,
        variables=steering_variables(variables),
    )


def _loaded(names: Sequence[str], variables: Mapping[str, str]) -> Loaded:
    """Return the pools and versions of these backends; raises `UserError` if no process starts.

    Two builds of one library can end a process that loads both. The answer is then that of NumPy
    alone, so that no measurement is lost.
    """
    with suppress(UserError):
        return _query(names, variables)
    return _query([], variables)


def _query(names: Sequence[str], variables: Mapping[str, str]) -> Loaded:
    command = fresh_python.command("perceptron.measure.environment", *names)
    try:
        output = printed(command, _LOADING_SECONDS, variables)
    except subprocess.TimeoutExpired:
        raise UserError(f"libraries took {_LOADING_SECONDS:.0f} s to load") from None
    return msgspec.json.decode(output, type=Loaded)


def gpus_here() -> tuple[dict[str, str], list[Gpu]]:
    """Return the version of CUDA that NVIDIA's driver can run, and the GPUs that it drives."""
    try:
        nvml = driver()
    except NoDevice:
        return {}, []
    try:
        cuda = nvml.nvmlSystemGetCudaDriverVersion()
        version_of_driver = nvml.nvmlSystemGetDriverVersion()
        devices = map(nvml.nvmlDeviceGetHandleByIndex, range(nvml.nvmlDeviceGetCount()))
        return {"cuda driver": f"{cuda // 1000}.{cuda % 1000 // 10}"}, [
            Gpu(
                name=nvml.nvmlDeviceGetName(device),
                driver=version_of_driver,
                memory_bytes=nvml.nvmlDeviceGetMemoryInfo(device).total,
            )
            for device in devices
        ]
    except nvml.NVMLError:
        return {}, []


def print_loaded(backends: Sequence[str]) -> None:
    """Load NumPy and the libraries of the backends, then print the pools and versions.

    A library that cannot be loaded is skipped: the worker that needs it will report why.
    """
    from threadpoolctl import threadpool_info

    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # the output of modules is no part of the answer
    versions: dict[str, str] = {}
    importlib.import_module("numpy")
    for name in backends:
        with suppress(Exception):
            backend = registry.load(name)
            for module in getattr(backend, "imports", ()):
                importlib.import_module(module)
            if accelerator := accelerator_of(backend):
                versions |= accelerator.versions()
    pools = [
        ThreadPool(
            library=pool["internal_api"],
            version=pool.get("version"),
            kernel=pool.get("architecture"),
            threads=pool.get("num_threads"),
        )
        for pool in threadpool_info()
    ]
    output.write(msgspec.json.encode((pools, versions)))
    output.close()


if __name__ == "__main__":
    print_loaded(sys.argv[1:])
    # At once: unloading takes time, and libraries of GPUs that share a process may not survive it.
    os._exit(0)
