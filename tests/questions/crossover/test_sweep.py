from __future__ import annotations

from math import isfinite
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron.questions.crossover.judge import crossovers
from perceptron.questions.crossover.sweep import Sweep, sweeps
from perceptron.records.measurement import EXTRAS, Measurement
from tests.made import (
    ABSENT,
    line,
    load_measurements,
    map_rows,
    measured,
    read_as_one,
)
from tests.plenty import plenty


def only(rows: list[Measurement]) -> Sweep:
    (sweep,) = sweeps(rows)
    return sweep


def test_sweep_backend_without_time_has_reason() -> None:
    absent = measured(
        family="mlp-width", size=4, backend="torch-cuda", status="skipped", reason=ABSENT
    )
    sweep = only([*line(), replace(absent, problem="mlp-width:4")])
    curves = {curve.backend: curve for curve in sweep.curves}
    assert curves["torch-cuda"].spots == []
    assert curves["torch-cuda"].reason == ABSENT
    assert curves["numpy"].reason is None
    assert [crossover.ratio_at == [] for crossover in sweep.crossovers] == [False, True, True]


@pytest.mark.parametrize(
    "fields",
    [
        {"source": "asv"},
        {"machine": "other"},
        {"family": "other"},
        {"dtype": "float64"},
        {"threads": 1},
        {"optimizer": "adam"},
        {"feed": "host"},
    ],
)
def test_sweep_is_split_where_rows_are_incomparable(fields: dict[str, str]) -> None:
    rows = line()
    rows += [replace(row, **fields) for row in rows]
    judged = sweeps(rows)
    assert len(judged) == 2
    assert "source" in fields or len(crossovers(rows)) == 2
    assert all(spot.repeats == 4 for sweep in judged for spot in sweep.curves[0].spots)


_ANOTHER: list[dict[str, str | None]] = [
    *({"source": "asv"}, {"commit": "older"}, {"commit": None}, {"environment": "other"}),
    *({"when": "2020-01-01T00:00:00Z"}, {"problem_digest": "another"}, {"dtype": "float64"}),
    *({"phase": "forward"}, {"backend": "jax", "device": "cuda"}, {"backend": "a", "when": "3"}),
]


@given(others=st.lists(st.lists(st.sampled_from(_ANOTHER), min_size=1, max_size=3), max_size=4))
def test_sweep_crossovers_equal_those_of_all_rows(
    others: list[list[dict[str, str | None]]],
) -> None:
    rows = line()
    for start, changes in enumerate(others, start=1):
        fields = {name: value for change in changes for name, value in change.items()}
        rows += [
            replace(row, repeat=row.repeat + 10 * start, **fields)
            for row in line()
            if "backend" not in fields or row.backend == "numpy"
        ]
    afresh = sweeps(rows)
    again = sweeps(rows, found=crossovers(rows))
    assert [sweep.crossovers for sweep in again] == [sweep.crossovers for sweep in afresh]


def test_sweep_shows_newest_commit_of_each_case(tmp_path: Path) -> None:
    """Another dtype is another case, of which the newest may be older; the others are counted."""
    made = plenty(tmp_path / "asv", machines=2, commits=5)
    rows = load_measurements(tmp_path)
    newest, before = (made.commits[at][:12] for at in (-1, -2))
    doubled = [replace(row, dtype="float64") for row in rows if row.commit != newest]
    by_case = {
        (sweep.comparison_key.machine, sweep.comparison_key.dtype): (
            sweep.state.commit,
            sweep.older,
        )
        for sweep in sweeps([*rows, *doubled])
    }
    for machine in ("box-00", "box-01"):
        assert by_case.pop((machine, "float64")) == (before, 3)
    assert set(by_case.values()) == {(newest, 4)}
    assert len(by_case) == 2


@pytest.mark.parametrize(
    "rows",
    [
        [],
        line(sizes=(4,)),
        map_rows(),
        [*line("or-gate"), *(row for family in EXTRAS for row in line(family))],
        [replace(row, phase="forward") for row in line()],
    ],
)
def test_sweep_needs_an_axis(rows: list[Measurement]) -> None:
    assert sweeps(rows) == []


# Whatever a clock, a unit or a slip of a pen can make of a time.
SECONDS = st.floats(-300, 9).map(lambda power: 10.0**power)
EXTREME = st.lists(
    st.tuples(
        st.sampled_from((1, 2, 3, 1000, 2**20, 2**59, 2**60)),
        st.sampled_from(("numpy", "torch-cpu", "torch-cuda")),
        st.integers(0, 12),
        st.one_of(st.none(), SECONDS),
        st.one_of(st.none(), st.just(0.0), SECONDS),
        st.one_of(st.none(), SECONDS),
    ),
    max_size=60,
)


@given(EXTREME)
def test_sweep_accepts_extreme_numbers(
    cells: list[tuple[int, str, int, float | None, float | None, float | None]],
) -> None:
    """Nothing is raised, every estimate is finite, and an open end is None."""
    rows = read_as_one(
        [
            [
                measured(
                    source="asv",
                    committed="2026",
                    size=size,
                    problem=f"line:{size}",
                    backend=name,
                    repeat=process,
                    seconds=seconds,
                    prepare_seconds=prepare,
                    stdev=stdev,
                    status="failed" if seconds is None else "ok",
                )
                for size, name, process, seconds, prepare, stdev in cells
            ]
        ]
    )
    for sweep in sweeps(rows):
        spots = [spot for curve in [*sweep.curves, *sweep.cold] for spot in curve.spots]
        for at in (at for crossover in sweep.crossovers for at in crossover.ratio_at):
            assert isfinite(at.ratio)
            assert all(end is None or isfinite(end) for end in (at.low, at.high))
        for spot in spots:
            ends = (spot.value.low, spot.value.estimate, spot.value.high)
            assert all(end is None or isfinite(end) for end in ends)
        for crossover in [*sweep.crossovers, *sweep.cold_crossovers]:
            assert all(
                end is None or isfinite(end)
                for end in (crossover.low, crossover.size, crossover.high)
            )
            assert crossover.reason is None or len(crossover.reason) < 400
