"""How much each body of the proof's suite does of what it is about; a HEAD changes one of them."""

from __future__ import annotations

UNITS = 100
FAR = 500
PAGES = 16
HELD = 200e-6
NAP = 200e-6
BYTES = 16384
