"""What two environments hold beside the project: built on two days, it may be of two versions."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Collection, Mapping

import msgspec

from perceptron.records.warning import MeasurementWarning
from perceptron.untrusted_text import label

# Without what was installed from a file: that is how the project itself gets there.
_LISTING = """
import importlib.metadata, json
rows = []
for own in importlib.metadata.distributions():
    if "file:" not in (own.read_text("direct_url.json") or ""):
        rows.append([own.metadata["Name"], own.version])
print(json.dumps(rows))
"""
_SECONDS = 60.0
# They install others and are not run afterwards.
_INSTALLERS = {"pip", "wheel"}
_MOST_SHOWN = 5


def versions(python: str, without: Collection[str] = ()) -> dict[str, str]:
    """Return the versions of all distributions that this interpreter finds, some names apart.

    Empty where nobody can tell.
    """
    try:
        listed = subprocess.run(
            [python, "-I", "-c", _LISTING], capture_output=True, timeout=_SECONDS, check=True
        )
        rows = msgspec.json.decode(listed.stdout, type=list[tuple[str | None, str | None]])
    except (OSError, subprocess.SubprocessError, msgspec.DecodeError):
        return {}
    unwanted = _INSTALLERS | {_normal(name) for name in without}
    versions: dict[str, str] = {}
    for name, version in rows:
        if name and version and _normal(name) not in unwanted:
            versions.setdefault(_normal(name), version)  # the first is what is imported
    return versions


def differences(base: Mapping[str, str], head: Mapping[str, str]) -> list[str]:
    """Return what differs, as in ``numpy 2.0 and 2.1``; nothing where one of both is unknown."""
    if not (base and head):
        return []
    return [
        f"{name} {base.get(name, 'none')} and {head.get(name, 'none')}"
        for name in sorted(base.keys() | head.keys())
        if base.get(name) != head.get(name)
    ]


def warning(differing: list[str]) -> MeasurementWarning:
    """Return what is to be known of environments that differ."""
    more = len(differing) - _MOST_SHOWN
    shown = ", ".join(differing[:_MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")
    return MeasurementWarning(
        code="other dependencies",
        message=label(f"BASE and HEAD were built with other versions beside them: {shown}"),
        advice="pin them in the suite's matrix to compare the project alone",
    )


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
