"""`perceptron check`: its document, and what it proposes."""

from __future__ import annotations

import json

import pytest

from perceptron.cli import app
from perceptron.questions import check as study
from perceptron.questions.check import CheckResult


def promise(broken: list[str]) -> CheckResult:
    return CheckResult(name="agrees", passed=1, skipped=0, broken=broken)


@pytest.mark.parametrize(("broken", "code"), [([], 0), (["xor: differs"], 1)])
def test_check_proposes_bench_for_correct_backend_only(
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
