from __future__ import annotations

from typing import Any

import pytest

from perceptron.records.backend import BackendFacts
from perceptron.report.tables.backends import show


def test_what_cannot_run_says_why_and_what_is_joined_how_to_ask_for_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plain: dict[str, Any] = {"device": "cpu", "summary": "arrays", "reason": None}
    absent = {"device": "cuda", "reason": "no GPU", "available": False}
    show(
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
