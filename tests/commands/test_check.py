"""`perceptron check`: its document, and what it proposes."""

from __future__ import annotations

import json

import pytest

from perceptron.cli import app
from perceptron.commands.check import show
from perceptron.records.backend import CheckResult
from perceptron.studies import check as study


def promise(broken: list[str]) -> CheckResult:
    return CheckResult(name="agrees", passed=1, skipped=0, broken=broken)


@pytest.mark.parametrize(("broken", "code"), [([], 0), (["xor: differs"], 1)])
def test_only_a_backend_that_keeps_its_promises_is_to_be_benched(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    broken: list[str],
    code: int,
) -> None:
    """The contract has been checked already; only a kept one is followed by a proposal.

    Beside it the document has the promises. Real backends are checked in tests/test_plugin.py.
    """
    monkeypatch.setattr(
        study, "check", lambda names, *_: {name: [promise(broken)] for name in names}
    )
    assert (app(["check", "mine"], standalone_mode=False) or 0) == code
    proposed = "next:  perceptron bench --quick --backends numpy,mine" in capsys.readouterr().out
    assert proposed == (not broken)
    assert (app(["check", "mine", "--json"], standalone_mode=False) or 0) == code
    assert json.loads(capsys.readouterr().out)["backends"] == {
        "mine": [{"name": "agrees", "passed": 1, "skipped": 0, "broken": broken}]
    }


KEPT = CheckResult(name="agrees", passed=12, skipped=1, broken=[], note="in float32 alone")
BROKEN = CheckResult(name="resets", passed=11, skipped=1, broken=["xor: [differs] by 2"])


def test_a_broken_promise_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    """Below the table of its backend; brackets in it are no markup."""
    show({"mine": [KEPT, BROKEN]})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].strip() == "mine"
    assert [line.split() for line in lines[2:4]] == [
        ["agrees", "yes", "12", "1"],
        ["resets", "NO", "11", "1"],
    ]
    assert lines[-2:] == ["agrees: in float32 alone", "resets: xor: [differs] by 2"]
