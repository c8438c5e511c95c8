"""`perceptron advise` as a process: its document, its words, its files."""

from __future__ import annotations

import json

from tests.conftest import Perceptron


def test_advise_answers_in_one_sentence(perceptron: Perceptron) -> None:
    """On one document: the sentence, what stands behind it, and an estimate that says it is one."""
    process = perceptron(
        *("advise", "--rows", "40", "--features", "3", "--hidden", "2,2", "--budget", "1"),
        *("--what-if", "h100", "--threads", "1", "--json"),
    )
    assert process.returncode == 0, process.stderr
    document = json.loads(process.stdout)
    assert document["problem"] == "mlp:40x3x2x2"
    assert document["use"] in {"numpy", "torch-cpu", "torch-cuda"}
    assert document["sentence"].startswith("Use ")
    assert document["what_if"]["sentence"].startswith("Estimated, not measured, on h100")
