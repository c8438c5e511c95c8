"""Which rows are selected: those of one state of the code and one definition."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from perceptron.questions.crossover.judge import crossovers
from perceptron.records.measurement import Measurement
from perceptron.statistics.select import (
    OTHER_DEFINITION,
    Definitions,
    times,
)
from tests.made import linear, measured, world
from tests.questions.crossover.conftest import only

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
def test_select_newest_definition_and_warn(rows: list[Measurement]) -> None:
    """Without it a half and a fourfold would be averaged to 1.4."""
    (crossover,) = crossovers(rows, [PAIR])
    assert crossover.status == "always"
    assert [at.ratio for at in crossover.ratio_at] == pytest.approx([0.5, 0.5])
    assert [at.repeats for at in crossover.ratio_at] == [2, 2]
    warnings = Definitions(rows).warnings()
    relevant = [warning for warning in warnings if warning.code == OTHER_DEFINITION]
    assert [warning.message for warning in relevant] == [
        f"line:{size}: 4 rows of definition {OLD[:-3]}{size:03d} left out: the newest are of "
        f"{NEW[:-3]}{size:03d}, another training of that name"
        for size in SIZES
    ]


def test_rows_without_a_digest_are_compared_as_before() -> None:
    """They are from before there were any."""
    rows = [*rows_of(None, 1, 0.5), *rows_of(NEW, 2, 0.5)]
    assert Definitions(rows).keep(rows) == rows
    (crossover,) = crossovers(rows, [PAIR])
    assert [at.repeats for at in crossover.ratio_at] == [4, 4]
    assert Definitions(rows).warnings() == []


def test_select_failed_rows_are_no_newer_definition() -> None:
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
    apart = [row for row in old if row.backend == "numpy"]
    apart += [row for row in new if row.backend == "torch-cpu"]
    (crossover,) = crossovers(apart, [PAIR])
    assert crossover.reason == (
        "never measured together: numpy at code aaaaaaaaaaaa, torch-cpu at code bbbbbbbbbbbb"
    )


def test_select_newest_commit_and_environment() -> None:
    """Rows of an older commit or environment are not more processes."""
    costs = {"numpy": linear(1, 0.1), "torch-cpu": linear(10, 0.01)}
    turned = {"numpy": linear(10, 0.01), "torch-cpu": linear(1, 0.1)}
    for field in ("commit", "environment"):
        new = world(measured, costs, when="2026-02-01T00:00:00Z", **{field: "new"})
        old = [
            replace(measurement, repeat=measurement.repeat + 6)
            for measurement in world(
                measured, turned, when="2026-01-01T00:00:00Z", **{field: "old"}
            )
        ]
        pair = [("numpy", "torch-cpu")]
        assert crossovers(old + new, pair) == crossovers(new, pair)
        assert crossovers(new + old, pair) == crossovers(new, pair)
        assert only(old).status == "reverses"


def test_select_two_times_of_one_process_raise() -> None:
    """They are of two problems, and none of them may stand for both."""
    with pytest.raises(ValueError, match="two times of numpy in process 0"):
        times([measured(seconds=1.0), measured(seconds=2.0)], "numpy")
