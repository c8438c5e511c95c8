"""The families under which a run of the ladder keeps what it measures beside its rungs."""

from __future__ import annotations

CEILING = "ceiling"
"""What a device can do: a large product and a large copy."""
HARNESS = "harness"
"""What measuring itself takes."""
DEVICE = "device"
"""What a device costs around the iterations."""
ENERGY = "energy"
"""Of one iteration, by the device's own counter."""
EXTRAS = frozenset((CEILING, HARNESS, DEVICE, ENERGY))
"""All of them: their rows are no trainings."""
