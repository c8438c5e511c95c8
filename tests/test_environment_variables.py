from __future__ import annotations

import os
from contextlib import suppress

import pytest

from perceptron.environment_variables import variables_set


def test_what_was_is_put_back_whatever_happens_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what the block itself has removed or changed."""
    monkeypatch.setenv("PERCEPTRON_A", "before")
    monkeypatch.delenv("PERCEPTRON_B", raising=False)
    with (
        suppress(RuntimeError),
        variables_set({"PERCEPTRON_A": "within", "PERCEPTRON_B": "", "PERCEPTRON_C": "new"}),
    ):
        assert (os.environ["PERCEPTRON_A"], os.environ.pop("PERCEPTRON_B")) == ("within", "")
        raise RuntimeError
    assert os.environ["PERCEPTRON_A"] == "before"
    assert not {"PERCEPTRON_B", "PERCEPTRON_C"} & set(os.environ)
