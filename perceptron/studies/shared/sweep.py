"""What a sweep runs over, and how far a quick one goes."""

from __future__ import annotations

from perceptron.problems.families import FAMILIES

LINES = tuple(name for name, family in FAMILIES.items() if len(family.axes) == 1)
"""Families along one axis; the others are maps."""

# They ask how a feed or a width changes what `mlp-batch` answers, and would take its time.
_WHEN_NAMED = ("mlp-batch-host", "mlp-width-adam")

SWEEP = tuple(name for name in LINES if name not in _WHEN_NAMED)
"""Families that are measured unless others are named."""

QUICK_BYTES = 16 * 2**20
"""Largest problem of quick mode, by the memory traffic of one iteration in float32."""
