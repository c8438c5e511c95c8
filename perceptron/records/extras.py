"""What explains a training and is none: each extra has a family of rows of its own name.

But for the phases of an iteration, whose rows are of the problem's family.
"""

from __future__ import annotations

from typing import Literal, get_args

ExtraName = Literal["phases", "ceiling", "harness", "kernels", "profile", "device", "energy"]

PHASES: ExtraName = "phases"
"""Of an iteration, each up to its end."""
CEILING: ExtraName = "ceiling"
"""What a device can do: a large product and a large copy."""
HARNESS: ExtraName = "harness"
"""What measuring itself takes."""
KERNELS: ExtraName = "kernels"
"""How many an iteration launches, as counted: the size of the row."""
PROFILE: ExtraName = "profile"
"""The same as a profiler saw them on the device."""
DEVICE: ExtraName = "device"
"""What a device costs around the iterations."""
ENERGY: ExtraName = "energy"
"""Of one iteration, by the device's own counter."""
EXTRAS = frozenset(get_args(ExtraName))
"""All of them: rows of these families are no trainings."""
