"""Facts about this machine, as a worker process finds them."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec
import psutil

from perceptron.backends.data_parallel.nodes import NODES
from perceptron.backends.protocol import Backend, nodes_of, processes_of
from perceptron.errors import UserError
from perceptron.library_versions import PACKAGES
from perceptron.machine import cpu_name, steering_variables, usable_cores
from perceptron.measure.launch import worker_environment
from perceptron.measure.loaded_libraries import LoadedLibraries
from perceptron.measure.nvml import NoDevice, driver, started
from perceptron.records.environment import Environment, Gpu

# With a cold disk cache the libraries of a GPU take half of it.
_LOADING_SECONDS = 90.0


def environment(backends: list[Backend], threads: int) -> Environment:
    """Return the facts, with the thread pools as a worker of these backends will have them.

    What backends load is asked in a process of its own, so that this one stays free of it.
    """
    variables = dict(os.environ)
    # What trains in one process comes last: facts are not others because more was measured beside.
    for backend in sorted(backends, key=processes_of, reverse=True):
        with suppress(Exception):  # its own worker will say what is wrong with it
            variables |= worker_environment(backend, threads)
    loaded = _loaded([backend.name for backend in backends], variables)
    driver_versions, gpus = gpus_here()
    return Environment(
        cpu=cpu_name(),
        architecture=platform.machine(),
        cores=usable_cores(),
        memory_bytes=psutil.virtual_memory().total,
        system=f"{platform.system()} {_release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        # The library that is loaded says more than a package that lies there.
        libraries=_packages() | driver_versions | loaded.versions,
        pools=loaded.pools,
        gpus=gpus,
        variables=steering_variables(variables) | _several_nodes(backends),
    )


def _several_nodes(backends: Iterable[Backend]) -> dict[str, str]:
    """Return the most nodes that one of these backends trains over, where they are several.

    What crosses a network has other facts, so that nothing takes it for what does not. Which nodes
    they are is nothing to publish.
    """
    nodes = max(map(nodes_of, backends), default=1)
    return {NODES: str(nodes)} if nodes > 1 else {}


def _loaded(names: Sequence[str], variables: Mapping[str, str]) -> LoadedLibraries:
    """Return what these backends load; raises `UserError` if no process can be started.

    Where they end a process that loads them all, as two builds of one library can, each is asked
    by itself: what their workers measure must not be lost for this.
    """
    try:
        return _asked(names, variables)
    except _NoAnswer:
        if not names:
            raise
    answers = [_asked([], variables)]
    for name in names:
        with suppress(_NoAnswer):
            answers.append(_asked([name], variables))
    pools = {pool: None for answer in answers for pool in answer.pools}
    versions = {what: which for answer in answers for what, which in answer.versions.items()}
    return LoadedLibraries(pools=list(pools), versions=versions)


class _NoAnswer(UserError):
    """A process that loads libraries did not say what it had loaded."""


def _asked(names: Sequence[str], variables: Mapping[str, str]) -> LoadedLibraries:
    try:
        process = subprocess.run(
            [sys.executable, "-m", "perceptron.measure.loaded_libraries", *names],
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_LOADING_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise _NoAnswer(f"libraries took {_LOADING_SECONDS:.0f} s to load") from None
    if process.returncode != 0:
        last = process.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise _NoAnswer(f"cannot start a fresh Python process: {' '.join(last)}")
    return msgspec.json.decode(process.stdout, type=LoadedLibraries)


def _release() -> str:
    """Return the kernel's version without what a distribution appends to its numbers."""
    version_number = re.match(r"[0-9.]*[0-9]", platform.release())
    return version_number[0] if version_number else platform.release()


def _packages() -> dict[str, str]:
    versions: dict[str, str] = {}
    for name, packages in PACKAGES.items():
        for package in packages:
            with suppress(PackageNotFoundError):
                versions.setdefault(name, version(package))
    return versions


def gpus_here(nvml: Any = None) -> tuple[dict[str, str], list[Gpu]]:
    """Return the version of CUDA that NVIDIA's driver can run, and the GPUs that it drives."""
    try:
        nvml = driver() if nvml is None else started(nvml)
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
