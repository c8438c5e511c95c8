"""Rows of two definitions of one problem are never compared, and it is said which were left out."""

from __future__ import annotations

from typing import Any

import pytest

from perceptron.analysis.collection import collection_of
from perceptron.analysis.crossover.judge import crossovers
from perceptron.analysis.crossover.sweep import sweeps
from perceptron.analysis.crossover.use import uses
from perceptron.analysis.select import OTHER_DEFINITION, Definitions, current, definitions
from perceptron.records.measurement import Measurement
from tests.made import loaded, measured

OLD, NEW = "0123456789ab", "ba9876543210"
SIZES = (10, 100)
PAIR = ("numpy", "torch-cpu")


def rows_of(digest: str | None, day: int, seconds: float, **fields: Any) -> list[Measurement]:
    """Both backends at each size, NumPy in one second, in two processes that no other rows have."""
    return [
        measured(
            source="perceptron",
            family="line",
            problem=f"line:{size}",
            problem_digest=digest and f"{digest[:-3]}{size:03d}",
            size=size,
            backend=backend,
            seconds=1.0 if backend == "numpy" else seconds,
            repeat=2 * day + process,
            when=f"2026-01-{day:02d}T00:00:00Z",
            **fields,
        )
        for process in (0, 1)
        for size in SIZES
        for backend in PAIR
    ]


BOTH = [*rows_of(NEW, 2, 0.5), *rows_of(OLD, 1, 4.0)]


@pytest.mark.parametrize("rows", [BOTH, BOTH[::-1]])
def test_the_newest_definition_is_judged_and_the_other_told(rows: list[Measurement]) -> None:
    """Without it a half and a fourfold would be averaged to 1.4."""
    (crossover,) = crossovers(rows, [PAIR])
    assert crossover.status == "always"
    assert [at.ratio for at in crossover.ratio_at] == pytest.approx([0.5, 0.5])
    assert [at.repeats for at in crossover.ratio_at] == [2, 2]
    warnings = definitions(rows).warnings()
    told = [warning for warning in warnings if warning.code == OTHER_DEFINITION]
    assert [warning.message for warning in told] == [
        f"line:{size}: 4 rows of definition {OLD[:-3]}{size:03d} left out: the newest are of "
        f"{NEW[:-3]}{size:03d}, another training of that name"
        for size in SIZES
    ]
    (use,) = uses([loaded(rows)], [crossover], lambda row: None)
    assert (use.read, use.used) == (16, 8)
    assert [left.rows for left in use.left_out] == [4, 4]
    for left in use.left_out:
        assert OLD[:-3] in left.reason
        assert NEW[:-3] in left.reason


@pytest.mark.parametrize("rows", [BOTH, BOTH[::-1]])
def test_pages_draw_the_newest_definition_and_complain(rows: list[Measurement]) -> None:
    (sweep,) = sweeps(rows)
    times = {curve.backend: [spot.value.estimate for spot in curve.spots] for curve in sweep.curves}
    assert times == {"numpy": [1.0, 1.0], "torch-cpu": [0.5, 0.5]}
    complaints = collection_of(rows).complaints
    assert len(complaints) == len(SIZES)
    assert all(OLD[:-3] in line and NEW[:-3] in line for line in complaints)


def test_backends_of_two_commits_are_not_put_side_by_side_on_two_problems() -> None:
    """Where each backend's newest rows are taken, be they of different commits."""
    rows = [
        *(row for row in rows_of(OLD, 1, 4.0, commit="a") if row.backend == "numpy"),
        *(row for row in rows_of(NEW, 2, 0.5, commit="b") if row.backend == "torch-cpu"),
    ]
    assert {row.backend for row in current(rows)} == {"torch-cpu"}
    same = [*rows_of(NEW, 1, 4.0, commit="a"), *rows_of(NEW, 2, 0.5, commit="b")]
    assert {row.backend for row in current(same)} == set(PAIR)


def test_older_commits_keep_definitions_of_their_own() -> None:
    """A history is not cut off where a problem was changed: no answer has rows of two commits."""
    rows = [*rows_of(OLD, 1, 4.0, commit="a"), *rows_of(NEW, 2, 0.5, commit="b")]
    assert [(sweep.state.commit, sweep.older) for sweep in sweeps(rows)] == [("b", 1)]
    assert collection_of(rows).complaints == []
    assert definitions(rows).warnings() == []


def test_rows_without_a_digest_are_compared_as_before() -> None:
    """They are from before there were any."""
    rows = [*rows_of(None, 1, 0.5), *rows_of(NEW, 2, 0.5)]
    assert Definitions(rows).keep(rows) == rows
    (crossover,) = crossovers(rows, [PAIR])
    assert [at.repeats for at in crossover.ratio_at] == [4, 4]
    assert definitions(rows).warnings() == []


def test_a_failure_is_no_newer_definition() -> None:
    """What has a time goes before what has none."""
    failed = [
        measured(problem="p", problem_digest=NEW, status="failed", when="2026-02-01T00:00:00Z"),
        measured(problem="p", problem_digest=OLD, seconds=1.0, when="2026-01-01T00:00:00Z"),
    ]
    assert [row.problem_digest for row in Definitions(failed).keep(failed)] == [OLD]


def test_code_of_two_digests_is_never_paired_without_a_commit_either() -> None:
    """As of two wheels; which was judged is said."""
    wheel = {"commit": None, "environment": None}
    old = rows_of(NEW, 1, 4.0, code="aaaaaaaaaaaa", **wheel)
    new = rows_of(NEW, 2, 0.5, code="bbbbbbbbbbbb", **wheel)
    (crossover,) = crossovers([*old, *new], [PAIR])
    assert (crossover.code, crossover.status) == ("bbbbbbbbbbbb", "always")
    assert [at.repeats for at in crossover.ratio_at] == [2, 2]
    (use,) = uses([loaded([*old, *new])], [crossover], lambda row: None)
    assert [(left.rows, left.reason) for left in use.left_out] == [
        (8, "measured by code aaaaaaaaaaaa, other than that of the judged rows, bbbbbbbbbbbb")
    ]
    apart = [row for row in old if row.backend == "numpy"]
    apart += [row for row in new if row.backend == "torch-cpu"]
    (crossover,) = crossovers(apart, [PAIR])
    assert crossover.reason == (
        "never measured together: numpy at code aaaaaaaaaaaa, torch-cpu at code bbbbbbbbbbbb"
    )
    assert len(current(apart)) == 8, "each backend's newest, as with two commits"
