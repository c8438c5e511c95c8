from __future__ import annotations

import pytest

from perceptron.records.comparison import ComparisonEnvironment, Row
from perceptron.report.pull_request.comment import comment
from perceptron.report.tables.comparison_notes import (
    counted,
    detectable,
    notes,
)
from tests.made_comparison import broken, comparison, row, work


def test_notes_say_how_disturbed_the_run_was() -> None:
    """Only where it was."""

    def said(*rows: Row) -> list[str]:
        return [line for line in notes(comparison(*rows)) if line.startswith("wait")]

    busy = row(waited=0.31, disturbed=14, retaken=1)
    assert said(row(waited=0.02, disturbed=0), busy, row()) == [
        "waited for a core: median 16.5 % of the time, worst 31.0 %; 14 samples and 1 block "
        "taken again"
    ]
    assert said(row(waited=0.01, disturbed=0)) == [
        "waited for a core: median 1.0 % of the time, worst 1.0 %"
    ]
    assert said(row(waited=0.0001, disturbed=0)) == []
    assert said(row()) == []


def test_what_installed_code_was_compared_is_noted() -> None:
    """And nothing is where trees were."""
    one, two = "fastsum 1.2.0 from ~/a/fastsum", "fastsum 1.3.0 from ~/b/fastsum"
    environment = ComparisonEnvironment(
        machine={}, base={}, head={}, variables={}, base_code=one, head_code=two
    )
    compared = comparison(row(), environment=environment)
    assert {f"BASE imported {one}", f"HEAD imported {two}"} <= set(notes(compared))
    assert f"BASE imported `{one}`, HEAD imported `{two}`" in comment(compared)
    assert not any("imported" in line for line in notes(comparison(row())))


def test_a_reason_is_given_once_for_all_rows_that_have_it() -> None:
    """One line for nineteen, not nineteen lines."""
    noisy = [
        row(benchmark=f"t{number}", params=[], reason="too noisy here: raise --budget")
        for number in range(19)
    ]
    seen = [
        row(benchmark=name, params=[], reason=f"same work; the clock could have seen {size} %")
        for name, size in (("u", 12), ("v", 38), ("w", 9))
    ]
    lines = notes(comparison(*noisy, *seen))
    assert lines[0] == "t0, t1 and 17 more: too noisy here: raise --budget"
    assert lines[1] == "u, v and 1 more: same work; the clock could have seen 9 to 38 %"


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ([0.03, 0.05, None], "median 5.0 %, worst: cannot tell (1 of 3)"),
        ([0.03, 7.2e7, None], "cannot tell (2 of 3)"),
        ([], "nothing was measured"),
    ],
)
def test_how_many_could_not_tell_is_said(sizes: list[float | None], words: str) -> None:
    rows = [row(smallest_detectable=size) for size in sizes]
    # What broke has no size that anybody wants.
    assert detectable([*rows, broken()]) == f"smallest detectable slowdown: {words}"


def test_the_evidence_of_counting_is_one_line() -> None:
    """How many did the same work, how exactly, and how many could not be counted."""
    rows = [
        row(work=work()),
        row(work=work(noise=0.0011)),
        row(work=work(0.05)),
        row(benchmark="a", params=[], not_counted="it spins in threads"),
        row(benchmark="b", params=[], not_counted="it spins in threads"),
    ]
    here = ComparisonEnvironment(
        machine={}, base={}, head={}, variables={}, counter="valgrind-3.24.0"
    )
    lines = notes(comparison(*rows, environment=here))
    assert (
        "counted by valgrind-3.24.0: 2 of 5 did the same work (largest noise 0.11 %), "
        "2 could not be counted"
    ) in lines
    assert "not counted: a and b: it spins in threads" in lines
    assert counted(rows[3:]) == "none of 2"
    assert not any("counted" in line for line in notes(comparison(row())))
