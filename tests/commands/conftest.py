"""What tests of commands share: a quick bench, and time enough for it."""

from __future__ import annotations

# Time enough on however busy a machine: what the default leaves out there is no mistake.
AMPLE = ("--budget", "30")
QUICK = (
    *("bench", "--quick", "--families", "mlp-depth", "--machine", "box", "--threads", "1"),
    *AMPLE,
)
