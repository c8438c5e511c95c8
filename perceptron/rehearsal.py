"""A rehearsal: the CPU stands in for a device that is not here.

With the variable set every backend of a GPU runs, under its own name, on the CPU: so that what
half an hour with a GPU will run has run before. Its times are of no GPU. Rows say so in their
device and in their machine, environments in their variables, and every result has a warning.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

VARIABLE = "PERCEPTRON_REHEARSAL"
SUFFIX = " stand-in"
_MACHINE = "rehearsal"


def is_rehearsal(variables: Mapping[str, str] | None = None) -> bool:
    """Return whether the CPU stands in for devices, in this process and in those it starts.

    Or in those that had these environment variables.
    """
    given = os.environ if variables is None else variables
    return given.get(VARIABLE, "") not in ("", "0")


def device_label(device: str) -> str:
    """Return what a row says of its device: ``cuda stand-in`` in a rehearsal, else ``cuda``."""
    return f"{device}{SUFFIX}" if is_rehearsal() and device != "cpu" else device


def machine_label(machine: str) -> str:
    """Return the machine under which rows are kept: in a rehearsal never that of real ones."""
    return f"{machine}-{_MACHINE}" if is_rehearsal() and _MACHINE not in machine else machine
