"""Which rows are selected: possible ones, of one state of the code and one definition."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest
from msgspec.structs import replace

from perceptron.analysis.collection import collection_of
from perceptron.analysis.crossover.judge import crossovers
from perceptron.analysis.crossover.sweep import sweeps
from perceptron.analysis.crossover.use import uses
from perceptron.analysis.select import (
    OTHER_DEFINITION,
    Definitions,
    current,
    definitions,
    plausible,
    times,
)
from perceptron.records.conditions import GpuState
from perceptron.records.measurement import Measurement
from tests.analysis.crossover.conftest import only
from tests.made import POWERS, linear, loaded, measured, read_as_one, world

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
        (8, "of another commit, code, environment or version than was judged")
    ]
    apart = [row for row in old if row.backend == "numpy"]
    apart += [row for row in new if row.backend == "torch-cpu"]
    (crossover,) = crossovers(apart, [PAIR])
    assert crossover.reason == (
        "never measured together: numpy at code aaaaaaaaaaaa, torch-cpu at code bbbbbbbbbbbb"
    )
    assert len(current(apart)) == 8, "each backend's newest, as with two commits"


def test_the_newest_state_of_code_and_libraries_counts() -> None:
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


def test_each_backend_has_a_newest_state_of_its_own() -> None:
    """One measured again after an upgrade beside the other as it was last measured."""
    fast = world(measured, {"torch-cpu": linear(10, 0.01)}, commit="b", when="2026-02-01")
    before = world(measured, {"numpy": linear(1, 0.1), "torch-cpu": linear(1, 1)}, commit="a")
    newest = current(before + fast)
    assert {(measurement.backend, measurement.commit) for measurement in newest} == {
        ("numpy", "a"),
        ("torch-cpu", "b"),
    }
    assert len(newest) == 2 * len(POWERS) * 6


def test_two_states_that_were_read_together_are_not_compared() -> None:
    """The newest commit that has both is judged, even if one was measured again after it."""
    fast = world(measured, {"torch-cpu": linear(10, 0.01)}, commit="b", when="2026-02-01")
    before = world(measured, {"numpy": linear(1, 0.1), "torch-cpu": linear(1, 1)}, commit="a")
    crossover = only(read_as_one([before, fast]))
    assert (crossover.status, crossover.commit) == ("never", "a")


def test_a_later_row_without_a_time_does_not_retire_the_earlier() -> None:
    """A GPU that is gone today was measured yesterday; and who never had one keeps its reason."""
    timed = measured(commit="a", when="2026-01-01", seconds=1.0)
    gone = measured(commit="b", when="2026-02-01", status="skipped", reason="no CUDA device found")
    absent = measured(
        backend="jax", commit="a", when="2026-01-01", status="skipped", reason="no jax"
    )
    assert current([timed, gone, absent]) == [timed, absent]


def test_what_no_clock_has_seen_is_no_time() -> None:
    seconds = (1.0, 0.0, -1.0, float("inf"), float("nan"))
    assert times([measured(repeat=k, seconds=one) for k, one in enumerate(seconds)], "numpy") == {
        0: 1.0
    }


def test_two_times_of_one_process_are_never_one_of_them() -> None:
    """They are of two problems, and none of them may stand for both."""
    with pytest.raises(ValueError, match="two times of numpy in process 0"):
        times([measured(seconds=1.0), measured(seconds=2.0)], "numpy")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"seconds": 1e-9, "samples": [1e-9, 1.0], "prepare_seconds": 0.0, "peak_bytes": 0},
        {"seconds": 1e9, "size": 2**60, "stdev": 0.0, "iterations": 10**12},
        {"seconds": None, "status": "skipped", "reason": "no GPU"},
        {"energy_joules": 0.0, "gpu": GpuState(name="x", temperature_celsius=-5, sm_mhz=1980)},
        {"size": 0.5, "seconds": 1.0, "threads": 1024, "repeat": 10**6},
    ],
)
def test_what_somebody_may_have_measured_is_kept(fields: dict[str, Any]) -> None:
    assert plausible(measured(**fields))


@pytest.mark.parametrize("value", [-1.0, 1e-300, 1.1e9, 1e308, inf, nan])
@pytest.mark.parametrize(
    "field", ["seconds", "device_seconds", "prepare_seconds", "stdev", "samples", "dropped"]
)
def test_times_that_no_clock_has_seen_are_not(field: str, value: float) -> None:
    several = field in ("samples", "dropped")
    assert not plausible(measured(**{field: [1.0, value] if several else value}))


@pytest.mark.parametrize(
    "fields",
    [
        {"energy_joules": -1.0},
        {"energy_joules": nan},
        {"gpu": GpuState(name="x", power_limit_watts=inf)},
        {"gpu": GpuState(name="x", sm_mhz=2**70)},
        {"size": 0},
        {"size": -4},
        {"size": nan},
        {"size": inf},
        {"size": 2.0**61},
        {"size": 1e-300},
        {"peak_bytes": -1},
        {"contended": -1},
        {"contended": 10**400},
        {"waited": -0.1},
        {"waited": nan},
        {"peak_bytes": 2**61},
        {"threads": 0},
        {"threads": 2**61},
        {"iterations": 0},
        {"iterations": 10**400},
        {"repeat": -1},
        {"repeat": 10**400},
    ],
)
def test_counts_that_nobody_can_have_are_not(fields: dict[str, Any]) -> None:
    assert not plausible(measured(**fields))
