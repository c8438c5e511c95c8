"""Generated data that the worker processes of a study share: made once, then mapped.

Sixty thousand rows of 784 features take a second to make and 360 MiB to hold, and every process of
a study needs them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]

FOLDER = "PERCEPTRON_DATA"
"""The variable that names the folder of the processes that share; without it nothing is kept."""
# Smaller data are made as fast as they are read.
_WORTHWHILE_BYTES = 2**25


def made_or_read(description: str, make: Callable[[], Sequence[Array]]) -> list[Array]:
    """Return the arrays of these data, from another process's file if it has made them.

    ``description`` tells data apart. What cannot be kept, as on a full disk, is made again.
    """
    folder = os.environ.get(FOLDER)
    if folder is None:
        return list(make())
    kept = Path(folder) / hashlib.sha256(description.encode()).hexdigest()[:16]
    if kept.is_dir():
        # Mapped: all processes read the same memory. A plain array, not the subclass, whose
        # operations are slower.
        files = sorted(kept.iterdir())
        return [np.asarray(np.load(file, mmap_mode="r", allow_pickle=False)) for file in files]
    arrays = list(make())
    if sum(array.nbytes for array in arrays) >= _WORTHWHILE_BYTES:
        with suppress(OSError):
            _keep(kept, arrays)
    return arrays


def _keep(kept: Path, arrays: Sequence[Array]) -> None:
    """Write the arrays beside their place and move them there, so that it holds all or nothing."""
    unfinished = kept.with_name(f"{kept.name}.{os.getpid()}")
    try:
        unfinished.mkdir()
        for index, array in enumerate(arrays):
            np.save(unfinished / f"{index}.npy", array, allow_pickle=False)
        unfinished.rename(kept)  # fails where another process was first
    except OSError:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
