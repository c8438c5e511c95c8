"""The page of the docs is about the gate as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.validation.gate.prove import current_gate
from benchmarks.validation.gate.shown.page import measured_gate

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize(
    ("page", "digest"),
    [
        ("commit abc, gate `0123abc`. Every block", "0123abc"),
        ("The gate `compare` judges blocks", None),
        ("# How often the gate is wrong", None),
    ],
)
def test_a_page_names_the_gate_that_it_is_about(page: str, digest: str | None) -> None:
    assert measured_gate(page) == digest


def test_the_proof_in_the_docs_is_of_todays_gate() -> None:
    """Else its numbers are of code that nobody runs."""
    page = ROOT / "docs" / "gate-proof.md"
    assert measured_gate(page.read_text(encoding="utf-8")) == current_gate().work, (
        f"{page.relative_to(ROOT)} was measured with other code of the gate, or of the proof's "
        "suite: run `make proof` (about an hour on a quiet machine) and commit the page and its "
        "results"
    )
