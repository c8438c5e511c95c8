"""What `perceptron check` proposes, around a contract that has been checked already."""

from __future__ import annotations

import pytest

from perceptron.cli import app
from perceptron.records.backend import CheckResult
from perceptron.studies import check as study


@pytest.mark.parametrize(("broken", "code"), [([], 0), (["xor: differs"], 1)])
def test_only_a_backend_that_keeps_its_promises_is_to_be_benched(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    broken: list[str],
    code: int,
) -> None:
    promise = CheckResult(name="agrees", passed=1, skipped=0, broken=broken)
    monkeypatch.setattr(study, "check", lambda name, progress: [promise])
    assert (app(["check", "mine"], standalone_mode=False) or 0) == code
    proposed = "next:  perceptron bench --quick --backends numpy,mine" in capsys.readouterr().out
    assert proposed == (not broken)
