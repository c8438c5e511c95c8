"""Facts about this machine, as a worker process finds them."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

import msgspec
import psutil

from perceptron.backends.protocol import Backend
from perceptron.errors import UserError
from perceptron.machine import cpu_name, steering_variables, usable_cores
from perceptron.measure.launch import worker_environment
from perceptron.records.environment import Environment, Gpu, ThreadPool

_LIBRARIES = ("perceptron", "numpy", "scipy", "torch", "jax", "jaxlib", "numba", "triton")


def environment(backends: list[Backend], threads: int) -> Environment:
    """Return the facts, with the thread pools as a worker of these backends will have them.

    BLAS libraries are asked in a process of their own, so that this one stays free of them.
    """
    variables = dict(os.environ)
    for backend in backends:
        with contextlib.suppress(Exception):  # its own worker will say what is wrong with it
            variables |= worker_environment(backend, threads)
    modules = sorted(
        {"numpy", *(name for backend in backends for name in getattr(backend, "imports", ()))}
    )
    process = subprocess.run(
        [sys.executable, "-m", "perceptron.measure.thread_pools", *modules],
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if process.returncode != 0:
        last = process.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise UserError(f"cannot start a fresh Python process: {' '.join(last)}")
    return Environment(
        cpu=cpu_name(),
        architecture=platform.machine(),
        cores=usable_cores(),
        memory_bytes=psutil.virtual_memory().total,
        system=f"{platform.system()} {_release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        libraries=_libraries(),
        pools=msgspec.json.decode(process.stdout, type=list[ThreadPool]),
        gpus=_gpus(),
        variables=steering_variables(variables),
    )


def _release() -> str:
    """Return the kernel's version without what a distribution appends to its numbers."""
    version_number = re.match(r"[0-9.]*[0-9]", platform.release())
    return version_number[0] if version_number else platform.release()


def _libraries() -> dict[str, str]:
    versions = {}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def _gpus() -> list[Gpu]:
    try:
        import pynvml
    except ImportError:
        return []
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    driver = pynvml.nvmlSystemGetDriverVersion()
    devices = map(pynvml.nvmlDeviceGetHandleByIndex, range(pynvml.nvmlDeviceGetCount()))
    return [
        Gpu(
            name=pynvml.nvmlDeviceGetName(device),
            driver=driver,
            memory_bytes=pynvml.nvmlDeviceGetMemoryInfo(device).total,
        )
        for device in devices
    ]
