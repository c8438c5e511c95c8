from __future__ import annotations

import pytest
from msgspec.structs import replace

from perceptron.backends.protocol import Backend
from perceptron.measure.neighbours import Seen
from perceptron.records.conditions import Conditions, CoreUse, Neighbour
from perceptron.records.environment import Environment
from perceptron.studies import doctor
from perceptron.studies.shared.progress import silent
from tests.made import SOUND

BROWSER = Neighbour(name="chromium", pid=1234, share=0.9)


def test_the_answer_comes_soon(monkeypatch: pytest.MonkeyPatch, environment: Environment) -> None:
    """One loop, whose time is limited, and NumPy alone: other libraries take seconds to import."""
    calls: list[object] = []

    def conditions(with_loop: bool) -> Conditions:
        calls.append(with_loop)
        return SOUND

    def facts(backends: list[Backend], threads: int) -> Environment:
        calls.append([backend.name for backend in backends])
        return environment

    class Look:
        def __init__(self) -> None:
            calls.append("look")

        def end(self) -> Seen:
            calls.append("seen")
            return Seen(CoreUse(neighbours=[BROWSER], other_cores=0.9, threads_waited=0.3))

    monkeypatch.setattr(doctor, "Look", Look)
    monkeypatch.setattr(doctor, "conditions", conditions)
    monkeypatch.setattr(doctor, "environment", facts)
    diagnosis = doctor.doctor(2, silent)
    assert diagnosis.conditions == replace(
        SOUND, neighbours=[BROWSER], other_cores=0.9, threads_waited=0.3
    )
    assert [warning.code for warning in diagnosis.warnings] == ["busy-neighbour"]
    assert calls == ["look", True, "seen", ["numpy"]], "the loop runs while the look lasts"
