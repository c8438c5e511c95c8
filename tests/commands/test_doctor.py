from __future__ import annotations

import json

import msgspec
import pytest

from perceptron.commands.doctor import doctor as command
from perceptron.questions import doctor
from perceptron.records.conditions import Conditions
from perceptron.records.environment import Environment
from tests.conftest import Perceptron
from tests.made import SOUND, TIRED, diagnosed
from tests.schemas import valid


def test_doctor_json_has_facts_and_warnings(here: Perceptron) -> None:
    """Facts, conditions and warnings of this very machine; 1 if there are warnings."""
    process = here("doctor", "--json", "--threads", "1")
    document = valid(process.stdout, "doctor")
    assert process.returncode == (1 if document["warnings"] else 0), process.stderr
    facts = msgspec.convert(document["conditions"], Conditions)
    assert document["environment"]["cores"] >= 1
    assert facts.clock_tick_seconds is not None
    # Two processes may not end in their four seconds beside fifteen others.
    assert facts.loop is None or facts.loop.slowest_to_fastest >= 1
    assert all(set(warning) == {"code", "message", "advice"} for warning in document["warnings"])


@pytest.mark.parametrize(("conditions", "wrong"), [(SOUND, False), (TIRED, True)])
def test_doctor_exit_code_is_0_without_warnings(
    environment: Environment,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    conditions: Conditions,
    wrong: bool,
) -> None:
    """1 is the command's own bad news, after the document."""
    diagnosis = diagnosed(environment, conditions)
    monkeypatch.setattr(doctor, "doctor", lambda threads, progress: diagnosis)
    assert command(json=True) == wrong
    assert len(json.loads(capsys.readouterr().out)["warnings"]) == 2 * wrong
