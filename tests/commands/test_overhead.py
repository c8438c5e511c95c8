"""`perceptron overhead` for real: its document."""

from __future__ import annotations

import pytest

from perceptron.questions.overhead import study as overhead
from tests.commands.conftest import AMPLE
from tests.conftest import Perceptron
from tests.schemas import valid


@pytest.mark.slow
def test_overhead_prints_the_documents_of_the_contract(
    here: Perceptron, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the phases of the eager one; in one repeat, which decides nothing on any machine."""
    monkeypatch.setattr(overhead, "_FIRST", 1)
    process = here(
        *("overhead", "--quick", "--backends", "torch-cpu", "numpy", "torch-cuda"),
        *("--threads", "1", "--json", *AMPLE),
    )
    assert process.returncode == 3, process.stderr
    document = valid(process.stdout, "overhead")
    assert document["problem"] == "or-gate"
    variants = {variant["backend"]: variant for variant in document["rungs"]}
    assert variants["torch-cpu"]["kernels_per_iteration"] >= 10
    if variants["torch-cuda"]["seconds_per_iteration"] is None:
        assert variants["torch-cuda"]["reason"]
    phases = [phase for phase in document["phases"] if phase["backend"] == "torch-cpu"]
    assert {phase["phase"] for phase in phases} >= {"forward", "loss", "backward"}
    (whole,) = [entry for entry in document["phases_of_whole"] if entry["backend"] == "torch-cpu"]
    assert whole["phases_seconds"] == pytest.approx(
        sum(phase["seconds_per_iteration"] for phase in phases)
    )
    # The same unit: a mistake would be a factor of 1,000, and a neighbour's load is one of ten.
    assert 1 / 100 < whole["phases_seconds"] / whole["seconds_per_iteration"] < 100
