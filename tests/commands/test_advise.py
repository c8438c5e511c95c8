"""`perceptron advise` as a process: its document, its words, its files."""

from __future__ import annotations

import json

import pytest

from tests.conftest import Perceptron


@pytest.mark.slow
def test_advise_answers_in_one_sentence(perceptron: Perceptron) -> None:
    """On one document: the sentence, what stands behind it, and an estimate that says it is one."""
    process = perceptron(
        *("advise", "--rows", "40", "--features", "3", "--hidden", "2,2", "--budget", "1"),
        *("--what-if", "h100", "--threads", "1", "--json"),
    )
    assert process.returncode in (0, 3), process.stderr
    document = json.loads(process.stdout)
    assert document["problem"] == "mlp:40x3x2x2"
    # Beside other work nothing may be decided.
    assert (document["use"] is None) == (process.returncode == 3)
    assert document["use"] in {None, "numpy", "torch-cpu", "torch-cuda"}
    assert document["sentence"].startswith("Use " if document["use"] else "undecided")
    assert document["what_if"]["sentence"].startswith("Estimated, not measured, on h100")
