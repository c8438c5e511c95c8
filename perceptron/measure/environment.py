"""Facts about this machine, as a worker process finds them.

Started with ``BACKEND …`` and the environment of a worker, this prints what these load: `Loaded`.
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
what lies beneath the libraries and drives a device, by name."""


def environment(backends: list[Backend], threads: int) -> Environment:
    """Return the facts, with the thread pools as a worker of these backends will have them.

    What backends load is asked in a process of its own, so that this one stays free of it.
    """
    variables = dict(os.environ)
    # What trains in one process comes last: facts are not others because more was measured beside.
    for backend in sorted(backends, key=processes_of, reverse=True):
        with suppress(Exception):  # its own worker will say what is wrong with it
            variables |= worker_environment(backend, threads)
    pools, beneath = _loaded([backend.name for backend in backends], variables)
    driver_versions, gpus = gpus_here()
    release = re.match(r"[0-9.]*[0-9]", platform.release())
    return Environment(
        cpu=cpu_name(),
        architecture=platform.machine(),
        cores=usable_cores(),
        memory_bytes=psutil.virtual_memory().total,
        # Without what a distribution appends to the numbers of its kernel.
        system=f"{platform.system()} {release[0] if release else platform.release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        # The library that is loaded says more than a package that lies there.
        libraries=versions_of() | driver_versions | beneath,
        pools=pools,
        gpus=gpus,
        variables=steering_variables(variables),
    )


def _loaded(names: Sequence[str], variables: Mapping[str, str]) -> Loaded:
    """Return what these backends load; raises `UserError` if no process can be started.

    Where they end a process that loads them all, as two builds of one library can, it is asked for
    NumPy alone: what their workers measure must not be lost for this.
    """
    with suppress(UserError):
        return _asked(names, variables)
    return _asked([], variables)


def _asked(names: Sequence[str], variables: Mapping[str, str]) -> Loaded:
    command = fresh_python.command("perceptron.measure.environment", *names)
    try:
        answer = printed(command, _LOADING_SECONDS, variables)
    except subprocess.TimeoutExpired:
        raise UserError(f"libraries took {_LOADING_SECONDS:.0f} s to load") from None
    return msgspec.json.decode(answer, type=Loaded)


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
    """Load NumPy and what the backends need, then print what there is.

    What cannot be loaded is left out: the worker that needs it will say why.
    """
    from threadpoolctl import threadpool_info

    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a module prints is no part of the answer
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
    answer.write(msgspec.json.encode((pools, versions)))
    answer.close()


if __name__ == "__main__":
    print_loaded(sys.argv[1:])
    # At once: unloading takes time, and libraries of GPUs that share a process may not survive it.
    os._exit(0)
