from __future__ import annotations

import pytest

from perceptron.backends import registry
from perceptron.backends.numpy_backend import NumpyBackend
from perceptron.backends.numpy_trainer import NumpyTrainer
from perceptron.problems import catalogue
from perceptron.problems.problem import DType, Problem
from perceptron.studies.check import check
from tests.made import silent


class Raises(NumpyBackend):
    def prepare(self, problem: Problem, dtype: DType) -> NumpyTrainer:
        raise RuntimeError("no kernel")


def test_a_backend_that_raises_breaks_its_promises(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line for each; what each mistake breaks is told in `backends.contract`."""
    monkeypatch.setattr(registry, "load", lambda name: Raises())
    (agrees,) = (
        result
        for result in check(["raises"], silent, [catalogue.find("or-gate")])["raises"]
        if result.name == "agrees with float64 NumPy"
    )
    assert not agrees.kept
    assert "no kernel" in agrees.broken[0]
