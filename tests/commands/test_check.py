"""`perceptron check` as a process: its document, its words, its files."""

from __future__ import annotations

import json

from tests.conftest import Perceptron


def test_check_passes_ours_and_exits_1_for_none(perceptron: Perceptron) -> None:
    process = perceptron("check", "numpy", "--json")
    assert process.returncode == 0
    checks = json.loads(process.stdout)["backends"]["numpy"]
    assert all(not check["broken"] and check["passed"] for check in checks)
