"""Where ranks run in these tests."""

from __future__ import annotations

import pytest

from perceptron.backends.data_parallel.nodes import NODES


@pytest.fixture(autouse=True)
def _each_by_an_agent_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on two nodes; starting ranks takes seconds, so all tests of a process ask the same."""
    monkeypatch.setenv(NODES, ";")
