"""A rehearsal says what it is wherever a row could be taken for one of a device."""

from __future__ import annotations

import pytest

from perceptron import rehearsal


@pytest.mark.parametrize("value", ["1", "yes"])
def test_nothing_of_a_rehearsal_passes_for_a_device(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv(rehearsal.VARIABLE, value)
    assert rehearsal.device_label("cuda") == "cuda stand-in"
    assert rehearsal.device_label("cpu") == "cpu"
    assert rehearsal.machine_label("box") == "box-rehearsal"
    assert rehearsal.machine_label("box-rehearsal") == "box-rehearsal"
    assert rehearsal.machine_label("rehearsal") == "rehearsal"


@pytest.mark.parametrize("value", [None, "", "0"])
def test_otherwise_everything_has_its_own_name(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv(rehearsal.VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(rehearsal.VARIABLE, value)
    assert rehearsal.device_label("cuda") == "cuda"
    assert rehearsal.machine_label("box") == "box"
