"""Backends whose library is not installed, named before anything is measured."""

from __future__ import annotations

import pytest

from perceptron import optional
from perceptron.backends import registry
from perceptron.commands.shared.skipped import announce_skipped


def test_backends_without_their_library_are_named_once_for_each_library(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(optional, "find_spec", lambda name: None)
    announce_skipped((*registry.DEFAULT, "numba"))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        'skipped: torch-cpu, torch-cuda: torch is not installed: pip install "perceptron[torch]"',
        'skipped: numba: numba is not installed: pip install "perceptron[numba]"',
    ]


def test_a_device_that_is_not_there_is_left_to_its_row(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By default a GPU is asked for, and most machines have none."""
    monkeypatch.setattr(registry, "reason_unavailable", lambda name: "no CUDA device found")
    announce_skipped(registry.DEFAULT)
    assert capsys.readouterr().err == ""
