"""``[tool.perceptron.gate]`` in pyproject.toml: a project's rules for its benchmarks.

BASE's file is read, so that no pull request loosens the rules by which it is judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from perceptron.errors import UserError
from perceptron.records.comparison import GateRule
from perceptron.records.warning import MeasurementWarning
from perceptron.untrusted_text import label, read_toml

_FILE = "pyproject.toml"
_Text = Annotated[str, Meta(pattern=r"\S", max_length=200)]
_Percent = Annotated[str, Meta(pattern=r"^\d{1,4}(\.\d{1,6})? ?%\Z")]


class _Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """A rule in the file."""

    match: _Text
    slower: _Percent | None = None
    mute: _Text | None = None
    until: date | None = None
    removed: _Text | None = None

    def __post_init__(self) -> None:
        if self.until is not None and self.mute is None:
            raise ValueError('until needs a reason beside it, such as mute = "flaky, #1234"')

    def read(self) -> GateRule:
        slower = None if self.slower is None else float(self.slower.rstrip("% ")) / 100
        mute, removed = (
            None if text is None else label(text) for text in (self.mute, self.removed)
        )
        return GateRule(
            match=self.match, slower=slower, mute=mute, until=self.until, removed=removed
        )


class _Rules(Struct, frozen=True, forbid_unknown_fields=True):
    rule: Annotated[list[_Rule], Meta(max_length=1000)] = []
    strict: bool = False


class GateRules(NamedTuple):
    """A project's rules for its benchmarks."""

    rules: list[GateRule]
    strict: bool = False
    """Whether noisy times make a run inconclusive, see `ComparisonPlan.strict`."""


def gate_rules(base: Path, head: Path, today: date) -> tuple[GateRules, list[MeasurementWarning]]:
    """Return the rules in the tree of BASE as of ``today``, and warnings about them.

    Errors in HEAD's file are warnings: once merged, they would stop every comparison.
    """
    configured = read(base, "BASE")
    rules, warnings = in_force(configured.rules, today)
    try:
        read(head, "HEAD")
    except UserError as error:
        advice = "mend it before it is merged: what is compared with it would end with this error"
        warnings.append(MeasurementWarning(code="rules of HEAD", message=str(error), advice=advice))
    return GateRules(rules, configured.strict), warnings


def read(tree: Path, revision: str) -> GateRules:
    """Return the rules of the project in the tree of the revision; empty where it has none.

    Raises `UserError` naming the field of an invalid rule.
    """
    file = tree / _FILE
    if not file.is_file():
        return GateRules([])
    try:
        content: object = read_toml(file)
    except UserError as error:
        raise UserError(f"{_FILE} of {revision}: {error}") from None
    for name in ("tool", "perceptron", "gate"):
        content = content.get(name) if isinstance(content, dict) else None
    if content is None:
        return GateRules([])
    try:
        rules = msgspec.convert(content, type=_Rules)
    except msgspec.ValidationError as error:
        section = f"{_FILE} of {revision}: tool.perceptron.gate"
        raise UserError(f"{section}: {label(error)}") from None
    return GateRules([rule.read() for rule in rules.rule], rules.strict)


def in_force(
    rules: Sequence[GateRule], today: date
) -> tuple[list[GateRule], list[MeasurementWarning]]:
    """Return the rules as of ``today``, and a warning for each expired mute."""
    expired = [rule for rule in rules if rule.until is not None and rule.until < today]
    warnings = [
        MeasurementWarning(
            code="mute expired",
            message=f"{label(rule.match)} counts again: muted until {rule.until} ({rule.mute})",
            advice=f"mend it, or set a later date in {_FILE}, which holds from the next BASE on",
        )
        for rule in expired
    ]
    return [replace(rule, mute=None) if rule in expired else rule for rule in rules], warnings
