"""A profile as https://www.speedscope.app opens it: BASE and HEAD, to be flicked between.

The format is documented at https://www.speedscope.app/file-format-schema.json.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from perceptron.records.profile import Frame, Profile

_SCHEMA = "https://www.speedscope.app/file-format-schema.json"


def speedscope(profile: Profile) -> dict[str, Any]:
    """Return the document; HEAD is shown first."""
    return {
        "$schema": _SCHEMA,
        "exporter": "perceptron",
        "name": f"{profile.benchmark} in {profile.unit}",
        "activeProfileIndex": 1,
        "shared": {"frames": [_frame(frame) for frame in profile.frames]},
        "profiles": [
            _side("BASE", profile.stacks, profile.base),
            _side("HEAD", profile.stacks, profile.head),
        ],
    }


def _frame(frame: Frame) -> dict[str, Any]:
    facts = {"name": frame.function, "file": frame.file, "line": frame.line}
    return {name: value for name, value in facts.items() if value is not None}


def _side(name: str, stacks: Sequence[Sequence[int]], counts: Sequence[float]) -> dict[str, Any]:
    seen = [(stack, count) for stack, count in zip(stacks, counts, strict=True) if count]
    return {
        "type": "sampled",
        "name": name,
        "unit": "none",  # of its units, none is a count
        "startValue": 0,
        "endValue": sum(count for _, count in seen),
        "samples": [stack for stack, _ in seen],
        "weights": [count for _, count in seen],
    }
