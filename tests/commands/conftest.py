"""What tests of commands share: a quick bench, and the keys of a crossover."""

from __future__ import annotations

# Time enough on however busy a machine: what the default leaves out there is no mistake.
AMPLE = ("--budget", "30")
QUICK = (
    *("bench", "--quick", "--families", "mlp-depth", "--machine", "box", "--threads", "1"),
    *AMPLE,
)

CROSSOVER_KEYS = {
    "family",
    "incumbent",
    "challenger",
    "status",
    "size",
    "low",
    "high",
    "bracket",
    "crossings",
    "sizes_measured",
    "ratio_at",
    "is_decided",
    "undecided",
    "decided",
    "machine",
    "dtype",
    "threads",
    "optimizer",
    "feed",
    "outputs",
    "batch",
    "models",
    "axis",
    "source",
    "commit",
    "environment",
    "version",
    "code",
    "files",
    "reason",
}
