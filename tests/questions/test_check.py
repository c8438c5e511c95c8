from __future__ import annotations

import pytest

from perceptron.backends import registry
from perceptron.backends.contract.checks import AGREES
from perceptron.backends.numpy_backend import NumpyBackend
from perceptron.backends.numpy_trainer import NumpyTrainer
from perceptron.backends.protocol import Trainer, Unsupported
from perceptron.problems import catalogue
from perceptron.problems.problem import DType, Problem
from perceptron.questions.check import check
from tests.made import silent


class Raises(NumpyBackend):
    def prepare(self, problem: Problem, dtype: DType) -> NumpyTrainer:
        raise RuntimeError("no kernel")


class InFloat32(NumpyBackend):
    def prepare(self, problem: Problem, dtype: DType) -> Trainer:
        if dtype == "float64":
            raise Unsupported("a device without float64")
        return super().prepare(problem, dtype)


def test_agreement_without_float64_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is kept with a reserve, and mistakes are looked for all the same."""
    monkeypatch.setattr(registry, "load", lambda name: InFloat32())
    results = {r.name: r for r in check(["its"], silent, [catalogue.find("xor-hidden")])["its"]}
    assert all(result.holds and result.skipped == 1 for result in results.values())
    notes = {name: result.note for name, result in results.items() if result.note}
    assert notes == {AGREES: "shown in float32 alone, to 0.0001: no float64 here"}


def test_check_backend_that_raises_breaks_its_promises(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line for each; what each mistake breaks is told in `backends.contract`."""
    monkeypatch.setattr(registry, "load", lambda name: Raises())
    (agrees,) = (
        result
        for result in check(["raises"], silent, [catalogue.find("or-gate")])["raises"]
        if result.name == AGREES
    )
    assert not agrees.holds
    assert "no kernel" in agrees.broken[0]
