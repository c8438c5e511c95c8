"""The profiles that a comparison has kept beside its blocks, and one as speedscope opens it."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec

from perceptron.records.profile import Frame, Profile

FILE = "profiles.jsonl"


def read_profiles(results: Path) -> dict[str, Profile]:
    """Return the newest profile of each benchmark; a line that holds none is passed over."""
    try:
        lines = (results / FILE).read_bytes().splitlines()
    except OSError:
        return {}
    profiles: dict[str, Profile] = {}
    for line in lines:
        try:
            profile = msgspec.json.decode(line, type=Profile)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if _is_whole(profile):
            profiles[profile.benchmark] = profile
    return profiles


def _is_whole(profile: Profile) -> bool:
    """Return whether each stack has its counts, and frames that there are."""
    counts = (*profile.base, *profile.head)
    return (
        len(profile.stacks) == len(profile.base) == len(profile.head)
        and all(isfinite(count) and count >= 0 for count in counts)
        and all(0 <= frame < len(profile.frames) for stack in profile.stacks for frame in stack)
    )


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
