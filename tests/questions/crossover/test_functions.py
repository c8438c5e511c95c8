"""What is called next of a user's functions: simulated, with times that follow power laws."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from perceptron.questions.crossover.functions import Called, next_calls, notes
from perceptron.questions.crossover.judge import crossovers
from perceptron.records.measurement import Measurement
from tests.made import measured

LAWS = {"linear": (1e-6, 1.0), "square": (1e-8, 2.0), "flat": (1e-4, 0.0)}


def called(*names: str, sizes: tuple[int, ...], is_list: bool = False) -> Called:
    return Called(
        names=names,
        axes=("size",),
        sizes=(sizes,),
        is_list=is_list,
        is_checked=True,
        is_random=False,
        files=(),
        family="own",
        digest="0",
    )


def seconds_of(law: tuple[float, float], size: float) -> float:
    factor, power = law
    return factor * size**power


def searched(functions: Called, laws: dict[str, tuple[float, float]]) -> list[Measurement]:
    """Return the rows of a whole search, with noise that is the same every time."""
    rows: list[Measurement] = []
    pairs = list(combinations(functions.names, 2))
    for _ in range(200):
        jobs = next_calls("own.py", functions, pairs, 1, rows, quick=False)
        if not jobs:
            return rows
        # As the campaign does: all that was asked for with the first repeat, then it asks again.
        repeat = min(job.repeat for job in jobs)
        for job in jobs:
            if job.repeat == repeat:
                size = int(job.problem.rpartition(":")[2])
                noise = 1 + 0.01 * ((7 * job.repeat + size * ord(job.backend[0])) % 5)
                seconds = seconds_of(laws[job.backend], size) * noise
                rows.append(
                    measured(
                        backend=job.backend,
                        size=size,
                        seconds=seconds,
                        family="own",
                        repeat=repeat,
                        dtype=None,
                    )
                )
    raise AssertionError("the search does not end")


def test_function_crossover_lies_within_its_interval() -> None:
    rows = searched(called("linear", "square", sizes=(4, 10**6)), LAWS)
    (crossover,) = crossovers(rows, [("linear", "square")])
    assert crossover.status == "reverses"
    assert crossover.size is not None
    assert crossover.low is not None
    assert crossover.high is not None
    assert crossover.low <= 100 <= crossover.high
    assert crossover.high / crossover.low < 1.3


def test_sizes_of_a_list_are_measured_as_they_are() -> None:
    sizes = (3, 30, 300)
    rows = searched(called("linear", "square", "flat", sizes=sizes, is_list=True), LAWS)
    measured = {(row.backend, row.size) for row in rows}
    assert measured == {(name, size) for name in LAWS for size in sizes}
    assert len(rows) == 8 * len(measured)


def test_sizes_that_are_left_out_have_a_reason() -> None:
    functions = called("a", "b", sizes=(4, 10**6))
    sizes = [size for size in functions.grid if size < 1_000]
    rows = [
        measured(backend=name, size=size, seconds=1e-6, family="own", dtype=None)
        for name in ("a", "b")
        for size in sizes[:-1]
    ]
    failed = {"status": "failed", "reason": "out of memory"}
    rows.append(measured(backend="a", size=sizes[-1], seconds=1e-6, family="own", dtype=None))
    rows.append(measured(backend="b", size=sizes[-1], family="own", dtype=None, **failed))
    jobs = next_calls("own.py", functions, [("a", "b")], 1, rows, quick=False)
    assert max(int(job.problem.rpartition(":")[2]) for job in jobs) <= sizes[-1]
    (note,) = notes(functions, [("a", "b")], rows)
    assert note.endswith(f"up were left out: b fails at {sizes[-1]}")


@settings(max_examples=40)
@given(
    powers=st.tuples(st.floats(0, 3), st.floats(0, 3)),
    factors=st.tuples(st.floats(-8, -4), st.floats(-8, -4)),
    high=st.integers(64, 10**9),
)
def test_function_calls_stay_short_above_grid_minimum(
    powers: tuple[float, float], factors: tuple[float, float], high: int
) -> None:
    laws = {
        name: (10**factor, power)
        for name, factor, power in zip(("a", "b"), factors, powers, strict=True)
    }
    functions = called("a", "b", sizes=(4, high))
    rows = searched(functions, laws)
    for row in rows:
        assert row.size <= functions.grid[1] or seconds_of(laws[row.backend], row.size) < 0.6
    reached = max(row.size for row in rows)
    lines = notes(functions, [("a", "b")], rows)
    assert bool(lines) == (reached < high)
