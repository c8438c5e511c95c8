"""What tests of studies share: a machine that is known already, and measures nothing of itself."""

from __future__ import annotations

import pytest

from perceptron.records.environment import Environment
from perceptron.studies.shared import opening


@pytest.fixture
def known_machine(monkeypatch: pytest.MonkeyPatch, environment: Environment) -> None:
    """The machine's facts take seconds to gather, and the code may change while a test runs."""
    monkeypatch.setattr(opening, "environment", lambda backends, threads: environment)
    monkeypatch.setattr(opening, "revision", lambda: None)
