"""What a sweep runs over, and how far a quick one goes."""

from __future__ import annotations

from perceptron.problems.families import FAMILIES

SWEEP = tuple(name for name, family in FAMILIES.items() if len(family.axes) == 1)
"""Families along one axis. The others are maps, measured when named."""

QUICK_BYTES = 16 * 2**20
"""Largest problem of quick mode, by the memory traffic of one iteration in float32."""
