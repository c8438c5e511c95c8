from __future__ import annotations

import pytest

from perceptron.backends.protocol import Backend
from perceptron.records.conditions import Conditions
from perceptron.records.environment import Environment
from perceptron.studies import doctor
from perceptron.studies.shared.progress import silent
from tests.made import SOUND


def test_the_answer_comes_soon(monkeypatch: pytest.MonkeyPatch, environment: Environment) -> None:
    """One loop, whose time is limited, and NumPy alone: other libraries take seconds to import."""
    calls: list[object] = []

    def conditions(with_loop: bool) -> Conditions:
        calls.append(with_loop)
        return SOUND

    def facts(backends: list[Backend], threads: int) -> Environment:
        calls.append([backend.name for backend in backends])
        return environment

    monkeypatch.setattr(doctor, "conditions", conditions)
    monkeypatch.setattr(doctor, "environment", facts)
    assert doctor.doctor(1, silent).conditions == SOUND
    assert calls == [True, ["numpy"]]
