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
from perceptron.measure.launch import worker_environment
from perceptron.records.environment import Environment, Gpu, ThreadPool

_LIBRARIES = ("perceptron", "numpy", "scipy", "torch", "jax", "jaxlib", "numba", "triton")
_STEERING = re.compile(r"(OMP|GOMP|KMP|OPENBLAS|MKL|BLIS|VECLIB|NUMEXPR|MALLOC|CUDA|TORCH|XLA)_")


def usable_cores() -> int:
    """Logical cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine_name() -> str:
    """This machine's name, fit for a folder."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", platform.node()).strip("-.")[:64] or "unnamed"


def environment(backends: list[Backend], threads: int) -> Environment:
    """The facts, with the thread pools as a worker of these backends will have them.

    BLAS libraries are asked in a process of their own, so that this one stays free of them.
    """
    variables = dict(os.environ)
    for backend in backends:
        with contextlib.suppress(Exception):  # its own worker will say what is wrong with it
            variables |= worker_environment(backend, threads)
    modules = sorted(
        {"numpy", *(name for each in backends for name in getattr(each, "imports", ()))}
    )
    found = subprocess.run(
        [sys.executable, "-m", "perceptron.measure.thread_pools", *modules],
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if found.returncode != 0:
        last = found.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise UserError(f"cannot start a fresh Python process: {' '.join(last)}")
    return Environment(
        cpu=cpu_name(),
        architecture=platform.machine(),
        cores=usable_cores(),
        memory_bytes=psutil.virtual_memory().total,
        system=f"{platform.system()} {_release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        libraries=_libraries(),
        pools=msgspec.json.decode(found.stdout, type=list[ThreadPool]),
        gpus=_gpus(),
        variables={
            name: value for name, value in sorted(variables.items()) if _STEERING.match(name)
        },
    )


def _release() -> str:
    """The system's version; what builders add to its numbers is nobody's business."""
    found = re.match(r"[0-9.]*[0-9]", platform.release())
    return found[0] if found else platform.release()


def cpu_name() -> str:
    """The processor as it calls itself."""
    try:
        from cpuinfo import get_cpu_info
    except ImportError:
        return platform.processor() or "unknown"
    return str(get_cpu_info().get("brand_raw", platform.processor() or "unknown"))


def _libraries() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


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
