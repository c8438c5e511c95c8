"""Which backends can run, and whether they keep their promises."""

from __future__ import annotations

from typing import Any

import pytest

from perceptron.records.backend import BackendFacts, CheckResult
from perceptron.report.tables import backends, check


def test_what_cannot_run_says_why_and_what_is_joined_how_to_ask_for_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plain: dict[str, Any] = {"device": "cpu", "summary": "arrays", "reason": None}
    absent = {"device": "cuda", "reason": "no GPU", "available": False}
    backends.show(
        [
            BackendFacts(name="a", **plain, available=True),
            BackendFacts(name="b", **plain | absent),
            BackendFacts(name="c", **plain, available=True, distributed=True),
        ]
    )
    _, head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["name", "device", "here", "what", "it", "is"]
    assert lines[0].split() == ["a", "cpu", "yes", "arrays"]
    assert lines[1].split() == ["b", "cuda", "no:", "no", "GPU", "arrays"]
    assert lines[2].rstrip().endswith("arrays; c@2 over two processes, and so on")


KEPT = CheckResult(name="agrees", passed=12, skipped=1, broken=[])
BROKEN = CheckResult(name="resets", passed=11, skipped=1, broken=["xor: [differs] by 2"])


def test_a_promise_is_kept_or_not() -> None:
    assert check.cells(KEPT) == ("agrees", "yes", "12", "1")
    assert check.cells(BROKEN) == ("resets", "NO", "11", "1")


def test_a_broken_promise_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    """Below the table of its backend; brackets in it are no markup."""
    check.show({"mine": [KEPT, BROKEN]})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].strip() == "mine"
    assert lines[-1] == "resets: xor: [differs] by 2"
