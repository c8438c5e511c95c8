"""`perceptron advise` as a process: its document, its words, its files."""

from __future__ import annotations

import json

import pytest

from tests.commands.conftest import AMPLE
from tests.conftest import Perceptron


@pytest.mark.slow
def test_advise_answers_in_one_document(perceptron: Perceptron) -> None:
    """The sentence, what stands behind it, and an estimate that says it is one."""
    process = perceptron(
        *("advise", "--problem", "or-gate", "--what-if", "h100", "--threads", "1", "--json"),
        *AMPLE,
    )
    assert process.returncode in (0, 3), process.stderr
    document = json.loads(process.stdout)
    assert document["problem"] == "or-gate"
    # Beside other work nothing may be decided.
    assert (document["use"] is None) == (process.returncode == 3)
    assert document["use"] in {None, "numpy"}
    assert document["use"] is None or document["sentence"].startswith("numpy")
    assert document["what_if"]["sentence"].startswith("Estimated, not measured, on h100")
