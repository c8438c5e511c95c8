from __future__ import annotations

import pytest

from perceptron.records.backend import CheckResult
from perceptron.report.tables.check import cells, show

KEPT = CheckResult(name="agrees", passed=12, skipped=1, broken=[])
BROKEN = CheckResult(name="resets", passed=11, skipped=1, broken=["xor: [differs] by 2"])


def test_a_promise_is_kept_or_not() -> None:
    assert cells(KEPT) == ("agrees", "yes", "12", "1")
    assert cells(BROKEN) == ("resets", "NO", "11", "1")


def test_a_broken_promise_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    """Below the table of its backend; brackets in it are no markup."""
    show({"mine": [KEPT, BROKEN]})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].strip() == "mine"
    assert lines[-1] == "resets: xor: [differs] by 2"
