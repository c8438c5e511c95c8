"""Reading the profiles that a comparison has kept beside its blocks."""

from __future__ import annotations

from math import isfinite
from pathlib import Path

import msgspec

from perceptron.records.profile import Profile

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
