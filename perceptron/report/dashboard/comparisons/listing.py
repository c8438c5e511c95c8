"""The list of all comparisons that have a page, from the summary that lies beside each."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from perceptron.records.comparison import Comparison
from perceptron.report.comparison_address import PAGE, is_name
from perceptron.report.dashboard.comparisons.facts import named

FILE = "summary.json"
COLUMNS = ("page written", "BASE → HEAD", "verdict", "in one sentence", "suite")


class Summary(Struct, frozen=True, kw_only=True):
    """What the list says of a comparison."""

    when: str
    """When its page was written, UTC, in ISO's form."""
    base: str
    """Its name and commit."""
    head: str
    verdict: str
    reason: str
    suite: str


def summary(comparison: Comparison, when: datetime) -> Summary:
    """Return what the list will say of a comparison."""
    plan = comparison.plan
    return Summary(
        when=when.isoformat(timespec="seconds"),
        base=named(plan.base),
        head=named(plan.head),
        verdict=comparison.verdict,
        reason=comparison.reason,
        suite=plan.suite if plan.benchmarks is None else f"{plan.suite}: {plan.benchmarks}",
    )


def summaries(folder: Path) -> list[tuple[str, Summary]]:
    """Return every page below the folder with its summary, the newest first.

    What is not named as a page or has no summary is passed over.
    """
    found = []
    for own in folder.iterdir():
        if not is_name(own.name) or not (own / PAGE).is_file():
            continue
        try:
            told = msgspec.json.decode((own / FILE).read_bytes(), type=Summary)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        found.append((f"{own.name}/{PAGE}", told))
    return sorted(found, key=lambda pair: (pair[1].when, pair[0]), reverse=True)
