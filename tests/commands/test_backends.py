"""`perceptron backends`: its document, and its table."""

from __future__ import annotations

import json
from typing import Any

from perceptron.backends import registry
from perceptron.backends.protocol import Distributed
from perceptron.commands.backends import cells
from perceptron.records.backend import BackendFacts
from tests.conftest import Perceptron


def test_backends_say_what_can_run(here: Perceptron) -> None:
    by_name = {
        backend["name"]: backend
        for backend in json.loads(here("backends", "--json").stdout)["backends"]
    }
    assert list(by_name) == registry.names()
    assert by_name["numpy"]["available"] is True
    for name, backend in by_name.items():
        assert backend["reason"] == registry.reason_unavailable(name)
        assert backend["distributed"] == isinstance(registry.load(name), Distributed)
    table = here("backends").stdout
    assert all(name in table for name in by_name)


def test_the_reason_and_the_name_over_processes_are_told() -> None:
    plain: dict[str, Any] = {"device": "cpu", "summary": "arrays", "reason": None}
    absent = {"device": "cuda", "reason": "no GPU", "available": False}
    assert cells(BackendFacts(name="a", **plain, available=True)) == ("a", "cpu", "yes", "arrays")
    assert cells(BackendFacts(name="b", **plain | absent))[1:3] == ("cuda", "no: no GPU")
    joined = BackendFacts(name="c", **plain, available=True, distributed=True)
    assert "c@2" in cells(joined)[-1]
