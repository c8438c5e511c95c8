"""``[tool.perceptron.gate]`` in pyproject.toml: what a project asks of its own benchmarks.

BASE's is read, so that no pull request loosens the rules by which it is judged.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any

from msgspec.structs import replace

from perceptron.config_file import read_toml
from perceptron.errors import UserError
from perceptron.gate.checkout.suite import Suite
from perceptron.records.comparison import GateRule
from perceptron.records.warning import MeasurementWarning
from perceptron.untrusted_text import label, quoted

_FILE = "pyproject.toml"
_MOST_RULES = 1000
_LONGEST = 200
_PERCENT = re.compile(r"(\d{1,4}(?:\.\d{1,6})?) ?%")


def gate_rules(
    base: Path, head: Path, today: date
) -> tuple[list[GateRule], list[MeasurementWarning]]:
    """Return the rules in the tree of BASE as they are today, and what is to be said of them.

    What is wrong with HEAD's is a warning: once merged, it would stop every comparison.
    """
    rules, warnings = in_force(read(base, "BASE"), today)
    try:
        read(head, "HEAD")
    except UserError as error:
        advice = "mend it before it is merged: what is compared with it would end with this error"
        warnings.append(MeasurementWarning(code="rules of HEAD", message=str(error), advice=advice))
    return rules, warnings


def read(tree: Path, revision: str) -> list[GateRule]:
    """Return the rules of the project in the tree of the revision; none where it has none.

    Raises `UserError` naming the field for what is no rule.
    """
    file = tree / _FILE
    if not file.is_file():
        return []
    try:
        content: object = read_toml(file)
    except UserError as error:
        raise UserError(f"{_FILE} of {revision}: {error}") from None
    for name in ("tool", "perceptron", "gate"):
        content = content.get(name) if isinstance(content, dict) else None
    if content is None:
        return []
    where = f"{_FILE} of {revision}: tool.perceptron.gate"
    rules = _table(where, content, ("rule",)).get("rule", [])
    if not isinstance(rules, list) or len(rules) > _MOST_RULES:
        raise UserError(f"{where}.rule: must be at most {_MOST_RULES} tables, [[…gate.rule]]")
    return [_rule(f"{where}.rule[{number}]", own) for number, own in enumerate(rules)]


def in_force(
    rules: Sequence[GateRule], today: date
) -> tuple[list[GateRule], list[MeasurementWarning]]:
    """Return the rules as they are today, and a warning for each that mutes no more."""
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


def of_names(
    rules: Sequence[GateRule], changed: Sequence[str], suite: Suite
) -> list[MeasurementWarning]:
    """Warn where HEAD changes benchmarks: a rule is for those that have its text in their name."""
    place = suite.tests or suite.benchmarks
    own = [name for name in changed if PurePosixPath(name).is_relative_to(place)]
    if not rules or not own or suite.origin is not None:
        return []
    more = f" and {len(own) - 1} more" if own[1:] else ""
    return [
        MeasurementWarning(
            code="benchmarks differ",
            message=f"{own[0]}{more} changed: rules in {_FILE} go by the names on HEAD",
            advice="look whether a benchmark was renamed so that a rule mutes it or allows it more",
        )
    ]


def _rule(where: str, content: object) -> GateRule:
    table = _table(where, content, ("match", "slower", "mute", "until"))
    match, mute = _text(where, table, "match"), _text(where, table, "mute")
    if match is None:
        raise UserError(f'{where}.match: is missing: name benchmarks, such as match = "time_sum"')
    until = _day(f"{where}.until", table.get("until"))
    if until is not None and mute is None:
        raise UserError(f'{where}.until: needs a reason beside it, such as mute = "flaky, #1234"')
    slower = _share(f"{where}.slower", table.get("slower"))
    return GateRule(match=match, slower=slower, mute=mute and label(mute), until=until)


def _table(where: str, content: object, known: Sequence[str]) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise UserError(f"{where}: must be a table, got {quoted(content)}")
    for name in content:
        if name not in known:
            raise UserError(f"{where}: {quoted(name)} is unknown; known: {', '.join(known)}")
    return content


def _text(where: str, table: dict[str, Any], name: str) -> str | None:
    value = table.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST:
        raise UserError(f"{where}.{name}: must be text of at most {_LONGEST} characters")
    return value


def _share(where: str, value: object) -> float | None:
    if value is None:
        return None
    percent = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if percent is None:
        raise UserError(f'{where}: must be a percentage such as "10%", got {quoted(value)}')
    return float(percent[1]) / 100


def _day(where: str, value: object) -> date | None:
    if value is None or type(value) is date:  # what TOML writes with a time is a date, too
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise UserError(
            f'{where}: must be a day such as "2027-03-01", got {quoted(value)}'
        ) from None
