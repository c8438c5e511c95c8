"""`perceptron backends`: its document, and its table."""

from __future__ import annotations

import json

from perceptron.backends import registry
from perceptron.backends.protocol import Distributed
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
