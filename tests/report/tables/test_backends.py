from __future__ import annotations

import pytest

from perceptron.records.backend import BackendFacts
from perceptron.report.tables.backends import show


def test_what_cannot_run_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    show(
        [
            BackendFacts(name="a", device="cpu", summary="arrays", reason=None, available=True),
            BackendFacts(name="b", device="cuda", summary="x", reason="no GPU", available=False),
        ]
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["name", "device", "here", "what", "it", "is"]
    assert lines[2].split() == ["a", "cpu", "yes", "arrays"]
    assert lines[3].split() == ["b", "cuda", "no:", "no", "GPU", "x"]
