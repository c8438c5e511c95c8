"""`perceptron compare` tells the same of the same blocks: JSON, terminal, comment and page."""

from __future__ import annotations

from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from perceptron.records.block import Block
from tests.goldens import answers
from tests.goldens.blocks import SORT, SUM, broken, counted, timed
from tests.goldens.explained import explained
from tests.goldens.shown import document, figures_last, golden
from tests.made_comparison import comparison

CASES: dict[str, list[Block]] = {
    "clean": [*timed(SUM, 1.0), *timed(SORT, 1.0)],
    "slower_by_instructions": [*counted(SUM, 1.1), *timed(SUM, 1.1, 0.1)],
    "slower_by_the_clock": timed(SUM, 1.08, fresh=20),
    "undecided": [*timed(SUM, 1.0, 0.2), *timed(SORT, 1.0)],
    "undecided_by_the_clock": [
        *counted(SUM, 1.0),
        *timed(SUM, 1.0, 0.08),
        *counted(SORT, 1.0),
        *timed(SORT, 1.0),
    ],
    "unsteady": timed(SUM, 1.08, fresh=20, drift=1.08),
    "broken_on_head": [*broken(SUM, "ValueError: no sum"), *timed(SORT, 1.0)],
    "not_comparable": broken(SUM, "ImportError: no sums", on_both=True),
}


@pytest.mark.parametrize("case", CASES)
def test_compare(case: str, tmp_path: Path, golden_file: SnapshotAssertion) -> None:
    blocks = CASES[case]
    fresh = sum(block.stage == "confirmation" for block in blocks)
    judged = [
        benchmark
        for benchmark in (SUM, SORT)
        if any(block.benchmark == benchmark.key for block in blocks)
    ]
    html = tmp_path / "html"
    printed, text, comment, page = answers.compared(
        comparison(), judged, blocks, {SUM.key: fresh} if fresh else {}, html
    )
    shown = golden(
        tmp_path,
        terminal=text,
        json=document(
            printed, "compare", "blocks", "benchmarks", *([] if case == "clean" else ["plan"])
        ),
        comment=comment,
        page=figures_last(page),
    )
    assert shown == golden_file


def test_every_kind_of_change_explained(
    tmp_path: Path, golden_file: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By functions and counts, on a busy machine, with what was left out and why.

    Its JSON is what is put in here.
    """
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    every_kind = explained()
    text, comment, page = answers.rendered(
        every_kind, tmp_path / "html", (12, "d" * 40), "https://we.example/suite"
    )
    shown = golden(
        tmp_path,
        terminal=text,
        comment=comment,
        marks=answers.annotated(every_kind),
        page=figures_last(page),
    )
    assert shown == golden_file
