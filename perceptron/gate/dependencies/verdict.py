"""The effect of a requirement that differs: was it compared, and does any benchmark use it?

A pull request that changes only a pin runs the same code twice if one environment serves both
sides. Then nothing was compared, unless both revisions would have chosen the same version.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import msgspec
from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_version
from packaging.version import InvalidVersion

from perceptron.gate.dependencies.changes import Change
from perceptron.gate.dependencies.declared import Declared
from perceptron.records.block import PAIR, Side
from perceptron.records.comparison import Comparison
from perceptron.records.warning import MeasurementWarning

Meaning = Literal["hidden", "unused", "compared"]

# Most distributions that a sentence names.
_NAMED = 3


@dataclass(frozen=True)
class Environments:
    """The environments of the sides."""

    used: Mapping[Side, Mapping[str, str]]
    """Versions of the distributions that the suite uses, by normalized names; and of Python."""
    separate: bool = False
    """Whether each side had an environment of its own."""
    built: bool = False
    """Whether the gate made them: then they follow the files that a build reads, and no lock."""


def are_separate(pythons: Mapping[Side, str], used: Mapping[Side, Mapping[str, str]]) -> bool:
    """Return whether the interpreters belong to two environments, not to one under two names."""
    places = {
        os.path.realpath(os.path.dirname(shutil.which(pythons[side]) or pythons[side]))
        for side in PAIR
    }
    pythons_of = {used[side]["python"] for side in PAIR if "python" in used[side]}
    return len(places) > 1 or len(pythons_of) > 1


def with_dependencies(
    comparison: Comparison,
    changes: Sequence[Change],
    environments: Environments,
    is_compiled: bool,
) -> Comparison:
    """Return the comparison with the changes it did not cover: it is not clean where these matter.

    A changed requirement that no benchmark uses is a note.
    """
    meanings = {change: meaning(change, environments, is_compiled) for change in changes}
    hidden = [change for change in changes if meanings[change] == "hidden"]
    unused = [change for change in changes if meanings[change] == "unused"]
    if unused:
        warning = MeasurementWarning(
            code="dependencies",
            message=f"requirements differ that no benchmark was seen to use: {_listed(unused)}",
            advice="compare with an environment for each side if they matter all the same",
        )
        comparison = _warned(comparison, warning)
    if not hidden:
        return comparison
    verb = "was" if len({str(change) for change in hidden}) == 1 else "were"
    if environments.separate:
        why, advice = "the environments do not follow it", "install in each what it requires"
        if environments.built:
            advice = "name versions in the matrix, or give an interpreter for each side"
    else:
        why, advice = "one environment served both sides", "an interpreter for each side"
        if all(change.built for change in hidden):
            advice = f"--build, or {advice}"
    reason = f"{_listed(hidden)} {verb} not compared: {why}"
    if comparison.verdict == "clean":
        reason = f"{reason}; next: {advice}"
        return msgspec.structs.replace(comparison, verdict="inconclusive", reason=reason)
    return _warned(
        comparison, MeasurementWarning(code="dependencies", message=reason, advice=advice)
    )


def _warned(comparison: Comparison, warning: MeasurementWarning) -> Comparison:
    return msgspec.structs.replace(comparison, warnings=[*comparison.warnings, warning])


def _listed(changes: Sequence[Change]) -> str:
    texts = list(dict.fromkeys(map(str, changes)))
    more = [f"{len(texts) - _NAMED} more"] if len(texts) > _NAMED else []
    return ", ".join([*texts[:_NAMED], *more])


def meaning(change: Change, environments: Environments, is_compiled: bool) -> Meaning:
    """Return whether one side's requirement may change a benchmark without being compared."""
    if change.aside:
        return "unused"
    # A requirement that no version can confirm is assumed to be installed as required.
    follows = environments.separate and (change.built or not environments.built)
    if change.kind == "build":
        return "compared" if follows else "hidden" if is_compiled else "unused"
    if change.kind == "text":
        return "compared" if follows else "hidden"
    versions = {side: environments.used[side].get(change.name) for side in PAIR}
    if not any(versions.values()):
        return "unused"
    sides = {"base": change.base, "head": change.head}
    required: dict[Side, frozenset[Declared]] = {
        side: _applicable(sides[side], environments.used[side].get("python")) for side in PAIR
    }
    if environments.separate:
        fit = [
            _fits(version, required[side], change.alternatives, follows)
            for side, version in versions.items()
            if version is not None
        ]
        return "compared" if all(fit) else "hidden"
    version = versions["head"] or versions["base"] or ""
    is_same = _chooses_same(version, required["base"], required["head"], change.alternatives)
    return "compared" if is_same else "hidden"


def _fits(version: str, required: Iterable[Declared], alternatives: bool, unknown: bool) -> bool:
    """Return whether a version fulfils the requirement; ``unknown`` where there is no version."""
    admissions = [_admits(version, entry) for entry in required]
    fits = [unknown if admitted is None else admitted for admitted in admissions]
    return not fits or (any(fits) if alternatives else all(fits))


def _chooses_same(
    version: str, base: frozenset[Declared], head: frozenset[Declared], alternatives: bool
) -> bool:
    """Return whether both sides would have this version.

    A lower bound that it meets has no effect: installers take the newest. Below another upper
    bound, or at a pin, they may take another version than the installed one.
    """
    if base == head:
        return True
    if alternatives:
        return any(_admits(version, entry) is not False for entry in base & head)
    met = all(_admits(version, entry) is not False for entry in base | head)
    return met and _bounds_above(base) == _bounds_above(head)


def _bounds_above(required: Iterable[Declared]) -> set[tuple[object, ...]]:
    """Return the upper bounds and sources of the requirements; empty if there are none."""
    return {
        (_without_lower_bounds(entry.required), entry.source, entry.extras) for entry in required
    } or {(frozenset(), "", "")}


def _without_lower_bounds(required: str) -> frozenset[str]:
    """Return the specifiers that are not lower bounds."""
    try:
        specifiers = SpecifierSet(required)
    except InvalidSpecifier:
        return frozenset({required})
    bounds = set()
    for specifier in specifiers:
        if specifier.operator == "~=":
            bounds.add(f"=={specifier.version.rpartition('.')[0]}.*")
        elif specifier.operator not in (">=", ">"):
            bounds.add(f"{specifier.operator}{canonicalize_version(specifier.version)}")
    return frozenset(bounds)


def _admits(version: str, entry: Declared) -> bool | None:
    """Return whether the requirement admits a version; None where there is no version."""
    try:
        admits = SpecifierSet(entry.required).contains(version, prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return None
    return None if admits and entry.source else admits


def _applicable(required: Iterable[Declared], python: str | None) -> frozenset[Declared]:
    """Return the requirements for this machine and this Python, without their markers."""
    return frozenset(replace(entry, marker="") for entry in required if _applies(entry, python))


def _applies(entry: Declared, python: str | None) -> bool:
    if not entry.marker or "extra" in entry.marker:
        return True
    facts = {} if python is None else _python(python)
    try:
        return Marker(entry.marker).evaluate(facts)
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName, InvalidVersion):
        return True


def _python(version: str) -> dict[str, str]:
    minor = ".".join(version.split(".")[:2])
    return {"python_full_version": version, "python_version": minor}
