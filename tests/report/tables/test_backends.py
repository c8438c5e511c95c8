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


def test_what_trains_over_several_processes_says_how_that_is_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    facts = {"device": "cpu", "summary": "joined", "reason": None, "available": True}
    show(
        [
            BackendFacts(name="a", **facts, distributed=True),  # type: ignore[arg-type]
            BackendFacts(name="b", **facts),  # type: ignore[arg-type]
        ]
    )
    lines = capsys.readouterr().out.splitlines()
    assert "joined; a@2 over two processes, and so on" in lines[2]
    assert "@" not in lines[3]
