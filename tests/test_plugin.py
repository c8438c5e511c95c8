"""Backends from another package, found by its entry points and checked for real."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import ROOT, install_backend, typed

PACKAGE = """
from perceptron.backends.numpy_backend import NumpyBackend
from dataclasses import replace

class Good(NumpyBackend):
    name = "elsewhere"
    summary = "NumPy under another name"

class Wrong(NumpyBackend):
    name = "elsewhere-wrong"
    summary = "NumPy with a rate of its own"

    def prepare(self, problem, dtype):
        optimizer = replace(problem.optimizer, rate=1.01 * problem.rate)
        return super().prepare(replace(problem, optimizer=optimizer), dtype)
"""


def test_plugin_contract_can_be_checked(tmp_path: Path) -> None:
    """The right one keeps it; exit code 1 and the difference are for the wrong one.

    On two problems: on all of them each backend of ours is checked.
    """
    (tmp_path / "elsewhere.py").write_text(PACKAGE)
    install_backend(tmp_path, "elsewhere", "elsewhere:Good")
    install_backend(tmp_path, "elsewhere-wrong", "elsewhere:Wrong")
    problems = ("--problem", "or-gate", "--problem", "mlp-depth:2")
    command = ("check", "elsewhere", "elsewhere-wrong", *problems, "--json")
    process = typed(tmp_path, *command, path=(tmp_path, ROOT))
    assert process.returncode == 1, process.stderr
    checks = json.loads(process.stdout)["backends"]
    assert all(check["passed"] and not check["broken"] for check in checks["elsewhere"])
    broken = [text for check in checks["elsewhere-wrong"] for text in check["broken"]]
    assert any("disagrees with float64 NumPy" in text for text in broken), broken
