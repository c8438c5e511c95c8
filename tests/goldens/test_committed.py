"""Every crossover of the committed results, to the digit."""

from __future__ import annotations

from pathlib import Path

from syrupy.assertion import SnapshotAssertion

from tests.goldens import answers


def test_committed_crossovers(results_of_record: Path, golden_file: SnapshotAssertion) -> None:
    """Of each run by itself, and of all runs of a machine judged together."""
    assert "\n".join(answers.committed(results_of_record)) == golden_file
