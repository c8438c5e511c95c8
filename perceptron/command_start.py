"""When the command of this process began: its budget and its bar count from there."""

from __future__ import annotations

began: float | None = None
"""By `time.monotonic`; None where no command runs, as in a program that asks one question."""
