"""Facts of this machine, for measuring and for comparing alike."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from perceptron.errors import UserError
from perceptron.options import option

_OF_LIBRARIES = re.compile(
    r"(OMP|GOMP|KMP|OPENBLAS|MKL|BLIS|VECLIB|NUMEXPR|MALLOC|CUDA|CUBLAS|NVIDIA|TORCH|PYTORCH|TORCHINDUCTOR"
    r"|TRITON|CUPY|JAX|XLA)_"
)
# A word with a folder in it, and a value that is nothing else.
_PATH_WORD = re.compile(r"""[^\s,;='"]*[/\\][^\s,;='"]*""")
_WHOLE_PATH = re.compile(r"([/\\~]|[A-Za-z]:[/\\])")
PATH = "(path)"
_FIELD = re.compile(r"^([^:\n]+):(.*)$", re.MULTILINE)
_OF_A_CPU = re.compile(r"^(?:vendor_id|cpu family|model|model name|CPU \w+)\s*:.*", re.MULTILINE)
_OF_THE_INTERPRETER = frozenset({"PYTHONMALLOC", "PYTHONOPTIMIZE"})

# Several to a core are worth a look; of a thousand the libraries start as many as they like.
_MOST_THREADS_A_CORE = 16

# A kernel keeps some memory to itself, and another one more or less of it.
_SAME_MEMORY = 2**31

# The size of every thread pool we know; read when a library is imported.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


def usable_cores() -> int:
    """Return how many logical cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def require_threads(number: int) -> None:
    """Raise `UserError` for more threads than could be of any use on these cores."""
    if number > (most := _MOST_THREADS_A_CORE * usable_cores()):
        raise UserError(
            f"{option('threads', f'{number:,}')} is too many for the {usable_cores()} cores here: "
            f"give at most {most:,}"
        )


def machine_name() -> str:
    """Return this machine's name, fit for a folder."""
    return folder_name(platform.node()) or "unnamed"


def folder_name(name: str) -> str:
    """Return a machine's name, fit for a folder; empty where nothing of it is."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:64]


@lru_cache(maxsize=1)
def cpu_name() -> str:
    """Return the processor's name, as it states it.

    In a virtual machine that may be the name of a whole line of processors, of which one takes half
    the time of another: then family and model follow. ARM's have numbers alone.
    """
    core = {name.strip(): value.strip() for name, value in _FIELD.findall(_first_core())}
    if "CPU part" in core:
        return f"ARM (implementer {core.get('CPU implementer')}, part {core['CPU part']})"
    name = core.get("model name") or core.get("cpu") or core.get("uarch") or _name_on_macos()
    name = name or platform.processor() or "unknown"
    if "cpu family" not in core or any(character.isdigit() for character in name):
        return name
    return f"{name} (family {core['cpu family']}, model {core.get('model', 'unknown')})"


def _first_core() -> str:
    """Return Linux's facts about the first core, a field a line; empty elsewhere."""
    with suppress(OSError), Path("/proc/cpuinfo").open("rb") as file:
        return file.read(4096).decode(errors="replace").partition("\n\n")[0]
    return ""


def _name_on_macos() -> str:
    if platform.system() != "Darwin":
        return ""
    command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
    with suppress(OSError):
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return ""


def facts_digest() -> str:
    """Return a digest of the hardware: twelve hexadecimal digits.

    Takes a millisecond: imports nothing and queries no driver. Counts the cores that this process
    may use.
    """
    cpu = " ".join(_OF_A_CPU.findall(_first_core())) or platform.processor()
    facts = (
        *(platform.system(), platform.machine(), cpu, usable_cores()),
        _memory_bytes() // _SAME_MEMORY,
        *(sorted(_devices()), os.environ.get("CUDA_VISIBLE_DEVICES")),
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:12]


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 0


def _devices() -> list[str]:
    """Return the names of the GPUs that drivers show as files, of NVIDIA with their models."""
    names = [name for name in _listed("/dev") if name.startswith("nvidia") and name[6:].isdigit()]
    names += [name for name in _listed("/dev/dri") if name.startswith("renderD")]
    folder = "/proc/driver/nvidia/gpus"
    for name in _listed(folder):
        with suppress(OSError), open(f"{folder}/{name}/information", errors="replace") as file:
            names.append(file.readline())
    return names


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def steering_variables(variables: Mapping[str, str], *also: str) -> dict[str, str]:
    """Return the environment variables that make the same code run differently.

    They configure numerical libraries, or the memory and the optimiser of the interpreter; ``also``
    names others. A path is replaced by a mark, because published results must not name a user's
    home. PYTHONHASHSEED is not among them: a fixed seed is as good as a drawn one.
    """
    return {
        name: _without_paths(value)
        for name, value in sorted(variables.items())
        if _OF_LIBRARIES.match(name) or name in _OF_THE_INTERPRETER or name in also
    }


def _without_paths(value: str) -> str:
    return PATH if _WHOLE_PATH.match(value) else _PATH_WORD.sub(PATH, value)
