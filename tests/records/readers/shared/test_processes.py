from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron.records.measurement import Measurement
from perceptron.records.readers.shared.processes import number_processes
from tests.conftest import MakeRow
from tests.made import measured

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
    """Gaps in what earlier runs use are filled where all of a run fits in; else rows stay."""
    rows = [
        [
            measured(backend=backend, size=size, process=process, dtype=dtype)
            for backend, size, process, dtype in run
        ]
        for run in runs
    ]
    numbers = plainly_numbered(rows)
    together = [row for run in rows for row in run]
    assert number_processes(rows) == [
        replace(row, process=number) for row, number in zip(together, numbers, strict=True)
    ]


def test_many_values_of_one_process_get_numbers_in_a_row(row: MakeRow) -> None:
    """A table that says process 7 in every line, and another like it."""
    table = [row(process=7)] * 20_000
    numbers = [one.process for one in number_processes([table, table])]
    assert numbers == list(range(7, 40_007))
