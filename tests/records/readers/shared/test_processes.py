from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from perceptron.records.measurement import Measurement
from perceptron.records.readers.shared.processes import number_processes
from tests.conftest import MakeRow

RUNS = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]),
            st.sampled_from([1, 2]),
            st.integers(0, 3),
            st.sampled_from(["float32", "float64"]),
        )
    ),
    max_size=6,
)


def test_tables_of_one_backend_each_pair_up(row: MakeRow) -> None:
    """Several files at once are there to be compared."""
    numbered_rows = number_processes([[row(backend="a")], [row(backend="b")], [row(backend="a")]])
    assert [one.process for one in numbered_rows] == [0, 0, 1]


@given(RUNS)
def test_no_two_values_share_a_process(
    runs: list[list[tuple[str, int, int, str]]],
) -> None:
    """And those that were measured side by side still are."""
    rows = [
        [
            Measurement(
                source="x",
                machine="m",
                when=str(number),
                family="f",
                backend=backend,
                size=size,
                process=process,
                dtype=dtype,
            )
            for backend, size, process, dtype in run
        ]
        for number, run in enumerate(runs)
    ]
    numbered_rows = number_processes(rows)
    claims = [(row.dtype, row.backend, row.size, row.process) for row in numbered_rows]
    assert len(set(claims)) == len(claims)
    given_rows = [row for run in rows for row in run]
    assert [msgspec.structs.replace(row, process=0) for row in numbered_rows] == [
        msgspec.structs.replace(row, process=0) for row in given_rows
    ]
    # Within a run, the first values that shared a process and ground share the new one.
    first: dict[tuple[str, str, int, str | None], dict[tuple[str, float], int]] = {}
    for before, after in zip(given_rows, numbered_rows, strict=True):
        together = first.setdefault((before.when, "f", before.process, before.dtype), {})
        together.setdefault((before.backend, before.size), after.process)
    assert all(len(set(numbers.values())) == 1 for numbers in first.values())


def plainly_numbered(runs: list[list[Measurement]]) -> list[int]:
    """Return the numbers, each run's k-th values of its subjects moved up by one until all fit."""
    used = set()
    numbers = []
    for run in runs:
        passes: dict[tuple[str | None, int], list[int]] = {}
        subjects = [(row.dtype, row.size, row.backend) for row in run]
        same = [(subject, row.process) for subject, row in zip(subjects, run, strict=True)]
        for index, row in enumerate(run):
            passes.setdefault((row.dtype, same[:index].count(same[index])), []).append(index)
        numbered = {}
        for indices in passes.values():
            offset = 0
            while any((subjects[i], run[i].process + offset) in used for i in indices):
                offset += 1
            numbered |= {i: run[i].process + offset for i in indices}
            used |= {(subjects[i], numbered[i]) for i in indices}
        numbers += [numbered[index] for index in range(len(run))]
    return numbers


@given(RUNS)
def test_numbers_are_the_smallest_that_fit(
    runs: list[list[tuple[str, int, int, str]]],
) -> None:
    """Gaps in what earlier runs use are filled where all of a run fits in."""
    rows = [
        [
            Measurement(
                source="x",
                machine="m",
                when="",
                family="f",
                backend=backend,
                size=size,
                process=process,
                dtype=dtype,
            )
            for backend, size, process, dtype in run
        ]
        for run in runs
    ]
    assert [row.process for row in number_processes(rows)] == plainly_numbered(rows)


def test_many_values_of_one_process_get_numbers_in_a_row(row: MakeRow) -> None:
    """A table that says process 7 in every line, and another like it."""
    table = [row(process=7)] * 20_000
    numbers = [one.process for one in number_processes([table, table])]
    assert numbers == list(range(7, 40_007))
